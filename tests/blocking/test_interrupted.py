"""A signal handler raises in the middle of a call: no later call gets what that one owed."""

import functools
import itertools
import signal
import socket
import threading

import pytest
from interrupts import interrupted_at

from socs_tcp import LineFramer, TCPInterface

BOUND = 5.0


class Interrupt(BaseException):
    """What the handler raises."""


class Device(TCPInterface):
    """Each connection leads to the next of some ends."""

    def __init__(self, *nears, **options):
        self.nears = list(nears)
        super().__init__("dev", 7777, BOUND, framer=LineFramer(b"\n"), settle=0,
                         min_interval=0.001, **options)

    def _connect(self, address):
        return self.nears.pop(0)


@pytest.fixture
def pairs():
    ends = [socket.socketpair() for _ in range(2)]
    for _near, far in ends:
        far.settimeout(BOUND)
    yield [near for near, _far in ends], [far for _near, far in ends]
    for near, far in ends:
        near.close()
        far.close()


class Interrupting:
    """Calls a function, and interrupts it once."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch
        self._over = threading.Event()

    def handler(self, _number, _frame):
        if not self._over.is_set():
            self._over.set()
            raise Interrupt

    def __call__(self, call, waits):
        def ring():
            waits()
            # (One that comes in the moment before the system waits is late.)
            while not self._over.wait(0.01):
                signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        thread = threading.Thread(target=ring)
        thread.start()
        with pytest.raises(Interrupt):
            call()
        thread.join(BOUND)

    def waiting_in(self, device):
        """A function that waits until somebody waits for something to read."""
        begun, connection = threading.Event(), type(device._TCPInterface__session.connection)
        wait = connection.wait

        def noted(self, deadline):
            begun.set()
            return wait(self, deadline)
        self._monkeypatch.setattr(connection, "wait", noted)
        return lambda: begun.wait(BOUND)


@pytest.fixture
def interrupt(monkeypatch):
    interrupting = Interrupting(monkeypatch)
    before = signal.signal(signal.SIGUSR1, interrupting.handler)
    yield interrupting
    signal.signal(signal.SIGUSR1, before)


def answering(far, late=b""):
    """Says what is late, and then answers, in a thread of its own."""
    def answer():
        far.sendall(late)
        far.sendall(b"re " + far.recv(99))
    thread = threading.Thread(target=answer)
    thread.start()
    return thread


WAITS = {
    "recv": lambda device: device.recv(),
    "recv_frame": lambda device: device.recv_frame(),
    "recv_frames": lambda device: device.recv_frames(9),
    "check_ready": lambda device: device._check_ready(),
}


@pytest.mark.parametrize("begin", [b"", b"re "], ids=["nothing", "half"])
@pytest.mark.parametrize("call", WAITS)
@pytest.mark.parametrize("late", ["drop", "drain"])
def test_an_answer_that_was_waited_for_is_owed(pairs, interrupt, late, call, begin):
    """It came as the reply to the next question, if it came later than that settled."""
    nears, fars = pairs
    device = Device(*nears, late_replies=late)
    device.send(b"A\n")
    assert fars[0].recv(99) == b"A\n"
    if begin:       # it is received in pieces
        fars[0].sendall(begin)
        assert device.recv() == begin
    interrupt(lambda: WAITS[call](device), interrupt.waiting_in(device))
    rest = b"re A\n"[len(begin):]
    ends = [answering(fars[1]) if late == "drop" else answering(fars[0], rest)]
    assert device.query("B") == b"re B"
    ends[0].join(BOUND)
    device.close()


def test_half_an_answer_that_was_waited_for_in_vain_is_owed_too(pairs):
    """As bytes, and without a signal."""
    nears, fars = pairs
    device = Device(*nears)
    device.send(b"A\n")
    fars[0].sendall(b"re ")
    assert device.recv() == b"re "
    device.timeout = 0.01
    with pytest.raises(ConnectionError):
        device.recv()
    device.timeout = BOUND
    answers = answering(fars[1])
    assert device.query("B") == b"re B"
    answers.join(BOUND)
    device.close()


def test_an_answer_in_pieces_is_one(pairs):
    """And all that is owed: nothing has to be waited for."""
    nears, fars = pairs
    device = Device(*nears)
    device.send(b"A\n")
    for piece in (b"re ", b"A\n"):
        fars[0].sendall(piece)
        assert device.recv() == piece
    device.timeout = 0.01
    with pytest.raises(ConnectionError):
        device.recv()
    device.timeout = BOUND
    assert fars[0].recv(99) == b"A\n"
    answers = answering(fars[0])
    assert device.query("B") == b"re B"
    answers.join(BOUND)
    device.close()


def test_half_a_command_is_not_the_beginning_of_the_next(pairs, interrupt):
    nears, fars = pairs
    device = Device(*nears)
    command = b"A" * 10_000_000 + b"\n"

    def stuck():
        while len(fars[0].recv(1 << 16, socket.MSG_PEEK)) < 1 << 15:
            pass
    interrupt(lambda: device.send(command), stuck)
    answers = answering(fars[1])
    assert device.query("B") == b"re B"
    answers.join(BOUND)
    device.close()


def test_half_a_command_beside_a_listener_ends_the_connection(pairs, interrupt):
    nears, fars = pairs
    device = Device(*nears)
    waits, ended = interrupt.waiting_in(device), []

    def listen():
        with pytest.raises(ConnectionError):
            device.recv_frame(600.0)
        ended.append(True)
    listener = threading.Thread(target=listen)
    listener.start()
    waits()

    def stuck():
        while len(fars[0].recv(1 << 16, socket.MSG_PEEK)) < 1 << 15:
            pass
    interrupt(lambda: device.send(b"A" * 10_000_000 + b"\n"), stuck)
    listener.join(BOUND)
    assert ended
    device.close()


def test_an_interrupt_anywhere_in_a_send_leaves_on_record_that_it_may_be_answered():
    """Each point of it, in turn."""
    for step in itertools.count():
        near, far = socket.socketpair()
        with near, far:
            far.setblocking(False)
            device = Device(near)
            send = functools.partial(device.send, b"A\n")
            interrupted = interrupted_at(step, send, "socs_tcp/blocking")
            connection = device._TCPInterface__session.connection
            if connection is not None:
                try:
                    assert far.recv(9) == b"A\n"
                    assert connection.conversation.awaited, f"forgotten by an interrupt at {step}"
                except BlockingIOError:     # before it went out
                    assert interrupted
            device.close()
        if not interrupted:
            break
    assert step > 10
