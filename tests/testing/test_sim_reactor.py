"""The simulated device inside a reactor: on a clock, and on a real one in another process."""

import subprocess
import sys
import textwrap

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport, StringTransportWithDisconnection

from socs_tcp.testing import DeviceFactory, RandomFaults, ScriptedDevice

SCRIPT = {"*IDN?": "ONE", "A": "abcdef", "TWO": ("1", "2")}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def device(clock):
    return DeviceFactory(clock, SCRIPT)


def join(device, kind=StringTransport):
    protocol = device.buildProtocol()
    transport = kind()
    transport.protocol = protocol
    protocol.makeConnection(transport)
    return protocol, transport


def ask(joined, command):
    protocol, transport = joined
    transport.clear()
    protocol.dataReceived(command + b"\r\n")
    return transport.value()


def test_it_answers(device, clock):
    joined = join(device)
    assert ask(joined, b"A") == b"abcdef\r\n"
    assert ask(joined, b"TWO") == b"1\r\n2\r\n"
    assert device.received == [b"A", b"TWO"]
    assert device.clients == device.connections == 1
    assert clock.getDelayedCalls() == []


def test_a_client_that_leaves(device):
    protocol, _ = join(device, StringTransportWithDisconnection)
    protocol.transport.loseConnection()
    assert (device.connections, device.clients) == (1, 0)


def test_greeting_and_unsolicited(clock):
    device = DeviceFactory(clock, ScriptedDevice({}, banner="hi\r\n", unsolicited="tick", period=5))
    _, transport = join(device)
    clock.advance(4.9)
    assert transport.value() == b"hi\r\n"
    clock.advance(0.1)
    assert transport.value() == b"hi\r\ntick\r\n"
    clock.advance(5)
    device.say("now")
    assert transport.value() == b"hi\r\ntick\r\ntick\r\nnow\r\n"
    device.close()
    assert transport.disconnecting
    assert clock.getDelayedCalls() == []


def test_late_to_the_moment(device, clock):
    joined = join(device)
    device.faults.late(2)
    assert ask(joined, b"A") == b""
    assert ask(joined, b"TWO") == b""
    clock.advance(1.99)
    assert joined[1].value() == b""
    clock.advance(0.01)
    assert joined[1].value() == b"abcdef\r\n1\r\n2\r\n"
    assert clock.getDelayedCalls() == []


def test_split(device, clock):
    joined = join(device)
    device.faults.split(at=(2, 4), pause=1)
    assert ask(joined, b"A") == b"ab"
    clock.advance(1)
    assert joined[1].value() == b"abcd"
    clock.advance(1)
    assert joined[1].value() == b"abcdef\r\n"


def test_hang_up_and_reset(device):
    _, first = join(device)
    device.faults.hang_up()
    assert first.disconnecting and not first.disconnected
    _, second = join(device)
    device.faults.reset()
    assert second.disconnected


def test_hang_up_mid_reply(device):
    joined = join(device)
    device.faults.hang_up_mid_reply()
    assert ask(joined, b"A") == b"abcd"
    assert joined[1].disconnecting


def test_late_and_then_hung_up_on(device, clock):
    joined = join(device, StringTransportWithDisconnection)
    device.faults.late(2)
    ask(joined, b"A")
    device.faults.hang_up()
    assert device.clients == 0
    clock.advance(2)
    assert joined[1].value() == b""
    assert clock.getDelayedCalls() == []


def test_refuse_and_unplug(device, clock):
    _, transport = join(device)
    device.faults.refuse(seconds=3)
    assert device.buildProtocol() is None
    assert not transport.disconnecting
    clock.advance(3)
    assert device.buildProtocol() is not None
    device.unplug()
    assert transport.disconnecting
    assert device.buildProtocol() is None
    device.plug_in()
    assert device.buildProtocol() is not None


def test_accept_and_hang_up(device):
    device.faults.accept_and_hang_up(1)
    assert join(device)[1].disconnecting
    assert not join(device)[1].disconnecting


def test_black_hole(device, clock):
    joined = join(device)
    device.faults.black_hole(seconds=1)
    assert ask(joined, b"A") == b""
    clock.advance(1)
    assert joined[1].value() == b""
    assert ask(joined, b"A") == b"abcdef\r\n"


def test_slow_reader_pauses_the_transport(device, clock):
    protocol, transport = join(device)
    device.faults.slow_reader()
    assert transport.producerState == "paused"
    device.faults.heal()
    assert transport.producerState == "producing"
    device.faults.slow_reader(rate=3)
    protocol.dataReceived(b"A\r\n")
    assert transport.producerState == "paused"
    clock.advance(1)
    assert transport.producerState == "producing"


def test_a_client_that_does_not_read_is_not_written_to(device):
    protocol, transport = join(device)
    transport.producer.pauseProducing()
    assert ask((protocol, transport), b"A") == b""
    protocol.dataReceived(b"A\r\n" * 100000)
    assert transport.producerState == "paused"
    assert device.commands < 50000
    transport.producer.resumeProducing()
    assert transport.value().startswith(b"abcdef\r\n" * 1000)


def test_an_endless_line_comes_as_it_is_taken(device, clock):
    joined = join(device)
    device.faults.endless_line()
    size = len(ask(joined, b"A"))
    assert size > 1000
    clock.advance(0.001)
    assert len(joined[1].value()) == 2 * size
    joined[1].producer.pauseProducing()
    clock.advance(0.001)
    assert len(joined[1].value()) == 2 * size
    device.faults.heal()
    assert joined[1].disconnected
    assert clock.getDelayedCalls() == []


def test_reboot(device, clock):
    _, transport = join(device)
    device.faults.reboot("TWO", downtime=5)
    assert transport.disconnecting
    assert device.buildProtocol() is None
    clock.advance(5)
    assert ask(join(device), b"*IDN?") == b"TWO\r\n"


def test_scheduled(device, clock):
    joined = join(device)
    device.faults.after(3).hang_up()
    device.faults.at_exchange(2).silence()
    assert ask(joined, b"A") == b"abcdef\r\n"
    assert ask(joined, b"A") == b""
    clock.advance(3)
    assert joined[1].disconnecting


def test_drawn(device):
    device.faults.draw_from(RandomFaults(1, rate=1, kinds=("silence",)))
    assert ask(join(device), b"A") == b""
    assert device.faults.injected == {"silence": 1}


def test_the_script_may_inject_faults(clock):
    def answer(command):
        device.faults.hang_up()
        return command
    device = DeviceFactory(clock, answer)
    joined = join(device, StringTransportWithDisconnection)
    assert ask(joined, b"A") == b""
    assert device.clients == 0


def test_a_mistake_in_the_script_is_told(clock):
    device = DeviceFactory(clock, lambda command: 1 / 0)
    joined = join(device)
    ask(joined, b"A")
    assert joined[1].disconnected
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        device.check()


def test_when(device, clock):
    seen = device.when(lambda: device.commands == 1, timeout=1)
    late = device.when(lambda: device.commands == 2, timeout=1)
    given_up = device.when(lambda: False)
    ask(join(device), b"A")
    clock.pump([0.1] * 11)
    assert seen.called
    with pytest.raises(TimeoutError, match="1 commands"):
        late.result.raiseException()
    late.addErrback(lambda _: None)
    given_up.addErrback(lambda _: None)
    given_up.cancel()
    assert clock.getDelayedCalls() == []


def test_in_a_real_reactor():
    """In another process: a reactor can be run but once."""
    code = textwrap.dedent("""
        import os
        import socket
        from twisted.internet import reactor
        from twisted.internet.defer import Deferred, inlineCallbacks
        from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
        from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
        from twisted.internet.protocol import Protocol
        from twisted.internet.task import deferLater, react
        from socs_tcp.deferred.clock import steady
        from socs_tcp.testing.deferred.listener import listen

        class Client(Protocol):
            def __init__(self):
                self.heard, self.lost = b"", None
            def dataReceived(self, data):
                self.heard += data
            def connectionLost(self, reason):
                self.lost = reason.type

        def connect(server):
            return connectProtocol(TCP4ClientEndpoint(reactor, *server.address), Client())

        @inlineCallbacks
        def main(reactor):
            yield deferLater(reactor, 0, lambda: None)      # it has started
            clock = steady(reactor)                         # one for all, with a descriptor
            before = len(os.listdir("/proc/self/fd"))
            server = listen(reactor, {"A": "abc"})
            client = yield connect(server)
            client.transport.write(b"A\\r\\n")
            yield server.when(lambda: client.heard == b"abc\\r\\n")
            server.faults.refuse()
            try:
                yield connect(server)
                raise AssertionError("connected")
            except ConnectionRefusedError:
                pass
            server.faults.heal()
            yield connect(server)
            server.faults.hang_up()
            yield server.when(lambda: client.lost is ConnectionDone and server.clients == 0)
            server.faults.hang_up_mid_reply(2)      # what is said before it is not lost
            client = yield connect(server)
            client.transport.write(b"A\\r\\n")
            yield server.when(lambda: client.lost)
            assert (client.heard, client.lost) == (b"ab", ConnectionDone)
            for how, lost in [("hang_up", b""), ("reset", ConnectionResetError)] * 20:
                client = socket.create_connection(server.address, timeout=10)
                getattr(server.faults, how)()
                assert server.clients == 0      # it is done: no turn of the reactor is needed
                try:
                    assert client.recv(1) == lost
                except ConnectionResetError as exc:
                    assert type(exc) is lost
                client.close()
            client = yield connect(server)
            yield server.when(lambda: server.clients == 1)
            server.faults.reset()
            yield server.when(lambda: client.lost is ConnectionLost)
            # also while one of them is being heard
            client = yield connect(server)
            server.faults.at_exchange(1).hang_up()
            client.transport.write(b"A\\r\\n")
            yield server.when(lambda: client.lost is ConnectionDone)
            assert client.heard == b"" and server.clients == 0
            client = yield connect(server)
            server.faults.endless_line()
            client.transport.write(b"A\\r\\n")
            yield server.when(lambda: len(client.heard) > 1000000)
            client.transport.pauseProducing()
            server.faults.late(0.05)
            other = yield connect(server)
            other.transport.write(b"A\\r\\n")
            yield server.when(lambda: other.heard == b"abc\\r\\n")
            client.transport.abortConnection()
            server.unplug()
            yield server.when(lambda: server.clients == 0)
            server.plug_in()
            client = yield connect(server)
            server.close()
            yield server.when(lambda: client.lost)
            yield deferLater(reactor, 0, lambda: None)
            assert not reactor.getDelayedCalls(), reactor.getDelayedCalls()
            left = len(os.listdir("/proc/self/fd"))
            assert left == before, (before, left)
            print("all well")

        react(main)
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.stdout == "all well\n", done.stderr
