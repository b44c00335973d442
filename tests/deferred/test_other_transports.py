"""`LineProtocol` over what is no TCP connection: a process, and a serial port."""

import subprocess
import sys

SCRIPT = r'''
import os
import pty

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import ProcessEndpoint, connectProtocol
from twisted.internet.serialport import SerialPort
from twisted.internet.task import deferLater

from socs_tcp import Disconnected, LineFramer, LineProtocol


@inlineCallbacks
def ends(protocol):
    waiting = protocol.recv()
    protocol.transport.loseConnection()
    try:
        yield waiting
    except Disconnected as exc:
        print("ended:", str(exc).split(":")[0])


def full(protocol):
    """Wait until it lets the other end wait."""
    done = Deferred()
    def look():
        if protocol._paused:
            done.callback(None)
        else:
            reactor.callLater(0.01, look)
    look()
    return done


@inlineCallbacks
def ends_while_paused(name, protocol, hang_up):
    yield full(protocol)
    hang_up()
    while not protocol._lost:
        yield deferLater(reactor, 0.05)
    lines = yield gathered(protocol)
    print(name, lines > 100000 / 8)


def gathered(protocol):
    """How many lines are left; they are read in callbacks of callbacks."""
    done, lines = Deferred(), []
    def again(line):
        lines.append(line)
        protocol.recv().addCallbacks(again, lambda failure: done.callback(len(lines)))
    protocol.recv().addCallbacks(again, lambda failure: done.callback(len(lines)))
    return done


@inlineCallbacks
def main():
    process = yield connectProtocol(ProcessEndpoint(reactor, "/bin/cat", ["cat"]),
                                    LineProtocol(LineFramer("\n")))
    yield process.send("hello")
    print((yield process.recv()))
    yield ends(process)
    master, slave = pty.openpty()
    serial = LineProtocol(LineFramer("\n"))
    SerialPort(serial, os.ttyname(slave), reactor)
    os.write(master, b"23.5\n")
    print((yield serial.recv()))
    yield serial.send("X?")
    print(os.read(master, 10))
    yield ends(serial)
    process = yield connectProtocol(ProcessEndpoint(
        reactor, "/bin/sh", ["sh", "-c", "yes 1234567 | head -c 250000; read x"]),
        LineProtocol(LineFramer("\n")))
    yield ends_while_paused("process", process, lambda: process.transport.write(b"x\n"))
    master, slave = pty.openpty()
    serial = LineProtocol(LineFramer("\n"))
    SerialPort(serial, os.ttyname(slave), reactor)
    os.set_blocking(master, False)
    def feed():
        try:
            os.write(master, b"1234567\n" * 100)
        except BlockingIOError:
            pass
        if not serial._paused:
            reactor.callLater(0, feed)
    feed()
    yield ends_while_paused("serial", serial, lambda: (os.close(slave), os.close(master)))


def run():
    main().addErrback(lambda failure: print(failure.getTraceback())).addBoth(
        lambda _none: reactor.stop())


reactor.callWhenRunning(run)
reactor.callLater(50, reactor.stop)
reactor.run()
'''


def test_a_process_and_a_serial_port_are_devices_too():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.stdout.splitlines() == [
        "b'hello'", "ended: _ProcessEndpointTransport",
        "b'23.5'", "b'X?\\n'", "ended: SerialPort",
        "process True", "serial True"], done.stderr
