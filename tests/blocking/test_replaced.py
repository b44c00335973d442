"""A driver ends its connection and makes another: what the old one owes is not forgotten."""

import socket

import pytest

from socs_tcp import LineFramer, ReplyTimedOut, TCPInterface


def by_itself(device):
    device.comm = device._connect(("dev", 7777))


def closes_first(device):
    device.comm.close()
    by_itself(device)


def forgets_it(device):
    device.comm.close()
    device.comm = None


@pytest.mark.parametrize("late", ["drop", "drain"])
@pytest.mark.parametrize("reconnect", [by_itself, closes_first, forgets_it,
                                       lambda device: device.comm.close(),
                                       lambda device: device._reset()],
                         ids=["by_itself", "closes_first", "forgets_it", "close", "reset"])
@pytest.mark.parametrize("ask", ["recv", "query"])
def test_whoever_ends_a_connection_what_it_owes_may_come_on_the_next(late, reconnect, ask):
    """A serial server delivers it there. It was forgotten where a driver made its own."""
    ends = []

    class Driver(TCPInterface):
        def _connect(self, address):
            ends.append(socket.socketpair())
            return ends[-1][0]
    device = Driver("dev", 7777, 0.01, framer=LineFramer(b"\n"), late_replies=late,
                    settle=0.001, min_interval=0.001)
    with pytest.raises(ReplyTimedOut):
        if ask == "recv":
            device.send("A\n")
            device.recv()
        else:
            device.query("A", 0.1)
    if device.comm is not None:
        reconnect(device)
    device.timeout = 5.0
    session = device._TCPInterface__session
    connection = session.run(5.0, lambda call, face, _what: session.ready(call, face), device, None)
    assert connection.conversation.silence.debt.replies == 1
    for pair in ends:
        for end in pair:
            end.close()
