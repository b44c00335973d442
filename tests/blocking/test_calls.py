"""The rules of the calls: when one is repeated, what it leaves behind, and what is counted."""

import contextlib
import socket
import threading
from unittest.mock import MagicMock

import pytest

from socs_tcp import (
    ConnectFailed,
    Disconnected,
    LineFramer,
    ReplyTimedOut,
    TCPInterface,
    WrongReply,
)
from socs_tcp.blocking.connection import Connection


class Ends:
    """Each connection is a socket pair; the device says `greeting` on each, and hears of `far`."""

    def __init__(self, greeting=b""):
        self.far, self.near, self.greeting = [], [], greeting

    def __call__(self, _address=None):
        near, far = socket.socketpair()
        far.settimeout(5)
        far.sendall(self.greeting)
        self.near.append(near)
        self.far.append(far)
        return near

    def answers(self, *said, hang_up=False):
        """Have the device answer the next command on the last connection."""
        def answer(far):
            with contextlib.suppress(OSError):      # the test is over
                far.recv(99)
                far.sendall(b"".join(said))
            if hang_up:
                far.close()
        threading.Thread(target=answer, args=self.far[-1:], daemon=True).start()


@pytest.fixture
def ends():
    made = Ends()
    yield made
    for sock in made.near + made.far:
        sock.close()


def driver(ends, cls=TCPInterface, **options):
    class Driver(cls):
        def _connect(self, address):
            return ends(address)
    options = {"timeout": 5, "settle": 0, **options}
    return Driver("dev", 7777, framer=LineFramer(b"\n"), **options)


def failures(device):
    """How many in a row have failed, for the pace of attempts."""
    return device._TCPInterface__session.pace.failures


# a hook of the driver's own

def test_a_check_ready_of_the_drivers_may_ask_the_device(ends):
    class Asks(TCPInterface):
        def _check_ready(self):
            self.asked = self.query("READY?")
    device = driver(ends, Asks)
    ends.answers(b"yes\n1.5\n")
    assert device.recv() == b"1.5\n" and device.asked == b"yes"


def test_after_its_check_ready_a_call_is_its_own_again(ends):
    class Ready(TCPInterface):
        def _check_ready(self):
            pass
    device = driver(ends, Ready)

    def interrupted(_count):
        with pytest.raises(RuntimeError, match="in the middle of another call"):
            device.query("T?")
        return b"1.5"
    device.comm = MagicMock()
    device.comm.recv.side_effect = interrupted
    assert device.recv() == b"1.5"


def test_what_ends_its_check_ready_leaves_the_answer_owed(ends):
    class Interrupted(TCPInterface):
        def _check_ready(self):
            if hook:
                raise hook.pop()
    hook, device = [KeyboardInterrupt()], driver(ends, Interrupted)
    device.send("A\n")
    with pytest.raises(KeyboardInterrupt):
        device.recv()
    ends.far[0].sendall(b"late\n")
    device.send("B\n")
    assert device.link.bytes_discarded == 4       # (without its end)
    ends.far[0].sendall(b"b\n")
    assert device.recv() == b"b\n"


def test_a_recv_gives_no_negotiation(ends):
    device = driver(ends, telnet=True)
    device.comm = MagicMock()
    device.comm.recv.side_effect = [b"\xff\xf1", b"1.5"]
    assert device.recv() == b"1.5"


# a driver that makes its connections by itself

def test_a_question_goes_to_the_socket_that_a_driver_has_put_in_place(ends):
    device = driver(ends)
    for number in range(2):
        if number:
            device.comm = ends()
        ends.answers(b"%d\n" % number)
        assert device.query("A?") == b"%d" % number
    assert device._TCPInterface__session.asked > 0


def test_close_ends_the_socket_that_a_driver_has_put_in_place(ends):
    device = driver(ends)
    device.comm = ends()
    device.close()
    assert [near.fileno() for near in ends.near] == [-1, -1]


# what is repeated

@pytest.mark.parametrize("timeout", [0.5, 5])
def test_a_send_for_which_no_other_connection_can_be_made_says_why(ends, timeout):
    device = driver(ends, timeout=timeout)
    device._connect = lambda address: None
    device.comm = MagicMock()
    device.comm.sendall.side_effect = ConnectionResetError(104, "Connection reset by peer")
    with pytest.raises(ConnectFailed) as caught:
        device.send(b"A")
    assert caught.value.sent == "maybe"


def test_what_is_safe_to_repeat_is_not_repeated_in_a_reserve(ends):
    device = driver(ends)
    with device.reserve() as talk:
        ends.answers(hang_up=True)
        with pytest.raises(Disconnected, match="the device closed the connection"):
            talk.query("A?", safe_to_repeat=True)
    assert len(ends.far) == 1


def test_what_is_repeated_starts_over(ends):
    device = driver(ends)
    ends.answers(b"1\n", hang_up=True)
    connect, first = ends.__call__, ends.far[0]

    def connect_and_answer(address):
        near = connect(address)
        ends.answers(b"a\nb\n")
        return near
    device._connect = connect_and_answer
    assert device.query("A?", replies=2, safe_to_repeat=True) == [b"a", b"b"]
    assert first is not ends.far[-1]


def test_without_a_timeout_a_recv_resets_too(ends):
    device = driver(ends, timeout=None)
    ends.far[0].close()
    with pytest.raises(Disconnected):
        device.recv(reset_on_error=True)
    assert len(ends.far) == 2 and device.comm is ends.near[1]


# a reserve

def test_what_happened_in_a_reserve_is_told_at_its_end(ends):
    device, told = driver(ends), []
    device.link.observe(lambda _link, change: told.append(change.new.value))
    with device.reserve() as talk:
        ends.far[0].close()
        with pytest.raises(Disconnected):
            talk.query("A?")
        assert told == []
    assert told == ["down"]


def test_a_reserve_waits_for_another_as_long_as_it_is_told(ends):
    device, begun, over = driver(ends), threading.Event(), threading.Event()

    def hold():
        with device.reserve():
            begun.set()
            over.wait(5)
    thread = threading.Thread(target=hold)
    thread.start()
    assert begun.wait(5)
    try:
        with pytest.raises(ReplyTimedOut, match=r"another call has been .* all of the 0\.01 s"), \
                device.reserve(timeout=0.01):
            pass
    finally:
        over.set()
        thread.join(5)


def test_after_a_reserve_the_device_is_free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        device = TCPInterface(*listener.getsockname(), 5, settle=0)
        with device.reserve():
            pass
        device.comm.close()             # in a call, it would be closed at its end only
        assert device.comm.fileno() == -1
        device.close()


def test_a_reserve_goes_on_after_an_answer_that_did_not_come(ends):
    device = driver(ends, timeout=0.05)
    with device.reserve() as talk:
        talk.send("A\n")
        with pytest.raises(ReplyTimedOut):
            talk.recv()
        ends.far[0].sendall(b"late\n")
        talk.send("B\n")
    assert ends.far[0].recv(99) == b"A\nB\n" and len(ends.far) == 1


def test_a_late_answer_that_was_read_already_does_not_answer_what_is_sent(ends):
    device = driver(ends)
    for command in ("A\n", "B\n"):
        device.send(command)
        with pytest.raises(ReplyTimedOut):
            device.recv_frame(timeout=0.01)
    ends.far[0].sendall(b"a\nb\n")
    assert device.recv_frame() == b"a"
    device.send("C\n")
    ends.far[0].sendall(b"c\n")
    assert device.recv_frame() == b"c"


# what is counted

def test_what_is_sent_is_in_the_trace(ends):
    device = driver(ends)
    device.link.keep_trace()
    device.send("A\n")
    assert ends.far[0].recv(99) == b"A\n"
    ends.answers(b"1\n")
    device.query("B?")
    assert [line.split(" ", 1)[1] for line in device.link.trace.lines()] == [
        "> b'A\\n'", "> b'B?\\n'", "< b'1\\n'"]


def test_an_answer_by_recv_frame_that_does_not_come_is_a_failure(ends):
    device = driver(ends)
    device.send("A\n")
    with pytest.raises(ReplyTimedOut):
        device.recv_frame(timeout=0.01)
    assert device.link.timeouts == 1 and device.link.down and failures(device) == 1


def test_the_pace_of_attempts_is_kept_however_much_is_heard_in_on_connect():
    ends = Ends(b"hello\n")

    def on_connect(device):
        assert device.recv() == b"hello\n"
        raise ConnectionError("not the one I know")
    device = driver(ends, on_connect=on_connect, min_interval=60)
    assert device.comm is None and failures(device) == 1
    with contextlib.suppress(ConnectionError):
        device.send("A\n")
    assert failures(device) == 2 and device.retry_in() > 0


def wrong(device):
    device.query("A?", match=lambda reply: False)



def in_vain(device):
    device.query("A?", timeout=0.01)


@pytest.mark.parametrize("settle, ask, said, error", [
    (0, wrong, b"no\n", WrongReply), (0, in_vain, b"", ReplyTimedOut),
    (60, in_vain, b"", ReplyTimedOut)])
def test_a_preparation_fails_once_for_all_that_failed_in_it(ends, settle, ask, said, error):
    caught = []

    def on_connect(device):
        ends.answers(said)
        with pytest.raises(error) as raised:
            ask(device)
        caught.append(raised.value)
        raise raised.value
    device = driver(ends, on_connect=on_connect, settle=settle)
    assert failures(device) == 1 and len(caught) == 1


def test_a_query_listens_no_longer_than_it_may_take(ends, monkeypatch):
    device, waits, hear = driver(ends, settle=60), [], Connection.hear
    monkeypatch.setattr(Connection, "hear", lambda connection, seconds: (
        waits.append(seconds), hear(connection, seconds))[1])
    with pytest.raises(ReplyTimedOut, match="nothing was sent"):
        device.query("A?", timeout=0.01)
    assert waits and max(waits) <= 0.01


def test_a_question_that_could_not_be_sent_may_have_arrived_and_was_not_answered(ends):
    device = driver(ends)
    device.comm = MagicMock()
    device.comm.sendall.side_effect = ConnectionResetError(104, "Connection reset by peer")
    with pytest.raises(Disconnected) as caught:
        device.query("A?")
    assert (caught.value.phase, caught.value.sent) == ("send", "maybe")


def test_a_query_without_time_for_the_gap_blames_nobody(ends):
    device = driver(ends, gap=0.5)
    ends.answers(b"1\n")
    assert device.query("A?") == b"1"
    with pytest.raises(ReplyTimedOut, match=r"commands are 0\.5 s apart \(gap\)"):
        device.query("B?", timeout=0.01)
    assert device.link.up and failures(device) == 0


def test_a_preparation_that_closes_its_socket_has_failed(ends):
    device = driver(ends, on_connect=lambda device: device.comm.close())
    assert device.comm is None
    assert device.link.reason == "the connection was lost while it was prepared"
    device.close()
