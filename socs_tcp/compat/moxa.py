"""The stand-in for SOCS' ``socs.common.moxa_serial.Serial_TCPServer``: its names and manners.

Reads return what came, and an empty text or bytes at a loss, as ever: the drivers expect no
error there. A write makes a new connection where the old one is gone, and raises where it cannot.
"""

from __future__ import annotations

from typing import Any

from ..serial import SerialOverTCP

MOXA_DEFAULT_TIMEOUT = 1.0


class Serial_TCPServer:
    """A serial port of a Moxa box, as SOCS' class is called.

    An absent device raises nothing here; the first `write` does.

    Parameters
    ----------
    port : tuple
        Host and TCP port.
    timeout : float
        Seconds that a read or a write may take.
    encoded : bool
        ``str`` comes and goes, in the place of bytes.
    """

    def __init__(self, port: tuple[str, int], timeout: float | None = MOXA_DEFAULT_TIMEOUT,
                 encoded: bool = True) -> None:
        self.port = port
        self.encoded = encoded
        seconds = MOXA_DEFAULT_TIMEOUT if timeout is None else timeout
        self.serial = SerialOverTCP(port[0], int(port[1]), seconds, write_timeout=seconds)
        self.sock = Sock(self.serial)

    # the timeout

    def settimeout(self, timeout: float) -> None:
        """Seconds, more than 0."""
        if timeout <= 0.0:
            raise ValueError(f"timeout must be more than 0 seconds, not {timeout!r}")
        self.serial.timeout = self.serial.write_timeout = timeout

    def gettimeout(self) -> float:
        timeout = self.serial.timeout
        assert timeout is not None
        return timeout

    timeout = property(gettimeout, settimeout)

    # reading

    def readexactly(self, n: int) -> Any:
        """`n` bytes, or nothing: what came of them is left for the next read."""
        return self._given(self._taken(n, whole=True))

    def read(self, n: int) -> Any:
        """Up to `n` bytes, all that came within the timeout."""
        return self._given(self._taken(n))

    def readbuf(self, n: int, max_loop: int = 10) -> Any:
        """Up to `n` bytes of what is there."""
        return self._given(self._there(n))

    readbuf_slow = readbuf

    def readpacket(self, n: int) -> Any:
        """What comes first, up to `n` bytes."""
        return self._given(self._taken(1) + self._there(n - 1))

    def readline(self, term: Any = "\n") -> Any:
        """Up to `term`, without it; what came, if it does not come in time."""
        end = term.encode() if isinstance(term, str) else bytes(term)
        return self._given(self._until(end).removesuffix(end))

    def readall(self) -> Any:
        """Up to a carriage return, without it; False if that does not come in time."""
        line = self._until(b"\r")
        return self._given(line[:-1]) if line.endswith(b"\r") else False

    # writing

    def write(self, msg: Any) -> None:
        """Send `msg` as it is, over a new connection where the old one is gone.

        Raises
        ------
        ConnectionError
            If it could not be sent.
        """
        self.serial.write(msg.encode() if isinstance(msg, str) else msg)

    def writeread(self, msg: Any) -> Any:
        self.flushInput()
        self.write(msg)
        return self.readall()

    def flushInput(self) -> None:
        """Throw away what is there."""
        self.serial.reset_input_buffer()

    # a loss is told by the link, and by the next write

    def _given(self, data: bytes) -> Any:
        return data.decode() if self.encoded else data

    def _taken(self, n: int, whole: bool = False) -> bytes:
        try:
            return self.serial.read_exactly(n) if whole else self.serial.read(n)
        except ConnectionError:
            return b""

    def _there(self, n: int) -> bytes:
        try:
            return self.serial.read(min(n, self.serial.in_waiting))
        except ConnectionError:
            return b""

    def _until(self, end: bytes) -> bytes:
        try:
            return self.serial.read_until(end)
        except ConnectionError:
            return b""


class Sock:
    """What drivers take for the socket: closing it closes the port for good."""

    def __init__(self, serial: SerialOverTCP) -> None:
        self._serial = serial

    def close(self) -> None:
        self._serial.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._serial.device.comm, name)
