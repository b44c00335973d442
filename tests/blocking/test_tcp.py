"""`TCPInterface`: the original's behaviour, and what it adds. No test here sleeps.

Where it matters what the device does and when, `_connect` gives one end of a socket pair.
"""

import gc
import os
import pickle
import select
import socket
import threading
import time
from unittest.mock import MagicMock, patch

import pytest

from socs_tcp import (
    ConnectFailed,
    ConnectTimedOut,
    DeviceConnectionError,
    Disconnected,
    FramingError,
    LineFramer,
    ReplyTimedOut,
    SendTimedOut,
    WrongDevice,
)
from socs_tcp.blocking.cancel import Cancel
from socs_tcp.blocking.connection import Connection
from socs_tcp.tcp import TCPInterface
from socs_tcp.testing.router.config import free_port

BOUND = 5.0


class Bench:
    """Stands in for the network: each connection is a socket pair, in the order of `far`."""

    def __init__(self):
        self.far = []
        self.refusing = False
        self.made = 0
        self.greeting = b""
        self.pair = socket.socketpair

    def __call__(self, address):
        self.made += 1
        if self.refusing:
            return None
        near, far = self.pair()
        near.settimeout(BOUND)
        far.settimeout(BOUND)
        far.sendall(self.greeting)
        self.far.append(far)
        return near

    @property
    def last(self):
        return self.far[-1]


def tcp_pair():
    """As `socket.socketpair`; but the first that is written after the other end closed is lost."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        return near, server.accept()[0]


@pytest.fixture
def bench():
    bench = Bench()
    with patch.object(TCPInterface, "_connect", side_effect=bench):
        yield bench
    for far in bench.far:
        far.close()


@pytest.fixture
def make(bench):
    """Makes interfaces on the bench."""
    made = []

    def make(cls=TCPInterface, timeout=BOUND, **kwargs):
        kwargs.setdefault("min_interval", 0.001)
        kwargs.setdefault("settle", 0)
        made.append(cls("dev", 7777, timeout, **kwargs))
        return made[-1]
    yield make
    for device in made:
        device.close()


@pytest.fixture
def device(make):
    return make()


@pytest.fixture
def lines(make):
    """An interface for a device that speaks in lines."""
    return make(framer=LineFramer(b"\n"))


def in_thread(function, *args, **kwargs):
    """Start `function` in a thread; a function that waits for what it raised or returned."""
    result = []

    def run():
        try:
            result.append(function(*args, **kwargs))
        except BaseException as exc:
            result.append(exc)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def wait(bound=BOUND):
        thread.join(bound)
        assert result, "it still waits"
        return result[0]
    return wait


def until_true(condition):
    """Wait, with a bound, until ``condition()`` is true."""
    pause = threading.Event()
    until = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < until
        pause.wait(0.001)


def holder_waits(device):
    """Until a call of another thread is under way."""
    until_true(lambda: not device.check_idle())


def answer(far, reply, size=4096):
    """Answer one command in a thread; the function returned gives the command."""
    def run():
        command = far.recv(size)
        far.sendall(reply)
        return command
    return in_thread(run)


# the seed page, sentence by sentence

def test_it_tries_to_connect_when_instantiated(bench, make):
    with patch.object(TCPInterface, "_connect", side_effect=bench) as connect:
        device = make()
        connect.assert_called_once_with(("dev", 7777))
    assert isinstance(device.comm, socket.socket)


def test_it_logs_but_does_not_raise_if_it_cannot_connect(capfd):
    port = free_port()
    device = TCPInterface("127.0.0.1", port, 1)
    assert device.comm is None
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count(f"127.0.0.1:{port}: link down: cannot connect: Connection refused") <= 1


def test_the_connection_is_reset_when_send_is_called_after_that(bench, make):
    bench.refusing = True
    device = make()
    assert device.comm is None
    bench.refusing = False
    device.send(b"hello")
    assert bench.last.recv(9) == b"hello"
    assert device.comm is not None


def test_an_exception_is_raised_if_it_still_cannot_connect(bench, make):
    bench.refusing = True
    device = make()
    with pytest.raises(ConnectionError) as caught:
        device.send(b"hello")
    assert isinstance(caught.value, ConnectFailed)
    assert caught.value.sent == "no"
    assert device.comm is None


def test_all_bytes_of_a_message_are_sent(device, bench):
    data = os.urandom(1 << 20)
    got = bytearray()

    def read():
        while len(got) < len(data):
            got.extend(bench.last.recv(65536))
    reader = in_thread(read)
    device.send(data)
    reader()
    assert got == data
    assert device.link.bytes_sent == len(data)


def test_the_driver_of_the_page(make, bench):
    class Device(TCPInterface):
        def __init__(self, ip_address, port=501, timeout=10, *args, **kwargs):
            super().__init__(ip_address, port, timeout)

        def get_data(self):
            self.send(b"query")
            return self.recv()
    device = Device("dev")
    assert (device.ip_address, device.port, device.timeout) == ("dev", 501, 10)
    command = answer(bench.last, b"data")
    assert device.get_data() == b"data"
    assert command() == b"query"
    device.close()


def test_the_names_and_their_defaults_are_those_of_the_original():
    import inspect
    signature = inspect.signature(TCPInterface)
    assert list(signature.parameters)[:3] == ["ip_address", "port", "timeout"]
    assert all(p.kind is p.KEYWORD_ONLY for p in list(signature.parameters.values())[3:])
    recv = inspect.signature(TCPInterface.recv).parameters
    assert {name: p.default for name, p in recv.items() if name != "self"} == {
        "bufsize": 4096, "reset_on_error": False}
    assert list(inspect.signature(TCPInterface.send).parameters) == ["self", "msg", "urgent"]
    assert list(inspect.signature(TCPInterface._connect).parameters) == ["self", "address"]


# send

@pytest.mark.parametrize("msg, sent", [(b"X", b"X"), ("5 µ", b"5 \xc2\xb5"),
                                       (bytearray(b"X"), b"X"), (memoryview(b"X"), b"X"),
                                       (b"X\n", b"X\n")])
def test_send_sends_exactly_what_it_is_given(lines, bench, msg, sent):
    lines.send(msg)
    assert bench.last.recv(9) == sent


@pytest.mark.parametrize("msg", [None, 5, ["X"], 1.5])
def test_what_is_no_message_is_refused_before_anything_is_done(device, bench, msg):
    for method in (device.send, device.query):
        with pytest.raises(TypeError, match="must be bytes or str"):
            method(msg)
    assert not device.link.down


def test_nothing_is_lost_by_a_send_after_a_hang_up(device, bench):
    bench.last.close()
    device.send(b"X")
    assert bench.made == 2
    assert bench.last.recv(9) == b"X"


def test_a_send_that_fails_is_tried_a_second_time(make, bench):
    device = make()
    device.comm = broken = MagicMock()
    broken.sendall.side_effect = BrokenPipeError(32, "Broken pipe")
    device.send(b"X")
    broken.close.assert_called()
    assert bench.last.recv(9) == b"X"
    assert device.link.losses == 1


def test_a_send_that_fails_twice_raises(make, bench):
    broken = MagicMock()
    broken.sendall.side_effect = ConnectionResetError(104, "Connection reset by peer")
    with patch.object(TCPInterface, "_connect", return_value=broken) as connect:
        device = make()
        with pytest.raises(Disconnected) as caught:
            device.send(b"X")
        assert connect.call_count == 2
    assert broken.sendall.call_count == 2
    assert isinstance(caught.value.__cause__, ConnectionResetError)
    assert caught.value.sent == "maybe"
    assert device.link.down


def test_a_send_that_could_not_be_repeated_may_have_arrived(make, bench):
    device = make()
    device.comm = MagicMock()
    device.comm.sendall.side_effect = ConnectionResetError(104, "Connection reset by peer")
    bench.refusing = True
    with pytest.raises(ConnectFailed) as caught:
        device.send(b"X")
    assert caught.value.sent == "maybe"


@pytest.mark.parametrize("where", ["in a reserve", "in on_connect"])
def test_a_send_that_must_keep_its_connection_is_not_repeated_and_says_why(make, bench, where):
    device = make() if where == "in a reserve" else None
    broken = MagicMock()
    broken.sendall.side_effect = ConnectionResetError(104, "Connection reset by peer")
    told = []

    def send(talk):
        with pytest.raises(Disconnected, match="Connection reset by peer") as caught:
            talk.send(b"X")
        told.append(caught.value.sent)
    with patch.object(TCPInterface, "_connect", return_value=broken) as connect:
        if device is None:
            make(on_connect=send)
        else:
            device.comm = broken
            with device.reserve() as talk:
                send(talk)
        assert connect.call_count == (device is None)
    assert told == ["maybe"]
    broken.sendall.assert_called_once()


def test_a_device_that_does_not_read_is_said_to_be_one(make, bench):
    device = make(timeout=0.1)
    with pytest.raises(SendTimedOut, match=r"did not take the command within 0\.1 s") as caught:
        device.send(b"x" * (8 << 20))
    assert caught.value.sent == "maybe"
    assert device.link.down
    device.send(b"next")
    assert bench.last.recv(9) == b"next"


# recv

def test_recv_gives_what_has_come(device, bench):
    bench.last.send(b"abcdef")
    assert device.recv(4) == b"abcd"
    assert device.recv() == b"ef"
    assert device.link.bytes_received == 6


def test_recv_never_gives_nothing(device, bench):
    bench.last.send(b"last")
    bench.last.close()
    assert device.recv() == b"last"
    with pytest.raises(Disconnected, match="the device closed the connection"):
        device.recv()
    assert bench.made == 1                  # only if asked
    with pytest.raises(Disconnected, match="the device closed the connection"):
        device.recv()
    assert device.link.down
    assert device.link.losses == 1


def test_recv_gives_up_after_the_timeout(make, bench):
    device = make(timeout=0.05)
    with pytest.raises(ReplyTimedOut, match=r"dev:7777: no reply within 0\.05 s"):
        device.recv()
    assert bench.made == 1
    assert device.comm is not None
    assert device.link.timeouts == 1
    assert device.link.down


def test_recv_without_a_connection_raises(bench, make):
    bench.refusing = True
    device = make()
    with pytest.raises(ConnectFailed):
        device.recv()
    assert bench.made == 1


@pytest.mark.parametrize("fail", ["timeout", "hang-up", "no connection"])
def test_recv_resets_if_asked(bench, make, fail):
    bench.refusing = fail == "no connection"
    device = make(timeout=0.05)
    bench.refusing = False
    if fail == "hang-up":
        bench.last.close()
    with pytest.raises(ConnectionError):
        device.recv(reset_on_error=True)
    assert bench.made == 2
    assert device.comm is not None
    bench.last.send(b"back")
    assert device.recv() == b"back"


@pytest.mark.parametrize("bufsize", [0, -1])
def test_a_size_that_makes_no_sense_is_refused(device, bufsize):
    with pytest.raises(ValueError, match="bufsize must be at least 1"):
        device.recv(bufsize)


def test_recv_takes_first_what_a_query_left(lines, bench):
    answer(bench.last, b"one\ntwo\nthr")
    assert lines.query(b"X") == b"one"
    assert lines.recv(4) == b"two\n"
    assert lines.recv() == b"thr"


def test_recv_after_send_proves_the_link(device, bench):
    bench.last.close()
    with pytest.raises(ConnectionError):
        device.recv()
    device.send(b"X")
    assert device.link.down
    bench.last.send(b"Y")
    device.recv()
    assert device.link.up


def test_a_timeout_of_none_waits(make, bench):
    device = make(timeout=None)
    waiting = in_thread(device.recv)
    holder_waits(device)
    bench.last.send(b"at last")
    assert waiting() == b"at last"


# comm in the hands of a driver

def test_comm_may_be_selected_and_read_and_written_by_a_driver(lines, bench):
    assert select.select([lines.comm], [], [], 0)[0] == []
    bench.last.send(b"abc")
    assert select.select([lines.comm], [], [], BOUND)[0] == [lines.comm]
    assert lines.comm.recv(9) == b"abc"
    lines.comm.sendall(b"def")
    assert bench.last.recv(9) == b"def"


def test_nothing_is_read_ahead_of_a_driver_that_selects(lines, bench):
    bench.last.send(b"unasked")
    lines.check_idle()
    lines.send(b"X")
    assert lines.comm.recv(9) == b"unasked"


def test_comm_keeps_the_timeout_of_the_interface(make, bench):
    device = make(framer=LineFramer(b"\n"))
    device.comm.settimeout(BOUND)
    with pytest.raises(ReplyTimedOut):
        make(framer=LineFramer(b"\n"), late_replies="drain").query(b"X", 0.01)
    answer(bench.far[0], b"one\n")
    device.query(b"X", 0.5)
    assert device.comm.gettimeout() == BOUND


def test_a_driver_may_close_comm(device, bench):
    device.comm.close()
    with pytest.raises(Disconnected):
        device.recv()
    device.send(b"X")
    assert bench.last.recv(9) == b"X"


def test_a_driver_may_close_comm_and_forget_it(device, bench):
    device.comm.close()
    device.comm = None
    device.send(b"X")
    assert bench.last.recv(9) == b"X"


def test_a_driver_may_put_another_socket_in_place(lines, bench):
    bench.last.send(b"of the old one")
    near, far = socket.socketpair()
    old, lines.comm = lines.comm, near
    command = answer(far, b"new\n")
    assert lines.query(b"X") == b"new"
    assert command() == b"X\n"
    old.close()
    far.close()


# mocks, as SOCS' own tests use them

def test_a_mock_as_comm():
    comm = MagicMock()
    comm.recv.side_effect = [b"one", b"two\r\n"]
    with patch("socs_tcp.tcp.TCPInterface._connect", return_value=comm):
        device = TCPInterface("dev", 7777, 10)
        device.send("X")
        comm.sendall.assert_called_once_with(b"X")
        assert device.recv() == b"one"
        comm.recv.assert_called_with(4096)
        assert device.query("Y") == b"two\r\n"
        device.close()
    comm.close.assert_called()


def test_a_mock_that_answers_with_mocks():
    with patch("socs_tcp.tcp.TCPInterface._connect", MagicMock()):
        device = TCPInterface("dev", 7777, 10, framer=LineFramer())
        device.send(b"X")
        assert isinstance(device.recv(), MagicMock)
        assert isinstance(device.query(b"X"), MagicMock)
        assert isinstance(device.recv_frame(), MagicMock)
        assert device.link.up
        assert device.check_idle()


def test_a_mock_that_hangs_up():
    comm = MagicMock()
    comm.recv.return_value = b""
    with patch("socs_tcp.tcp.TCPInterface._connect", return_value=comm):
        device = TCPInterface("dev", 7777, 10)
        with pytest.raises(Disconnected):
            device.recv()


@pytest.mark.parametrize("hook", ["_check_ready", "_reset", "_connect"])
def test_each_hook_may_be_patched(hook, bench):
    with patch(f"socs_tcp.tcp.TCPInterface.{hook}", MagicMock()) as mock:
        device = TCPInterface("127.0.0.1", free_port(), 1)
        if hook == "_reset":
            with pytest.raises(ConnectionError):
                device.comm = None
                device.send(b"X")
        elif hook == "_check_ready":
            device.comm = MagicMock()
            device.recv()
        mock.assert_called()


# hooks of subclasses

def test_a_driver_with_its_own_connect(bench, make):
    class Driver(TCPInterface):
        def _connect(self, address):
            comm = bench(address)
            comm.sendall(b"LOGIN")
            return comm
    device = make(Driver)
    assert bench.last.recv(5) == b"LOGIN"
    bench.last.close()
    device.send(b"X")
    assert bench.last.recv(5) == b"LOGIN"
    assert bench.last.recv(5) == b"X"
    assert device.link.connects == 2


def test_a_driver_with_its_own_reset(bench, make):
    class Driver(TCPInterface):
        resets = 0

        def _reset(self):
            self.resets += 1
            super()._reset()
    device = make(Driver)
    bench.last.close()
    device.send(b"X")
    assert device.resets == 1
    bench.last.close()
    with pytest.raises(ConnectionError):
        device.recv(reset_on_error=True)
    assert device.resets == 2


def test_a_driver_with_the_original_reset(bench, make):
    class Driver(TCPInterface):
        def _reset(self):
            if self.comm:
                self.comm.close()
                self.comm = None
            self.comm = self._connect((self.ip_address, self.port))
    device = make(Driver, framer=LineFramer(b"\n"))
    bench.last.close()
    device.send(b"X")
    assert bench.last.recv(9) == b"X"
    answer(bench.last, b"one\n")
    assert device.query(b"Y") == b"one"
    assert device.link.up


def test_a_driver_with_its_own_check_ready(bench, make):
    class Driver(TCPInterface):
        def _check_ready(self):
            raise ConnectionError("not today")
    device = make(Driver)
    bench.last.send(b"X")
    with pytest.raises(ConnectionError, match="not today"):
        device.recv()
    with pytest.raises(ConnectionError, match="not today"):
        device.recv(reset_on_error=True)
    assert bench.made == 2


def test_check_ready_may_be_called_by_itself(make, bench):
    device = make(timeout=0.05)
    with pytest.raises(ReplyTimedOut):
        device._check_ready()
    bench.last.send(b"X")
    device._check_ready()
    assert device.recv() == b"X"
    assert device.check_idle()              # nothing is left locked


def test_reset_may_be_called_by_itself(device, bench):
    first = device.comm
    device._reset()
    assert first.fileno() == -1
    assert device.comm is not first
    assert bench.made == 2


def test_a_hook_that_raises_leaves_nothing_locked(bench, make):
    class Driver(TCPInterface):
        broken = False

        def _connect(self, address):
            if self.broken:
                raise RuntimeError("a mistake")
            return bench(address)
    device = make(Driver)
    device.broken = True
    bench.last.close()
    with pytest.raises(RuntimeError, match="a mistake"):
        device.send(b"X")
    device.broken = False
    in_thread(device.send, b"X")()
    assert bench.last.recv(9) == b"X"


# query

def test_a_query_adds_the_terminator_and_takes_it_off(lines, bench):
    command = answer(bench.last, b"one\n")
    assert lines.query("X") == b"one"
    assert command() == b"X\n"


def test_without_a_framer_a_reply_is_what_one_recv_gives(device, bench):
    command = answer(bench.last, b"one\r\n")
    assert device.query(b"X") == b"one\r\n"
    assert command() == b"X"


def test_an_interrupted_query_does_not_leave_its_reply_to_the_next(make, bench):
    def match(command, reply):
        if reply == b"stop":
            raise KeyboardInterrupt
        return True
    device = make(framer=LineFramer(b"\n"), late_replies=match)
    answer(bench.last, b"stop\n")
    with pytest.raises(KeyboardInterrupt):
        device.query(b"X")
    assert device.comm is None
    waiting = in_thread(device.query, b"Y")
    holder_waits(device)
    until_true(lambda: len(bench.far) == 2)
    answer(bench.last, b"two\n")
    assert waiting() == b"two"


def test_recv_and_then_the_late_reply_with_drain(make, bench):
    device = make(framer=LineFramer(b"\n"), late_replies="drain", timeout=0.05)
    device.send(b"X\n")
    with pytest.raises(ReplyTimedOut):
        device.recv_frame()
    bench.last.send(b"late\n")
    assert device.recv_frame() == b"late"       # the driver took it after all
    assert bench.last.recv(9) == b"X\n"
    command = answer(bench.last, b"two\n")
    assert device.query(b"Y", BOUND) == b"two"
    assert command() == b"Y\n"
    assert bench.made == 1


def test_the_late_reply_to_a_send_is_drained(make, bench):
    device = make(framer=LineFramer(b"\n"), late_replies="drain", timeout=0.05)
    device.send(b"X\n")
    with pytest.raises(ReplyTimedOut):
        device.recv()
    assert bench.last.recv(9) == b"X\n"
    waiting = in_thread(device.query, b"Y", BOUND)
    holder_waits(device)
    bench.last.send(b"late\n")
    command = answer(bench.last, b"two\n")
    assert waiting() == b"two"
    assert command() == b"Y\n"


@pytest.mark.parametrize("receive", ["recv", "recv_frame"])
def test_the_late_reply_to_a_send_is_dropped_with_its_connection(make, bench, receive):
    device = make(framer=LineFramer(b"\n"), timeout=0.05)
    device.send(b"X\n")
    with pytest.raises(ReplyTimedOut):
        getattr(device, receive)()
    with pytest.raises(ReplyTimedOut):
        device.query(b"Y")
    assert bench.made == 2
    assert bench.last.recv(9) == b"Y\n"


@pytest.mark.parametrize("receive", ["recv", "recv_frame"])
def test_waiting_in_vain_for_what_was_not_asked_costs_no_connection(make, bench, receive):
    device = make(framer=LineFramer(b"\n"), timeout=0.02)
    for _ in range(3):
        with pytest.raises(ReplyTimedOut):
            getattr(device, receive)()
    answer(bench.last, b"one\n")
    assert device.query(b"X", BOUND) == b"one"
    assert bench.made == 1


def test_half_a_frame_that_recv_frame_gave_up_on_does_not_answer_a_query(make, bench):
    device = make(framer=LineFramer(b"\n"), timeout=0.05)
    bench.last.send(b"unas")
    with pytest.raises(ReplyTimedOut, match="an unfinished reply, b'unas'"):
        device.recv_frame()
    bench.last.send(b"ked\n")
    with pytest.raises(ReplyTimedOut):
        device.query(b"X")
    assert bench.made == 2


def test_frames_that_came_before_the_hang_up_are_not_lost(lines, bench):
    bench.last.send(b"one\ntwo\nthr")
    bench.last.close()
    assert lines.check_idle()               # noticed while idle, too
    assert lines.recv_frame() == b"one"
    assert lines.recv_frame() == b"two"
    with pytest.raises(Disconnected, match="in the middle of a reply, after b'thr'"):
        lines.recv_frame()
    waiting = in_thread(lines.recv_frame)
    until_true(lambda: len(bench.far) == 2)
    bench.last.send(b"four\n")
    assert waiting() == b"four"
    assert bench.made == 2


def test_recv_frame_after_a_hang_up_with_nothing_left_connects_anew(lines, bench):
    bench.last.close()
    bench.greeting = b"hello\n"
    assert lines.recv_frame() == b"hello"
    assert bench.made == 2


def test_a_flood_of_unasked_bytes_is_an_error_and_the_link_is_down(make, bench):
    device = make(framer=LineFramer(b"\n"))
    with patch("socs_tcp.core.hearing.MOST_UNASKED", 3), \
            pytest.raises(FramingError, match="without pause") as caught:
        bench.last.send(b"flood")
        device.query(b"X")
    assert caught.value.sent == "no"
    assert device.link.down
    assert device.comm is None
    with pytest.raises(FramingError, match="without pause"):
        device.recv()


def test_what_could_not_be_repeated_may_have_arrived(lines, bench):
    waiting = in_thread(lines.query, b"X", safe_to_repeat=True)
    assert bench.last.recv(9) == b"X\n"
    bench.refusing = True
    bench.last.close()
    error = waiting()
    assert isinstance(error, ConnectFailed)
    assert error.sent == "yes"


def test_the_error_of_a_query_can_be_pickled(make, bench):
    device = make(timeout=0.02)
    with pytest.raises(ReplyTimedOut) as caught:
        device.query(b"X")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


# preparing

def test_on_connect_may_use_the_interface_it_is_given(make, bench):
    def on_connect(dev):
        dev.send(b"A\n")
        seen.append(dev.recv(6))
        seen.append(bench.last.recv(9))
        answering = answer(bench.last, b"world\n")
        seen.extend([dev.query(b"B"), answering()])
    seen = []
    bench.greeting = b"hello\n"
    device = make(framer=LineFramer(b"\n"), on_connect=on_connect, late_replies=lambda c, r: True)
    assert seen == [b"hello\n", b"A\n", b"world", b"B\n"]
    assert device.link.up


def test_on_connect_sees_the_connection_in_comm(make, bench):
    seen = []
    device = make(on_connect=lambda dev: seen.append(dev.comm))
    assert seen == [device.comm]


def test_a_mistake_in_on_connect_is_raised_and_the_link_is_not_up(bench):
    def on_connect(dev):
        devices.append(dev)
        raise ZeroDivisionError
    devices = []
    with pytest.raises(ZeroDivisionError):
        TCPInterface("dev", 7777, 1, on_connect=on_connect)
    assert devices[0].comm is None
    assert not devices[0].link.up


def test_on_connect_may_close(make):
    device = make(on_connect=lambda dev: dev.close())
    assert device.comm is None
    with pytest.raises(Disconnected, match="closed by this program"):
        device.send(b"X")


def test_a_device_with_the_wrong_name(make, bench):
    bench.greeting = b""

    def connect(address):
        near = bench(address)
        answer(bench.last, b"OTHER\n")
        return near
    with patch.object(TCPInterface, "_connect", side_effect=connect):
        device = make(framer=LineFramer(b"\n"), identify=("*IDN?", "ONE"))
        assert device.comm is None
        with pytest.raises(WrongDevice, match="dev:7777: another device answers: b'OTHER'"):
            device.query(b"X")


# threads

def test_two_threads_get_each_their_own(lines, bench):
    def serve():
        for _ in range(200):
            command = b""
            while not command.endswith(b"\n"):
                command += bench.far[0].recv(4096)
            bench.far[0].sendall(b"re " + command)
    serving = in_thread(serve)

    def ask(name):
        return [lines.query(f"{name}{i}") == f"re {name}{i}".encode() for i in range(100)]
    waits = [in_thread(ask, name) for name in "ab"]
    assert all(all(wait(20)) for wait in waits)
    serving()


def test_a_thread_that_waits_for_its_turn_gives_up_in_time(make, bench):
    device = make(timeout=BOUND)
    first = in_thread(device.recv)
    holder_waits(device)
    with pytest.raises(ReplyTimedOut, match="another call has been using the device") as caught:
        device.query(b"X", 0.05)
    assert caught.value.sent == "no"
    bench.last.send(b"Y")
    assert first() == b"Y"


@pytest.mark.parametrize("call", [lambda d: d.recv(), lambda d: d.query(b"X"),
                                  lambda d: d.recv_frame(), lambda d: d._check_ready(),
                                  lambda d: d.send(b"x" * (8 << 20))],
                         ids=["recv", "query", "recv_frame", "check_ready", "send"])
@pytest.mark.parametrize("timeout", [BOUND, None])
def test_close_ends_a_call_of_another_thread_at_once(make, call, timeout):
    device = make(timeout=timeout)
    waiting = in_thread(call, device)
    holder_waits(device)
    in_thread(device.close)(1.0)
    error = waiting(1.0)
    assert isinstance(error, Disconnected)
    assert "closed by this program" in str(error)
    assert device.comm is None


def test_close_ends_a_wait_between_two_attempts(make, bench):
    bench.refusing = True
    device = make(timeout=None, min_interval=BOUND)
    with pytest.raises(ConnectFailed):
        device.send(b"X")
    waiting = in_thread(device.send, b"X")
    holder_waits(device)
    in_thread(device.close)(1.0)
    assert "closed by this program" in str(waiting(1.0))


@pytest.mark.parametrize("call", ["send", "query"])
def test_close_while_a_driver_connects_leaves_nothing_to_send_on(bench, make, call):
    class Driver(TCPInterface):
        def _connect(self, address):
            comm = super()._connect(address)
            if bench.made > 1:
                self.close()
            return comm
    device = make(Driver, framer=LineFramer(b"\n"))
    bench.last.close()
    with pytest.raises(Disconnected, match="closed by this program"):
        getattr(device, call)(b"X\n")
    assert bench.made == 2
    assert bench.last.recv(9) == b""
    assert device.comm is None


def test_close_ends_a_connect_that_is_under_way():
    """A listener whose queue is full lets a client wait as an absent device does."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as first:
        first.connect(listener.getsockname())
        others = [socket.socket() for _ in range(3)]
        for sock in others:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        made = []

        class Driver(TCPInterface):
            def _connect(self, address):
                made.append(self)
                return super()._connect(address)
        waiting = in_thread(Driver, *listener.getsockname(), None)
        until_true(lambda: made)
        threading.Event().wait(0.02)            # let it enter the system call
        in_thread(made[0].close)(1.0)
        assert isinstance(waiting(1.0), Driver)
        assert made[0].comm is None
        for sock in others:
            sock.close()


def test_a_connect_that_takes_too_long_is_a_timeout():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as first:
        first.connect(listener.getsockname())
        others = [socket.socket() for _ in range(3)]
        for sock in others:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        device = TCPInterface(*listener.getsockname(), 0.1)
        assert device.comm is None
        assert isinstance(device.link.error, ConnectTimedOut)
        assert "no connection within 0.1 s" in str(device.link.error)
        for sock in others:
            sock.close()


def test_observers_are_called_with_no_lock_held(device, bench):
    seen = []
    device.link.observe(lambda _link, change: seen.append(in_thread(device.check_idle)()))
    bench.last.close()
    device.send(b"X")                       # which resets inside
    bench.last.send(b"Y")
    device.recv()
    assert seen == [True, True, True]


# idle

def test_a_hang_up_is_noticed_while_nobody_calls(device, bench):
    seen = []
    device.link.observe(lambda _link, change: seen.append(change))
    assert device.check_idle()
    assert not seen
    bench.last.close()
    assert device.check_idle()
    assert device.check_idle()
    assert [change.down for change in seen] == [True]
    assert "while idle" in seen[0].reason
    device.send(b"X")
    assert bench.made == 2
    assert device.link.losses == 1


def test_a_look_while_a_call_is_under_way_does_not_wait(device, bench):
    waiting = in_thread(device.recv)
    holder_waits(device)
    assert device.check_idle() is False
    bench.last.send(b"X")
    waiting()


def test_a_monitor_hears_of_each_connection(device, bench):
    seen = []
    device.tell_connections(seen.append)
    assert seen == [device.comm]
    bench.last.close()
    device.send(b"X")
    assert seen[1:] == [device.comm]


# the end

def test_with(make, bench):
    with make() as device:
        far = bench.last
    assert device.comm is None
    assert far.recv(1) == b""
    assert device.link.state.value == "closed"


@pytest.mark.parametrize("call", [lambda d: d.send(b"X"), lambda d: d.recv(),
                                  lambda d: d.recv(reset_on_error=True), lambda d: d.query(b"X"),
                                  lambda d: d.recv_frame(), lambda d: d._check_ready()])
def test_after_close_every_call_says_so(device, bench, call):
    device.close()
    device.close()
    with pytest.raises(Disconnected, match="dev:7777: closed by this program"):
        call(device)
    assert bench.made == 1


def test_a_forgotten_interface_closes_its_socket(bench):
    device = TCPInterface("dev", 7777, 1)
    comm = device.comm
    del device
    gc.collect()
    assert comm.fileno() == -1


def test_repr(device):
    assert repr(device) == "<TCPInterface dev:7777 open>"


# descriptors

def test_no_call_costs_a_file_descriptor(lines, bench):
    def talk():
        command = answer(bench.last, b"one\ntwo\n")
        lines.query(b"X")
        lines.recv(2)
        lines.recv_frame()
        lines.send(b"Y")
        assert command() + bench.last.recv(9) == b"X\nY"
    talk()
    before = sorted(os.listdir("/proc/self/fd"))
    with patch("select.epoll", side_effect=AssertionError), \
            patch("selectors.DefaultSelector", side_effect=AssertionError):
        for _ in range(20):
            talk()
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_no_attempt_leaves_a_file_descriptor_behind():
    device = TCPInterface("127.0.0.1", free_port(), 1, min_interval=0.001)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with pytest.raises(ConnectFailed):
            device.send(b"X")
    assert len(os.listdir("/proc/self/fd")) == before


# addresses

@pytest.mark.parametrize("host, family", [("127.0.0.1", socket.AF_INET),
                                          ("::1", socket.AF_INET6), ("localhost", None)])
def test_addresses_and_names(host, family):
    with socket.create_server((host if family else "127.0.0.1", 0),
                              family=family or socket.AF_INET) as listener, \
            TCPInterface(host, listener.getsockname()[1], BOUND) as device:
        assert device.comm is not None
        assert device.comm.gettimeout() == BOUND
        if family:
            assert device.comm.family == family


def test_an_unknown_name_is_a_connection_error(capfd):
    device = TCPInterface("no-such-host.invalid", 7777, 1)
    assert device.comm is None
    with pytest.raises(ConnectFailed, match=r"no-such-host\.invalid:7777: cannot connect"):
        device.send(b"X")


def test_a_name_is_looked_up_at_each_attempt():
    with patch("socket.getaddrinfo", side_effect=socket.gaierror(-2, "unknown")) as lookup:
        device = TCPInterface("looked-up.invalid", 7777, 1, min_interval=0.001)
        with pytest.raises(ConnectFailed, match="unknown"):
            device.send(b"X")
    assert lookup.call_count == 2


# mistakes of the programmer

@pytest.mark.parametrize("args, kwargs, kind, text", [
    (("dev", 0, 1), {}, ValueError, "port must be"),
    (("dev", "telnet", 1), {}, ValueError, "port must be"),
    (("dev", 7777, 0), {}, ValueError, "timeout must be"),
    (("dev", 7777, -1), {}, ValueError, "timeout must be"),
    (("dev", 7777, "10"), {}, TypeError, "timeout must be"),
    (("dev", 7777, 1), {"keepalive": 0}, ValueError, "keepalive must be"),
    (("dev", 7777, 1), {"min_interval": 0}, ValueError, "min_interval must be"),
    (("dev", 7777, 1), {"min_interval": None}, TypeError, "min_interval must be"),
    (("dev", 7777, 1), {"late_replies": "match"}, ValueError, "late_replies must be"),
    (("dev", 7777, 1), {"identify": 5}, TypeError, "must be bytes or str"),
    (("dev", 7777, 1), {"framer": b"\n"}, TypeError, "framer must be"),
    (("dev", 7777, 1), {"on_connect": "INIT"}, TypeError, "on_connect must be"),
    ((None, 7777, 1), {}, TypeError, "ip_address must be"),
    ((b"dev", 7777, 1), {}, TypeError, "ip_address must be"),
    (("", 7777, 1), {}, ValueError, "ip_address must be"),
])
def test_a_parameter_that_makes_no_sense_is_refused_and_named(bench, args, kwargs, kind, text):
    with pytest.raises(kind, match=text) as caught:
        TCPInterface(*args, **kwargs)
    assert not isinstance(caught.value, ConnectionError)
    assert bench.made == 0


def test_a_port_may_be_text_as_in_the_original(bench):
    device = TCPInterface("dev", "7777", 1)
    assert device.port == 7777
    device.close()


@pytest.mark.parametrize("timeout", [0, -1, float("inf")])
def test_a_timeout_of_a_call_that_makes_no_sense_is_refused(device, timeout):
    with pytest.raises(ValueError, match="timeout must be"):
        device.query(b"X", timeout)
    with pytest.raises(ValueError, match="timeout must be"):
        device.recv_frame(timeout)
    assert device.check_idle()


def test_every_error_of_a_device_is_one_of_ours(bench, make):
    """Whatever the socket raises, an agent that catches ConnectionError catches it."""
    for cause in (OSError(5, "Input/output error"), ConnectionAbortedError(), TimeoutError(),
                  BrokenPipeError(), OSError("odd")):
        comm = MagicMock()
        comm.sendall.side_effect = comm.recv.side_effect = cause
        with patch.object(TCPInterface, "_connect", return_value=comm):
            device = make()
            for call in (lambda d=device: d.send(b"X"), lambda d=device: d.query(b"X"),
                         device.recv, device.recv_frame):
                with pytest.raises(DeviceConnectionError):
                    call()


def test_a_late_reply_that_is_there_does_not_answer_what_is_sent_next(make, bench):
    """As most drivers talk; the original hands it out as the next answer, and so on for ever."""
    device = make(timeout=0.05)
    device.send(b"A\n")
    with pytest.raises(ReplyTimedOut):
        device.recv()
    bench.last.send(b"late\n")
    device.send(b"B\n")
    bench.last.send(b"b\n")
    assert device.recv() == b"b\n"
    assert device.link.bytes_discarded == 5
    bench.last.send(b"event\n")         # later, what comes by itself is left alone again
    device.send(b"C\n")
    assert device.recv() == b"event\n"
    assert bench.made == 1


@pytest.mark.parametrize("late", [b"late\n", b""])
@pytest.mark.parametrize("ending", ["closed", "reset"])
def test_a_hang_up_right_behind_a_late_reply_is_found_before_the_next_command(make, bench, ending,
                                                                              late):
    """It comes after the look at the connection, so that only the read of the reply finds it."""
    bench.pair = tcp_pair
    device = make(timeout=0.05)
    device.send(b"A\n")
    with pytest.raises(ReplyTimedOut):
        device.recv()
    look = Connection.lost

    def hangs_up_behind_it(connection):
        lost = look(connection)
        if bench.made == 1 and bench.last.fileno() >= 0:
            if ending == "closed":
                bench.last.recv(100)        # (what is not read resets it, too)
            bench.last.send(late)
            bench.last.close()
        return lost
    with patch.object(Connection, "lost", hangs_up_behind_it):
        device.send(b"B\n")
    assert bench.made == 2
    assert bench.last.recv(100) == b"B\n"


def test_nothing_asks_for_the_dict_of_a_device(make, bench):
    """Python makes none before, and finds attributes sooner without."""
    device = make()
    device.send(b"A\n")
    bench.last.send(b"a\n")
    assert device.recv() == b"a\n"
    assert not any(isinstance(held, dict) for held in gc.get_referents(device))


def test_a_hang_up_in_the_gap_is_found_before_the_next_command(make, bench):
    bench.pair = tcp_pair
    device = make(gap=2.0)
    device.send(b"A\n")
    assert bench.last.recv(100) == b"A\n"
    with patch.object(Cancel, "wait", lambda *_: bench.last.close()):
        device.send(b"B\n")
    assert bench.made == 2
    assert bench.last.recv(100) == b"B\n"


def test_what_comes_unasked_is_left_alone_when_nothing_was_given_up(make, bench):
    device = make()
    bench.last.send(b"event\n")
    device.send(b"A\n")
    assert device.recv() == b"event\n"


def test_a_late_reply_that_recv_took_after_all_costs_no_later_one(make, bench):
    device = make(timeout=0.05)
    device.send(b"A\n")
    with pytest.raises(ReplyTimedOut):
        device.recv()
    bench.last.send(b"late\n")
    assert device.recv() == b"late\n"
    bench.last.send(b"event\n")
    device.send(b"B\n")
    assert device.recv() == b"event\n"
