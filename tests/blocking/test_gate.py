"""One call at a time, whatever interrupts it. No test here sleeps."""

import contextlib
import functools
import gc
import itertools
import math
import os
import select
import signal
import socket
import threading

import pytest
from interrupts import interrupted_at

from socs_tcp import Disconnected, LineFramer, ReplyTimedOut, TCPInterface
from socs_tcp.blocking import beside, interface
from socs_tcp.blocking import gate as gates
from socs_tcp.blocking.dial import dial
from socs_tcp.blocking.gate import Busy, Gate

BOUND = 5.0


@pytest.fixture
def pair():
    near, far = socket.socketpair()
    far.settimeout(BOUND)
    with near, far:
        yield near, far


def driver(near, **options):
    class Driver(TCPInterface):
        def _connect(self, address):
            return near
    options = {"settle": 0, "timeout": BOUND, **options}
    return Driver("dev", 7777, framer=LineFramer(b"\n"), **options)


def in_thread(function):
    """Start it; a function that waits for what it returned or raised."""
    result = []

    def run():
        try:
            result.append(function())
        except BaseException as exc:
            result.append(exc)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def wait():
        thread.join(BOUND)
        assert result, "it still runs"
        return result[0]
    return wait


@contextlib.contextmanager
def held(gate, timeout):
    """A call has the device; or one that is a part of it."""
    inside = gate.mine()
    call = gate.inside(timeout) if inside else gate.enter(timeout)
    try:
        yield call
    finally:
        gate.call = call.outer
        if not inside:
            gate.release()


def test_a_second_thread_waits_for_its_turn_and_no_longer_than_its_time():
    gate = Gate()
    with held(gate, None):
        def second():
            with held(gate, 0.01):
                raise AssertionError("two at once")
        assert isinstance(in_thread(second)(), Busy)
        assert gate.busy()
    assert not gate.mine()


def test_code_of_the_driver_is_let_in_only_where_the_device_is_lent():
    gate = Gate()
    with held(gate, 10) as call:
        with pytest.raises(RuntimeError, match=r"only send\(\) is possible"), held(gate, 1):
            pass
        call.lent = True
        with held(gate, None) as inner:
            assert inner.outer is call
            assert inner.deadline == call.deadline and inner.allowed == 10
            with pytest.raises(RuntimeError), held(gate, 1):
                pass
        call.deadline = math.inf        # as in a reserve, which had to be there in time
        with held(gate, None) as inner:
            assert inner.deadline == math.inf and inner.allowed is None
    assert not gate.mine()


def test_what_a_call_was_allowed_is_not_for_the_next():
    gate = Gate()
    with held(gate, 10) as call:
        call.lent = call.receiving = True
    with held(gate, None) as call:
        assert not call.lent and not call.receiving
        assert call.allowed is None and call.deadline == math.inf


IN_THIS_FACE = "socs_tcp/blocking"


@pytest.mark.parametrize("reserved", [False, True])
def test_an_interrupt_at_any_point_leaves_the_device_free(pair, reserved):
    device = driver(pair[0])
    session = device._TCPInterface__session
    for step in itertools.count():
        call = functools.partial(reserve, device) if reserved else functools.partial(work, session)
        interrupted = interrupted_at(step, call, IN_THIS_FACE)
        assert not session.gate.mine(), f"locked by an interrupt at point {step}"
        assert in_thread(functools.partial(work, session))() is None, \
            f"another thread is kept out after point {step}"
        if not interrupted:
            break
    assert step >= 5


def work(session):
    """Have the device, and a part of it again."""
    def inner(call, *_):
        return None

    def outer(call, *_):
        call.lent = True
        session.run(0.5, inner, None, None)
    session.run(0.5, outer, None, None)


def reserve(device):
    with device.reserve(0.5):
        pass


class Answering(TCPInterface):
    """Each connection leads to somebody who answers what is asked, in order."""

    def __init__(self):
        self.ends = []
        super().__init__("dev", 7777, BOUND, framer=LineFramer(b"\n"), settle=0,
                         min_interval=0.001)

    def _connect(self, address):
        near, far = socket.socketpair()
        far.settimeout(BOUND)
        self.ends.append(in_thread(functools.partial(serve, far)))
        return near


@pytest.mark.parametrize("call", ["query", "recv", "recv_frame"])
def test_an_interrupt_anywhere_in_a_call_never_gives_its_reply_to_the_next(call):
    """Each point of it, in turn."""
    for step in itertools.count():
        device = Answering()
        if call != "query":     # its answer is there: what comes later, `settle` must catch
            device.send(b"A\n")
            assert select.select([device.comm], [], [], BOUND)[0]
        waits = functools.partial(getattr(device, call), *(["A"] if call == "query" else []))
        interrupted = interrupted_at(step, waits, IN_THIS_FACE)
        assert in_thread(functools.partial(device.query, "B"))() == b"re B"
        device.close()
        for ended in device.ends:
            ended()
        if not interrupted:
            break
    assert step > 15


def test_an_interrupt_at_any_point_of_a_connect_leaves_no_descriptor():
    before = descriptors()
    with socket.create_server(("127.0.0.1", 0), backlog=4000) as listener:
        address = listener.getsockname()
        step = next(step for step in itertools.count() if not interrupted_at(
            step, lambda: dial(*address, timeout=BOUND).close(), IN_THIS_FACE))
    assert step > 30
    assert descriptors() == before


def descriptors():
    gc.collect()
    return sorted(os.listdir("/proc/self/fd"))


def serve(far):
    """Answer each line, until the other end closes."""
    buffer = b""
    try:
        while data := far.recv(100):
            buffer += data
            while b"\n" in buffer:
                line, buffer = buffer.split(b"\n", 1)
                far.sendall(b"re " + line + b"\n")
    except OSError:
        pass
    finally:
        far.close()


# who may come in between

@pytest.mark.parametrize("reserved", [False, True])
@pytest.mark.parametrize("how, said", [("recv_frame", b"stopped"), ("recv", b"stopped\n"),
                                       ("_check_ready", None)])
def test_a_send_does_not_wait_for_a_recv_in_another_thread(pair, how, said, reserved):
    device, begun = driver(pair[0]), threading.Event()

    def receive():
        with device.reserve() if reserved else contextlib.nullcontext():
            begun.set()
            return getattr(device, how)()
    moving = in_thread(receive)
    assert begun.wait(BOUND)
    device.send(b"ABORT\n")
    assert pair[1].recv(99) == b"ABORT\n"
    pair[1].sendall(b"stopped\n")
    assert moving() == said
    device.close()


def test_a_send_that_has_waited_for_the_device_has_only_what_is_left_of_its_time(
        pair, monkeypatch):
    device, waited = driver(pair[0], timeout=5.0), threading.Event()
    left, passed, real = [], 0.0, gates.monotonic
    for module in (beside, gates, interface):
        monkeypatch.setattr(module, "monotonic", lambda: real() + passed, raising=False)
    monkeypatch.setattr(device, "_TCPInterface__send",
                        lambda call, _face, _data: left.append(call.remaining()))
    may_pass = device._TCPInterface__session.gate.may_pass

    def look(urgent):
        waited.set()
        return may_pass(urgent)
    monkeypatch.setattr(device._TCPInterface__session.gate, "may_pass", look)
    asking = in_thread(lambda: device.query("MOVE 10"))
    assert pair[1].recv(99) == b"MOVE 10\n"
    sending = in_thread(lambda: device.send(b"LATER\n"))
    assert waited.wait(BOUND)
    passed = 4.0
    pair[1].sendall(b"done\n")
    assert asking() == b"done" and sending() is None
    assert left[0] <= 1.0
    device.close()


@pytest.mark.parametrize("how", ["recv", "recv_frame", "_check_ready"])
def test_after_a_recv_a_reserved_device_is_still_reserved(pair, how):
    device = driver(pair[0])
    with device.reserve():
        pair[1].sendall(b"stopped\n")
        getattr(device, how)()
        refused = in_thread(functools.partial(impatient_send, device, b"LATER\n"))()
        assert "another call has been using the device" in str(refused)
    assert is_silent(pair[1])
    device.send(b"NOW\n")
    assert pair[1].recv(99) == b"NOW\n"
    device.close()


def impatient_send(device, command):
    device.timeout = 0.05
    try:
        device.send(command)
    finally:
        device.timeout = BOUND


def is_silent(far):
    far.setblocking(False)
    try:
        return not far.recv(99)
    except BlockingIOError:
        return True
    finally:
        far.settimeout(BOUND)


def test_a_send_waits_for_a_query_and_an_urgent_one_does_not(pair):
    device = driver(pair[0])
    moving = in_thread(lambda: device.query("MOVE 10"))
    assert pair[1].recv(99) == b"MOVE 10\n"
    waiting = in_thread(lambda: device.send(b"LATER\n"))
    device.send(b"ABORT\n", urgent=True)
    assert pair[1].recv(99) == b"ABORT\n"
    pair[1].sendall(b"stopped\n")
    assert moving() == b"stopped"
    assert waiting() is None
    assert pair[1].recv(99) == b"LATER\n"
    device.close()


def test_without_a_time_a_command_waits_until_another_has_gone_out(pair):
    device = driver(pair[0], timeout=None)
    first = in_thread(lambda: device.send(b"x" * 2_000_000 + b"\n", urgent=True))
    got = pair[1].recv(1)
    second = in_thread(lambda: device.send(b"y\n", urgent=True))
    while not got.endswith(b"y\n"):
        got += pair[1].recv(1 << 20)
    assert got == b"x" * 2_000_000 + b"\ny\n"
    assert first() is None and second() is None
    device.close()


def test_an_urgent_send_without_a_connection_is_an_error_and_waits_for_nobody():
    class Absent(TCPInterface):
        def _connect(self, address):
            return None
    device = Absent("dev", 7777, BOUND)
    with device.link._lock:
        pass
    with pytest.raises(ConnectionError):
        device.send(b"ABORT", urgent=True)
    device.close()


# a signal handler in the middle of a call of the same thread

@pytest.fixture
def alarm():
    """Have a function called in the main thread, in the middle of whatever it does."""
    before = signal.getsignal(signal.SIGUSR1)

    def alarm(handler):
        signal.signal(signal.SIGUSR1, lambda _number, _frame: handler())
        return lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
    yield alarm
    signal.signal(signal.SIGUSR1, before)


def test_a_query_in_a_signal_handler_is_refused_and_swaps_no_replies(pair, alarm):
    device, seen = driver(pair[0]), []

    def handler():
        try:
            device.query("B")
        except RuntimeError as exc:
            seen.append(str(exc))
        device.send(b"STOP\n")
    ring = alarm(handler)

    def answer():
        got = pair[1].recv(99)
        ring()
        got += pair[1].recv(99)
        pair[1].sendall(b"re A\n")
        return got
    answering = in_thread(answer)
    assert device.query("A") == b"re A"
    assert answering() == b"A\nSTOP\n"
    assert len(seen) == 1 and "in the middle of another call" in seen[0]
    device.close()


def test_what_is_opened_after_a_handler_has_closed_the_device_is_not_read(alarm, tmp_path):
    """The first line of a file was returned as the reply: the number was another's by then."""
    (tmp_path / "file").write_text("first line of the file\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        device = TCPInterface(*server.getsockname(), BOUND, framer=LineFramer(b"\n"), settle=0)
        far, _address = server.accept()
        files = []

        def handler():
            device.close()
            files.extend((tmp_path / "file").open("r+b", buffering=0) for _ in range(50))
        ring = alarm(handler)
        far.settimeout(BOUND)
        asked = in_thread(lambda: (far.recv(99), ring()))
        with pytest.raises(Disconnected, match="closed by this program"):
            device.query("A")
        asked()
        assert [file.read(5) for file in files] == [b"first"] * 50
        assert far.recv(99) == b""
        for file in files:
            file.close()
    assert (tmp_path / "file").read_text() == "first line of the file\n"


@pytest.mark.parametrize("who", ["device", "comm"])
def test_what_another_thread_opens_after_it_closed_the_device_is_not_read(who, tmp_path):
    (tmp_path / "file").write_text("first line of the file\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        device = TCPInterface(*server.getsockname(), BOUND, framer=LineFramer(b"\n"), settle=0)
        far, _address = server.accept()
        far.settimeout(BOUND)
        asking = in_thread(lambda: device.query("A"))
        assert far.recv(99) == b"A\n"
        (device if who == "device" else device.comm).close()
        files = [(tmp_path / "file").open("rb", buffering=0) for _ in range(50)]
        assert isinstance(asking(), Disconnected)
        assert [file.read(5) for file in files] == [b"first"] * 50
        for file in files:
            file.close()
        device.close()


# watch, close and the monitor wait for nobody

def test_a_listener_without_a_timeout_holds_nobody_up(pair):
    device = driver(pair[0])
    device.timeout = None
    listening = in_thread(device.recv_frame)
    while not device._TCPInterface__session.gate.busy():
        pass
    seen = []
    device.tell_connections(seen.append)
    assert seen == [pair[0]]
    assert device.check_idle() is False
    device.close()
    assert isinstance(listening(), Disconnected)


def test_a_timed_out_listener_is_no_failure(pair):
    device = driver(pair[0])
    with pytest.raises(ReplyTimedOut):
        device.recv_frame(0.01)
    assert device.link.up and device.link.timeouts == 0
    device.close()
