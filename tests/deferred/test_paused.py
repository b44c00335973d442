"""A device that sends more than anybody reads is made to wait; that it hangs up is noticed."""

import contextlib
import socket
import struct

import pytest
from memory_device import Transport
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.testing import MemoryReactorClock

from socs_tcp import Disconnected, LineFramer, LineProtocol, RawProtocol
from socs_tcp.deferred.frame_protocol import LOOK_AGAIN, READ_LIMIT
from tests.storms.deferreds import own_reactor

BOUND = 10
LINE = b"x" * 4095 + b"\n"
RESET = struct.pack("ii", 1, 0)


@pytest.fixture
def turner():
    with own_reactor() as turner:
        yield turner
        assert turner.left_over() == []


def paused(turner, make):
    """A protocol that nobody reads from, and the other end; how much was sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = TCP4ClientEndpoint(turner.reactor, *server.getsockname())
        made = []
        connectProtocol(endpoint, make()).addCallback(made.append)
        assert turner.until(lambda: made, BOUND)
        far, _address = server.accept()
    far.setblocking(False)
    sent = 0
    while not made[0]._paused:
        with contextlib.suppress(BlockingIOError):
            sent += far.send(LINE[sent % len(LINE):])
        turner.turn(0)
    return made[0], far, sent


@pytest.mark.parametrize("make", [lambda: LineProtocol(LineFramer("\n")), RawProtocol],
                         ids=["lines", "bytes"])
def test_the_end_is_noticed_and_what_had_come_is_there(turner, make):
    protocol, far, sent = paused(turner, make)
    far.close()
    assert turner.until(lambda: protocol._lost, BOUND)
    got, ends = [], []
    while not ends:
        reader = protocol.recv()
        reader.addCallbacks(got.append, ends.append)
        assert turner.until(lambda reader=reader: reader.called, BOUND)
    assert isinstance(ends[0].value, Disconnected)
    whole = sent if make is RawProtocol else sent // len(LINE) * (len(LINE) - 1)
    assert sum(map(len, got)) == whole > READ_LIMIT


def test_a_reset_is_noticed(turner):
    protocol, far, _sent = paused(turner, lambda: LineProtocol(LineFramer("\n")))
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    far.close()
    assert turner.until(lambda: protocol._lost, BOUND)


def test_one_that_is_still_there_waits(turner):
    protocol, far, _sent = paused(turner, lambda: LineProtocol(LineFramer("\n")))
    first = protocol._look_again
    assert turner.until(lambda: protocol._look_again is not first, BOUND)
    assert protocol._paused and protocol._lost is None
    protocol.transport.abortConnection()
    assert turner.until(lambda: protocol._lost, BOUND)
    far.close()


def test_the_end_of_what_is_no_socket_is_noticed_too():
    """Of a process, say, whose transport lends nothing but its descriptor."""
    near, far = socket.socketpair()
    with near, far:
        clock, protocol = MemoryReactorClock(), RawProtocol()
        transport = Transport(clock)
        transport.fileno = near.fileno
        protocol.makeConnection(transport)
        protocol.dataReceived(b"x" * (2 * READ_LIMIT))
        clock.advance(LOOK_AGAIN)
        assert protocol._paused
        far.close()
        clock.advance(LOOK_AGAIN)
        assert not protocol._paused     # it takes the rest, with the end behind it
    protocol.connectionLost()
    assert clock.getDelayedCalls() == []
