"""What can go wrong with a device, and the one place that decides what it is called.

::

    ConnectionError
    └── DeviceConnectionError          everything this package raises about a device
        ├── ConnectFailed              no connection could be made
        │   └── ConnectTimedOut        ... within the time allowed      (also TimeoutError)
        ├── Disconnected               the connection is gone
        ├── SendTimedOut               the device does not take our bytes (also TimeoutError)
        ├── ReplyTimedOut              the reply did not come in time   (also TimeoutError)
        ├── FramingError               the data is not a reply
        ├── WrongReply                 a reply came that does not match the query
        └── WrongDevice                another device answers

Misuse by the programmer is ``ValueError``, ``TypeError`` or ``RuntimeError``,
never one of these: an agent that catches ``ConnectionError`` must not hide a bug.
"""

from __future__ import annotations

import copy
import errno
import os
import sys
from typing import TYPE_CHECKING, Any, Literal, Self

from .text import safe, without_braces

if TYPE_CHECKING:
    from twisted.python.failure import Failure

Phase = Literal["connect", "send", "recv", "identify"]
Sent = Literal["no", "maybe", "yes"]

SHOWN_BYTES = 60
#: Characters of a text that is not ours, of a reason (some have a hint), of a whole message.
SHOWN_TEXT = 200
MOST_OF_A_REASON = 500
MOST_OF_A_MESSAGE = 1000


class DeviceConnectionError(ConnectionError):
    """Base of all errors that a device or the way to it can cause.

    Parameters
    ----------
    message : str
        What happened, for the person who has to act on it. It may quote a device or a driver:
        what is not printable is escaped, and so are braces, as in `show`.
    host : str
        Host name or address of the device.
    port : int
        TCP port of the device.
    phase : {'connect', 'send', 'recv', 'identify'}
        What was being done.
    sent : {'no', 'maybe', 'yes'}
        May the command have reached the device? After ``'no'`` it is safe to repeat.
    """

    def __init__(self, message: str = "", *, host: str = "", port: int = 0,
                 phase: Phase = "connect", sent: Sent = "no") -> None:
        super().__init__(safe(message, MOST_OF_A_MESSAGE))
        self.host = host
        self.port = port
        self.phase = phase
        self.sent = sent

    def __reduce__(self) -> tuple[Any, ...]:
        # OSError keeps its errno where copies and pickles do not look for it.
        return (*super().__reduce__()[:2], {**self.__dict__, "errno": self.errno})

    def __copy__(self) -> Self:
        # (As by `__reduce__`, in a fifth of the time: hundreds of devices may fail at once.)
        made = type(self).__new__(type(self))
        made.args, made.errno = self.args, self.errno
        made.__dict__.update(self.__dict__)
        return made


class ConnectFailed(DeviceConnectionError):
    """No connection: refused, no route, or the host name does not resolve."""


class ConnectTimedOut(ConnectFailed, TimeoutError):
    """No connection within the time allowed."""


class Disconnected(DeviceConnectionError):
    """The connection was closed, reset, or given up."""


class SendTimedOut(DeviceConnectionError, TimeoutError):
    """The device did not take all bytes of the command within the time allowed."""


class ReplyTimedOut(DeviceConnectionError, TimeoutError):
    """The device did not answer within the time allowed."""


class FramingError(DeviceConnectionError):
    """The bytes that came cannot be a reply: too long, or a header that makes no sense."""


class WrongReply(DeviceConnectionError):
    """What came in the place of the reply does not match. The message shows it."""


class WrongDevice(DeviceConnectionError):
    """The device that answers is not the one that is expected at this address."""


def address_name(host: str, port: int) -> str:
    """What a device is called in messages and logs: ``host:port``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def show(data: bytes | bytearray | memoryview) -> str:
    """Bytes from a device, fit for a log or a terminal: escaped, and shortened.

    Braces are escaped, too: many an agent writes ``self.log.warn(f"... {error}")``, and what
    stands in braces there is run by Twisted.
    """
    shown = without_braces(repr(bytes(data[:SHOWN_BYTES])))
    return shown if len(data) <= SHOWN_BYTES else f"{shown}... ({len(data)} bytes)"


#: The reason for all that fails once a program has closed its device.
CLOSED = "closed by this program"

#: What its errors mean, the more special ones first.
_TWISTED = {"ConnectionDone": "the device closed the connection",
            "ConnectionAborted": "the connection was given up",
            "ConnectionLost": "the connection was reset or lost"}


def _of_twisted(name: str, home: str = "twisted.internet.error") -> tuple[Any, ...]:
    """An error of Twisted for ``isinstance``. Where it is not imported, it raised nothing."""
    module = sys.modules.get(home)
    return () if module is None else (getattr(module, name),)


def told(exc: BaseException) -> str:
    """What a driver's own code raised, fit for a log: its kind and its text, shortened."""
    return f"{type(exc).__name__}: {safe(exc, SHOWN_TEXT)}"


def reason_of(exc: BaseException) -> str:
    """The shortest text that tells a person why `exc` happened."""
    for name, told in _TWISTED.items():
        if isinstance(exc, _of_twisted(name)):
            return told
    number = _number(exc)
    if number in errno.errorcode:
        return os.strerror(number)
    return safe(exc, MOST_OF_A_REASON) or type(exc).__name__


def _number(exc: BaseException) -> int:
    """The errno behind `exc`, wherever the system or Twisted keeps it; 0 for none."""
    number = getattr(exc, "errno", None) or getattr(exc, "osError", None)
    return number if isinstance(number, int) else 0


def _is_timeout(exc: BaseException) -> bool:
    """Did *our* time run out? ETIMEDOUT on a live connection is the system saying it is dead."""
    if isinstance(exc, (TimeoutError, *_of_twisted("TimeoutError"))):
        return getattr(exc, "errno", None) is None
    return False


def from_cause(cause: BaseException | Failure, *, host: str, port: int, phase: Phase,
               sent: Sent = "no", timeout: float | None = None) -> DeviceConnectionError:
    """The error of ours that `cause` means. Raise it ``from`` the cause.

    Everything maps: ``OSError`` with any number, ``socket.gaierror`` (not a
    ``ConnectionError``, yet what a stopped container gives), Twisted's exceptions
    and a ``Failure`` around any of them. One of ours is returned as it is.

    Parameters
    ----------
    cause : Exception or Failure
        What was caught.
    host, port, phase, sent
        As in :class:`DeviceConnectionError`.
    timeout : float, optional
        The seconds that were allowed, for the message.

    Returns
    -------
    DeviceConnectionError
        With ``__cause__`` set to `cause`, so that it can be handed over, too.
    """
    exc: BaseException = (      # a Failure is one, too
        cause.value if isinstance(cause, _of_twisted("Failure", "twisted.python.failure"))
        else cause)
    if isinstance(exc, DeviceConnectionError):
        if not exc.host:    # raised by the pure core, which knows no device
            exc.host, exc.port = host, port
            exc.args = (f"{address_name(host, port)}: {exc}",)
        return exc
    kind, text = _classify(exc, phase, timeout)
    error = kind(f"{address_name(host, port)}: {text}",
                 host=host, port=port, phase=phase, sent=sent)
    error.__cause__ = exc
    if isinstance(exc, OSError):
        error.errno = exc.errno
    return error


def again(error: DeviceConnectionError, sent: Sent) -> DeviceConnectionError:
    """The same failure for another caller, who gets an exception of their own.

    Parameters
    ----------
    error : DeviceConnectionError
        What happened to all of them.
    sent : {'no', 'maybe', 'yes'}
        How far this caller's command came.
    """
    copy = type(error)(str(error), host=error.host, port=error.port, phase=error.phase,
                       sent=sent)
    copy.__cause__ = error.__cause__ or error
    copy.errno = error.errno
    return copy


def without_frames(error: BaseException | None) -> BaseException | None:
    """A copy of `error` that can be kept: it holds nobody's variables, and so keeps nothing alive.

    A traceback holds the variables of every function on the way, the device itself among them.
    """
    if error is None:
        return None
    try:
        kept = copy.copy(error)
    except Exception:       # an exception of the user's that cannot be copied
        kept = RuntimeError(told(error))
    kept.__traceback__ = kept.__context__ = None
    kept.__cause__ = None if error.__cause__ is error else without_frames(error.__cause__)
    return kept


def _classify(exc: BaseException, phase: Phase,
              timeout: float | None) -> tuple[type[DeviceConnectionError], str]:
    within = "in time" if timeout is None else f"within {timeout:g} s"
    if phase == "connect":
        if _is_timeout(exc) or _number(exc) == errno.ETIMEDOUT:
            return ConnectTimedOut, f"no connection {within}"
        return ConnectFailed, f"cannot connect: {reason_of(exc)}"
    if _is_timeout(exc):
        if phase == "send":
            return SendTimedOut, f"the device did not take the command {within}"
        return ReplyTimedOut, f"no reply {within}"
    return Disconnected, f"connection lost: {reason_of(exc)}"
