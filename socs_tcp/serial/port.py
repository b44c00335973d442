"""A serial port that is in truth a TCP port, with the names and the manners of pyserial."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from ..core.checks import check_host, check_pause, check_port
from ..core.errors import Disconnected, address_name
from ..core.link import Link
from .device import SerialDevice
from .errors import as_serial, not_open, translated
from .incoming import LIMIT, Incoming

#: Seconds that a `write` may take, connecting included, where `write_timeout` says nothing.
WRITE_TIMEOUT = 5.0


class SerialOverTCP(io.RawIOBase):
    """A serial port behind a TCP port (a serial server), for drivers made for pyserial.

    Opening connects. Where that fails it is logged, and nothing raised: the next `write` tries
    again, and raises if it still cannot. After a loss, too, the next `write` makes a new
    connection, and what is left of the old one is thrown away.

    One thread may read while another writes. Any thread may call any method.

    Parameters
    ----------
    host : str
        IPv4 or IPv6 address or host name.
    port : int
        TCP port.
    timeout : float, optional
        Seconds that a read may take; then it returns what came, maybe nothing. 0: what is there.
        None waits for ever.
    write_timeout : float, optional
        Seconds that a `write` may take, a new connection included. Default (None or 0): 5.
    **options
        Of `socs_tcp.TCPInterface`: ``telnet``, ``gap``, ``on_connect``, ``min_interval``,
        ``keepalive``, ...

    Attributes
    ----------
    device : TCPInterface
        The connection, for ``watch`` of an agent. (``watch`` takes the port itself, too.)
    timeout, write_timeout : float or None
        May be changed at any time.
    is_open : bool
        Between `open` and `close`, connected or not; `link` tells that.

    Raises
    ------
    TypeError, ValueError
        If a parameter makes no sense.
    """

    def __init__(self, host: str, port: int, timeout: float | None = None, *,
                 write_timeout: float | None = None, **options: Any) -> None:
        self.is_open = False
        self._address, self._options = (check_host(host), check_port(port)), options
        self.timeout, self.write_timeout = timeout, write_timeout
        # As pyserial has it.
        self.name = self.port = f"socs://{address_name(host, port)}"
        SerialOverTCP.open(self)

    # the port

    @property
    def timeout(self) -> float | None:
        """Seconds that a read may take; None for ever."""
        return self._timeout

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self._timeout = None if seconds is None else check_pause("timeout", seconds)

    @property
    def write_timeout(self) -> float | None:
        """Seconds that a write may take, a new connection included; None for five."""
        return self._write_timeout

    @write_timeout.setter
    def write_timeout(self, seconds: float | None) -> None:
        self._write_timeout = (None if seconds is None
                               else check_pause("write_timeout", seconds))

    @property
    def link(self) -> Link:
        """What is known of the connection."""
        return self.device.link

    def __repr__(self) -> str:
        state = self.link.state.value if self.is_open else "not open"
        return f"<{type(self).__name__} {self.name} {state}>"

    def open(self) -> None:
        """Use the port (again). Where the device cannot be reached, that is only logged.

        Raises
        ------
        OSError
            If it is open.
        """
        if self.is_open:
            raise OSError(f"{self.name}: the port is open already")
        self.device = SerialDevice(*self._address, timeout=self._allowed(), **self._options)
        self._incoming = Incoming(self.device, self.name)
        self.is_open = True

    def close(self) -> None:
        """Close the connection for good; calls in other threads end at once."""
        if getattr(self, "is_open", False):
            self.is_open, self._incoming.closed = False, True
            self.device.close()

    def _allowed(self) -> float:
        return self._write_timeout or WRITE_TIMEOUT

    def _check_open(self) -> None:
        if not self.is_open:
            raise not_open(self.name)

    # writing

    def write(self, data: Any) -> int:
        """Write all of `data`, over a new connection where the old one is gone.

        What comes too late for the read before it is thrown away, if it is here by now.

        Parameters
        ----------
        data : bytes-like

        Returns
        -------
        int
            The number of bytes.

        Raises
        ------
        ConnectionError
            If it could not be written. Where pyserial is installed, a ``SerialException``, too.
        """
        self._check_open()
        if isinstance(data, str):
            raise TypeError(f"a serial port takes bytes, not str: {data!r:.60}; .encode() it")
        if isinstance(data, int):       # (of which bytes() makes so many zeros)
            raise TypeError(f"a serial port takes bytes, not {data!r}")
        data = bytes(data)
        self._incoming.discard_late()
        with translated(), self.device.within(self._allowed()):
            self.device.send(data)
        self._incoming.wrote()
        return len(data)

    def flush(self) -> None:
        """Nothing to wait for: `write` hands all over to the system."""

    def reset_output_buffer(self) -> None:
        """Nothing is kept here: `write` hands all over to the system."""
        self._check_open()

    # reading

    def read(self, size: int = 1) -> bytes:
        """Up to `size` bytes: fewer, or none, if no more come within `timeout`.

        Raises
        ------
        ConnectionError
            If the connection is lost. Where pyserial is installed, a ``SerialException``, too.
        """
        return self._read(lambda: size if len(self._incoming.buffer) >= size else 0, size)

    def read_exactly(self, size: int) -> bytes:
        """`size` bytes, or none if they do not all come within `timeout`: those that came stay.

        (Not of pyserial's.)
        """
        return self._read(lambda: size if len(self._incoming.buffer) >= size else 0, size,
                          whole=True)

    def read_until(self, expected: bytes = b"\n", size: int | None = None) -> bytes:
        """Up to and including `expected`; what came, if that does not come within `timeout`.

        Parameters
        ----------
        expected : bytes
        size : int, optional
            No more bytes than that. Default: a million.

        Raises
        ------
        ConnectionError
            As `read`.
        """
        if not expected:
            raise ValueError("expected must be at least one byte")
        most = LIMIT if size is None else size
        incoming, seen = self._incoming, 0

        def found() -> int:
            nonlocal seen
            at = incoming.buffer.find(expected, seen)
            seen = max(len(incoming.buffer) - len(expected) + 1, 0)
            if at >= 0:
                return min(at + len(expected), most)
            return most if len(incoming.buffer) >= most else 0
        return self._read(found, most)

    def readline(self, size: int | None = -1) -> bytes:
        """As `read_until` a newline."""
        return self.read_until(b"\n", None if size is None or size < 0 else size)

    def read_all(self) -> bytes:
        """What is there."""
        return self.read(self.in_waiting)

    def readall(self) -> bytes:
        """All that comes, until nothing comes within `timeout`."""
        parts = []
        while part := self.read(LIMIT):
            parts.append(part)
        return b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        """As `read`, into `buffer`."""
        data = self.read(len(buffer))
        buffer[:len(data)] = data
        return len(data)

    @property
    def in_waiting(self) -> int:
        """So many bytes can be read at once.

        Raises
        ------
        ConnectionError
            As `read`.
        """
        self._check_open()
        return self._incoming.waiting()

    def reset_input_buffer(self) -> None:
        """Throw away what is there. A loss shows at the next `write`, which mends it."""
        self._check_open()
        self._incoming.discard()

    def _read(self, enough: Callable[[], int], size: int, whole: bool = False) -> bytes:
        self._check_open()
        return self._incoming.read(enough, size, self._timeout, whole)

    # for `watch` of an agent

    def check_idle(self) -> bool:
        """Look whether the device has hung up. Never blocks."""
        return self.device.check_idle()

    def tell_connections(self, callback: Any) -> None:
        """Have `callback` called with the socket of each connection."""
        self.device.tell_connections(callback)

    def retry_in(self) -> float:
        """Seconds that a call would wait before it tries to connect."""
        return self.device.retry_in()

    # what a file is asked, and old names

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """Of the connection, for ``select``; it changes with each connection."""
        self._check_open()
        comm = self.device.comm
        if comm is None:
            raise as_serial(Disconnected(f"{self.link.name}: not connected",
                                         host=self._address[0], port=self._address[1]))
        number: int = comm.fileno()
        return number

    def inWaiting(self) -> int:
        return self.in_waiting

    def flushInput(self) -> None:
        self.reset_input_buffer()

    def flushOutput(self) -> None:
        self.reset_output_buffer()

    def isOpen(self) -> bool:
        return self.is_open
