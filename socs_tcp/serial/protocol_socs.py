"""``serial.serial_for_url("socs://host:port")``: pyserial finds this module by its name."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from serial import SerialBase

from .errors import not_open
from .port import SerialOverTCP

#: What may stand behind the ``?`` of a URL.
OPTIONS = {"telnet": {"yes": True, "no": False}}


class Serial(SerialOverTCP, SerialBase):
    """A `SerialOverTCP` that pyserial makes. The settings of the line are the serial server's.

    Speed, parity and so on are taken, and do nothing: they are set in the serial server.
    """

    #: What URLs begin with.
    SCHEME = "socs"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._address, self._options = ("", 0), {}
        SerialBase.__init__(self, *args, **kwargs)

    def open(self) -> None:
        """As of `SerialOverTCP`, at the address of the URL.

        Raises
        ------
        ValueError
            If the URL makes no sense.
        """
        if self._port is None:
            raise not_open("no URL")
        self._address, self._options = address_of(self._port, self.SCHEME)
        SerialOverTCP.open(self)

    def send_break(self, duration: float = 0.25) -> None:
        """Nothing: a TCP port has no break."""
        self._check_open()

    def _reconfigure_port(self, *args: Any, **kwargs: Any) -> None:
        pass

    _update_break_state = _update_rts_state = _update_dtr_state = _reconfigure_port

    @property
    def cts(self) -> bool:
        return True

    @property
    def dsr(self) -> bool:
        return True

    @property
    def ri(self) -> bool:
        return False

    @property
    def cd(self) -> bool:
        return True


def address_of(url: str, scheme: str) -> tuple[tuple[str, int], dict[str, Any]]:
    """Host and port, and the options, of a URL.

    Raises
    ------
    ValueError
        That says what is wrong, and what is expected.
    """
    wrong = f"{url!r:.200} is no address: {scheme}://host:port is, or {scheme}://[::1]:port"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise ValueError(f"{wrong} ({exc})") from None
    if parts.scheme != scheme or not host or not port or parts.path.strip("/"):
        raise ValueError(wrong)
    options = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key == "logging":        # of pyserial's socket://
            continue
        if value not in OPTIONS.get(key, {}):
            raise ValueError(f"{url!r:.200}: ?{key}={value} means nothing; ?telnet=yes does")
        options[key] = OPTIONS[key][value]
    return (host, port), options
