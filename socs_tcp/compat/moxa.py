"""The stand-in for SOCS' ``socs.common.moxa_serial.Serial_TCPServer``: its names and manners.

Reads return what came, and an empty text or bytes at a loss, as ever. A write makes a new
connection where the old one is gone; while the device is away, what is written is lost, as on a
serial line.
"""

from __future__ import annotations

from typing import Any

from .cable import Cable

MOXA_DEFAULT_TIMEOUT = 1.0


class Serial_TCPServer:
    """A serial port of a Moxa box, as SOCS' class is called.

    An absent device raises nothing; the link says so.

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
        self.serial = Cable(port[0], int(port[1]), seconds, write_timeout=seconds)
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
        return self._given(self.serial.read_exactly(n))

    def read(self, n: int) -> Any:
        """Up to `n` bytes, all that came within the timeout."""
        return self._given(self.serial.read(n))

    def readbuf(self, n: int, max_loop: int = 10) -> Any:
        """Up to `n` bytes of what is there."""
        return self._given(self._there(n))

    readbuf_slow = readbuf

    def readpacket(self, n: int) -> Any:
        """What comes first, up to `n` bytes."""
        return self._given(self.serial.read(1) + self._there(n - 1))

    def readline(self, term: Any = "\n") -> Any:
        """Up to `term`, without it; what came, if it does not come in time."""
        end = term.encode() if isinstance(term, str) else bytes(term)
        return self._given(self.serial.read_until(end).removesuffix(end))

    def readall(self) -> Any:
        """Up to a carriage return, without it; False if that does not come in time."""
        line = self.serial.read_until(b"\r")
        return self._given(line[:-1]) if line.endswith(b"\r") else False

    # writing

    def write(self, msg: Any) -> None:
        """Send `msg` as it is, over a new connection where the old one is gone."""
        self.serial.write(msg.encode() if isinstance(msg, str) else msg)

    def writeread(self, msg: Any) -> Any:
        self.flushInput()
        self.write(msg)
        return self.readall()

    def flushInput(self) -> None:
        """Throw away what is there."""
        self.serial.reset_input_buffer()

    def _given(self, data: bytes) -> Any:
        return data.decode() if self.encoded else data

    def _there(self, n: int) -> bytes:
        return self.serial.read(min(n, self.serial.in_waiting))


class Sock:
    """What drivers take for the socket: closing it closes the port for good."""

    def __init__(self, serial: Cable) -> None:
        self._serial = serial

    def close(self) -> None:
        self._serial.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._serial.device.comm, name)
