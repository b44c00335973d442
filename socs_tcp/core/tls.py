"""TLS without a connection: bytes in, bytes out. Both faces speak it with this.

The standard library's ``ssl`` is used on the Twisted face, too: an `ssl.SSLContext` then means the
same on both, and neither needs pyOpenSSL, whose contexts Twisted's own TLS takes.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import Any

_READ_SIZE = 65536


def check_tls(value: Any) -> ssl.SSLContext | None:
    """`value` if a client can speak TLS with it, or None for a connection without TLS.

    Raises
    ------
    TypeError, ValueError
        With what is expected.
    """
    if value is None:
        return None
    if not isinstance(value, ssl.SSLContext):
        raise TypeError("tls must be an ssl.SSLContext, as ssl.create_default_context() makes "
                        f"it, not {value!r}")
    if value.protocol == ssl.PROTOCOL_TLS_SERVER:
        raise ValueError("tls must be the context of a client, not of a server")
    return value


class TlsStream:
    """The TLS of one connection. One thread at a time.

    Parameters
    ----------
    context : ssl.SSLContext
        Of a client.
    host : str
        Name or address, which the device's certificate has to name where `context` checks that.

    Attributes
    ----------
    ready : bool
        The handshake is over: there may be data from now on.
    ended : bool
        Nothing comes any more: the device said so, or its end of the connection is closed.
    """

    __slots__ = ("_held", "_in", "_out", "_tls", "ended", "ready")

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out,
                                     server_hostname=host.partition("%")[0])
        self.ready = self.ended = False
        self._held = b""        # said while the device renewed the keys

    def start(self) -> None:
        """Begin the handshake; what it sends is for `take`.

        Raises
        ------
        ConnectionError
            If that cannot be.
        """
        self._shake()

    def feed(self, data: bytes) -> bytes:
        """What the device says in `data`, which is empty at the end of the connection.

        A connection that ends without TLS' own farewell has simply ended: many devices do that,
        and a reply that is cut short is seen by its framing.

        Raises
        ------
        ConnectionError
            If it is no TLS, or the certificate is not the right one, or the device refuses ours.
        """
        if self.ended:
            return b""
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()
        if not self.ready and not self._shake():
            return b""
        plain = []
        try:
            while part := self._tls.read(_READ_SIZE):
                plain.append(part)
                # (To be told that there is no more takes longer than to see it.)
                if not (self._in.pending or self._tls.pending()):
                    break
            else:
                self.ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            self.ended = True
        except ssl.SSLError as exc:
            if not plain:       # otherwise what was said before it is heard, and then the end
                raise _told(exc) from exc
            self.ended = True
        if self._held and not self.ended:
            self._say()
        return b"".join(plain)

    def _shake(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as exc:
            raise ConnectionError("the device closed the connection in the TLS handshake") from exc
        except ssl.SSLError as exc:
            raise _told(exc) from exc
        self.ready = True
        return True

    def write(self, data: bytes) -> None:
        """Say `data`; what that is in TLS is for `take`. Once `ready`.

        While the device renews the keys (a handshake in the middle of a connection, before
        TLS 1.3), nothing can be said: it is `holding` that, until `feed` gets the end of it.
        """
        self._held += data
        self._say()

    @property
    def holding(self) -> bool:
        """Is something said that `take` does not give yet?"""
        return bool(self._held) and not self.ended

    def _say(self) -> None:
        try:
            self._tls.write(self._held)
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as exc:
            raise _told(exc) from exc
        self._held = b""

    def farewell(self) -> None:
        """Say that nothing more comes from us; it is for `take`."""
        # It waits for the answer, which nobody needs; or there was no handshake.
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()

    def take(self) -> bytes:
        """What has to go out now; empty for nothing."""
        return self._out.read()


def _told(error: ssl.SSLError) -> ConnectionError:
    """An error without a number, since those of TLS look like those of the system."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ConnectionError("TLS: the device's certificate is not trusted: "
                               f"{error.verify_message}")
    reason = (error.reason or str(error)).lower().replace("_", " ")
    hint = " (does the device speak TLS at this port?)" if reason in _NO_TLS else ""
    return ConnectionError(f"TLS: {reason}{hint}")


#: What OpenSSL says of a device that sends text.
_NO_TLS = ("wrong version number", "record layer failure", "packet length too long",
           "unexpected message", "http request")
