"""The errors of a serial port that is in truth a TCP port.

Each is the error of ours that the same fault has elsewhere, a `ConnectionError`. Where pyserial is
installed, it is also what drivers catch that were written for that: ``serial.SerialException``, and
``serial.SerialTimeoutException`` where the device does not take what is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from ..core import errors

#: The module ``serial``, where pyserial is installed.
PYSERIAL: ModuleType | None = None
_lost: Any = OSError
_not_taken: Any = OSError
try:
    import serial

    _lost, _not_taken = serial.SerialException, serial.SerialTimeoutException
    PYSERIAL = serial
except (ImportError, AttributeError):       # another package has the same name
    pass


def _kind(ours: type[errors.DeviceConnectionError]) -> Any:
    theirs = _not_taken if issubclass(ours, errors.SendTimedOut) else _lost
    return type(ours.__name__, (ours, theirs),
                {"__module__": __name__, "__doc__": ours.__doc__})


# (In the module under their names, so that they can be pickled.)
DeviceConnectionError = _kind(errors.DeviceConnectionError)
ConnectFailed = _kind(errors.ConnectFailed)
ConnectTimedOut = _kind(errors.ConnectTimedOut)
Disconnected = _kind(errors.Disconnected)
SendTimedOut = _kind(errors.SendTimedOut)
ReplyTimedOut = _kind(errors.ReplyTimedOut)
FramingError = _kind(errors.FramingError)
WrongReply = _kind(errors.WrongReply)
WrongDevice = _kind(errors.WrongDevice)


def as_serial(error: errors.DeviceConnectionError) -> errors.DeviceConnectionError:
    """The same failure, as drivers of serial ports catch it."""
    kind = globals()[type(error).__name__]
    copy: errors.DeviceConnectionError = kind(str(error), host=error.host, port=error.port,
                                              phase=error.phase, sent=error.sent)
    copy.errno = error.errno
    return copy


@contextmanager
def translated() -> Iterator[None]:
    """What goes wrong in the block is told as drivers of serial ports expect it."""
    try:
        yield
    except errors.DeviceConnectionError as exc:
        raise as_serial(exc) from exc


def not_open(name: str) -> OSError:
    """Misuse: the port is used after `close`, or before `open`."""
    kind = OSError if PYSERIAL is None else PYSERIAL.PortNotOpenError
    error: OSError = kind() if kind is not OSError else OSError("the port is not open")
    error.args = (f"{name}: the port is not open: call open() first",)
    return error
