"""`LineProtocol` over what is no TCP connection: a process, and a serial port."""

import subprocess
import sys

SCRIPT = r'''
import os
import pty

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.endpoints import ProcessEndpoint, connectProtocol
from twisted.internet.serialport import SerialPort

from socs_tcp import Disconnected, LineFramer, LineProtocol


@inlineCallbacks
def ends(protocol):
    waiting = protocol.recv()
    protocol.transport.loseConnection()
    try:
        yield waiting
    except Disconnected as exc:
        print("ended:", str(exc).split(":")[0])


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


def run():
    main().addErrback(lambda failure: print(failure.getTraceback())).addBoth(
        lambda _none: reactor.stop())


reactor.callWhenRunning(run)
reactor.callLater(30, reactor.stop)
reactor.run()
'''


def test_a_process_and_a_serial_port_are_devices_too():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.stdout.splitlines() == [
        "b'hello'", "ended: _ProcessEndpointTransport",
        "b'23.5'", "b'X?\\n'", "ended: SerialPort"], done.stderr
