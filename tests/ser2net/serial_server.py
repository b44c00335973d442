"""A real ser2net in a process of its own."""

import os
import shutil
import socket
import time
from pathlib import Path

from socs_tcp.testing.processes import ChildProcess

#: It is in a directory that is not on the path of everybody.
PROGRAM = shutil.which("ser2net", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
#: Seconds within which it must listen, and within which it must have ended.
PATIENCE = 20.0
HOST = "127.0.0.1"

LISTENING = "0A"        # as /proc/net/tcp has it


class SerialServer:
    """A ser2net with one connection, at a port that was free.

    Parameters
    ----------
    directory : Path
        Where its configuration and its output go.
    serial_device : Path
        What it opens while a client is connected.
    telnet : bool
        Speak telnet, with its options for the serial line (RFC 2217).
    timeout : int
        Seconds without a byte in either direction after which it hangs up; 0 for never.
    **options
        Its options for the connection, with ``_`` for ``-``: ``max_connections=1``,
        ``kickolduser=True``, ``banner=r"hello\r\n"`` (its own notation).

    Attributes
    ----------
    port : int
        The same after a `restart`.
    """

    def __init__(self, directory, serial_device, *, telnet=False, timeout=0, **options):
        self.host, self.port = HOST, 0
        self._directory = Path(directory)
        self._serial_device = Path(serial_device)
        self._accepter = "telnet(rfc2217)," if telnet else ""
        self._timeout = timeout
        self._options = options
        self._process = None
        self.start()

    @property
    def address(self):
        return self.host, self.port

    def start(self):
        """Start it, and wait until it listens."""
        config = self._directory / "ser2net.yaml"
        config.write_text(self._config())
        process = self._process = ChildProcess(
            "ser2net", [PROGRAM, "-d", "-u", "-c", str(config)], self._directory / "ser2net.log")
        try:
            port = _port_of(process, complaint=f"{config}:")
            assert self.port in (0, port)
        except BaseException:
            self.stop()
            raise
        self.port = port

    def stop(self):
        """End it, as at a reboot of its computer; its port is refused until `start`."""
        if self._process is not None:
            self._process.terminate(PATIENCE)
            self._process = None

    def restart(self):
        """`stop`, and `start` at the same port."""
        self.stop()
        self.start()

    close = stop

    def __repr__(self):
        state = self._process.tail(10) if self._process is not None else "    (stopped)"
        return f"<ser2net {self.host}:{self.port}, its last words:\n{state}>"

    def _config(self):
        options = {"mdns": False, **self._options}
        lines = [f"    {name.replace('_', '-')}: {_yaml(value)}"
                 for name, value in options.items()]
        return "\n".join([
            "%YAML 1.1", "---", "connection: &serial",
            f"  accepter: {self._accepter}tcp,{HOST},{self.port}",
            f"  connector: serialdev,{self._serial_device},9600n81,local",
            f"  timeout: {self._timeout}",
            "  options:", *lines, ""])


def _yaml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def _port_of(process, complaint):
    """Where it listens, as soon as it does."""
    until = time.monotonic() + PATIENCE
    while not (port := _listening_port(process.pid)):
        # It goes on without a connection that it cannot make.
        if complaint in process.output() or not process.running or time.monotonic() > until:
            raise RuntimeError(f"ser2net does not listen:\n{process.tail()}")
        time.sleep(0.01)
    return port


def _listening_port(pid):
    """Where this process listens; None as long as it does not.

    Asked of the system: a connection to find out would open the serial device.
    """
    sockets = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(os.readlink(fd))
        except FileNotFoundError:
            continue        # closed in the meantime
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *_rest = fields = line.split()
        if state == LISTENING and f"socket:[{fields[9]}]" in sockets:
            return int(local.split(":")[1], 16)
    return None


def talk(address, data, *, timeout=PATIENCE):
    """All that comes from a plain client that sends `data`, until the other side hangs up."""
    with socket.create_connection(address, timeout) as client:
        client.sendall(data)
        heard = b""
        while more := client.recv(4096):
            heard += more
        return heard
