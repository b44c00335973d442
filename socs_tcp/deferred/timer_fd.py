"""A descriptor that becomes readable after a time, whatever becomes of the wall clock."""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Any

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC


class _Spec(ctypes.Structure):
    # interval and value, each a timespec
    _fields_ = [(name, ctypes.c_long) for name in ("every_s", "every_ns", "s", "ns")]


def _system() -> Any:
    """The C library, if it has what is needed (Linux does)."""
    library = ctypes.CDLL(None, use_errno=True)
    try:
        library.timerfd_settime.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p,
                                            ctypes.c_void_p)
        return library.timerfd_create and library
    except AttributeError:
        return None


_library = _system()


class TimerFd:
    """A timer of the system (``timerfd``). Python has it from 3.13 on; this is for all.

    Raises
    ------
    OSError
        If the system has none.
    """

    def __init__(self) -> None:
        self._fd = -1
        if _library is None:
            raise OSError("this system has no timerfd")
        self._fd = _library.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self._spec = _Spec()
        self._at = ctypes.addressof(self._spec)

    def fileno(self) -> int:
        return self._fd

    def set(self, seconds: float) -> None:
        """Become readable so many seconds from now, and not before."""
        whole, rest = divmod(max(seconds, 0.0), 1.0)
        self._spec.s, self._spec.ns = int(whole), int(rest * 1e9) or (not whole)
        _library.timerfd_settime(self._fd, 0, self._at, None)

    def clear(self) -> None:
        """Be readable no more, until it is time again."""
        with contextlib.suppress(OSError):
            os.read(self._fd, 8)

    def stop(self) -> None:
        """Do not become readable."""
        self._spec.s = self._spec.ns = 0
        _library.timerfd_settime(self._fd, 0, self._at, None)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close
