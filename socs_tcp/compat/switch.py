"""Putting our class in the place of ``socs.tcp.TCPInterface``, and back."""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import sys
import threading
from collections.abc import Callable
from typing import Any

from ..core.log import DeviceLogger
from ..tcp import TCPInterface
from . import follow, serial_ports

log = DeviceLogger()

# Reentrant: where `children/sitecustomize.py` is in force, `install` imports socs.tcp,
# and that import calls `install`.
_lock = threading.RLock()
# All are guarded by _lock. What stood in our place; None while we are not in it.
_original: type | None = None
_moxa: type | None = None
# Modules in which something was exchanged, by name, for the way back.
_users: set[str] = set()


def installed() -> bool:
    """Is our class in the place of SOCS' own? Any thread."""
    return _original is not None


def install(*, degraded: bool | None = None) -> None:
    """Put `socs_tcp.TCPInterface` in the place of ``socs.tcp.TCPInterface``.

    Drivers that were imported before get it as their base class, those that are imported
    later find it in ``socs.tcp``. Serial ports behind a Moxa box
    (``socs.common.moxa_serial``) and pyserial's ``socket://`` are ours, too. A second call does
    nothing. Any thread may call it.

    Parameters
    ----------
    degraded : bool, optional
        Shall ``session.degraded`` of each OCS agent of this process follow all its devices?
        Default: as the environment variable SOCS_TCP_COMPAT_DEGRADED says: yes, if
        it is not ``off``.

    Raises
    ------
    ImportError
        If SOCS is not installed, or is too old to have ``socs.tcp``.
    RuntimeError
        If devices were made already: they would lack what our class needs.
    """
    global _moxa, _original
    with _lock:
        tcp = import_socs_tcp()
        original = tcp.TCPInterface
        if original is TCPInterface:
            return
        count = _living(original)
        if count:
            raise RuntimeError(
                f"{count} device(s) were made on socs.tcp.TCPInterface already: call "
                "socs_tcp.compat.install() before the first one, or start the program with "
                "python -m socs_tcp.compat")
        _original, _moxa = original, serial_ports.original()
        drivers = _exchange(original, TCPInterface, _not_ours)
        if _moxa is not None:
            drivers += _exchange(_moxa, serial_ports.Serial_TCPServer, _not_ours)
        serial_ports.begin()
        if follow.wanted() if degraded is None else degraded:
            follow.begin()
        before = f"; drivers imported before: {', '.join(drivers)}" if drivers else ""
        log.info(f"socs.tcp.TCPInterface is socs_tcp.TCPInterface from now on "
                 f"(socs {_version('socs')}, socs_tcp {_version('socs_tcp')}){before}")


def uninstall() -> None:
    """Undo `install`, for tests. Devices made in between should be closed. Any thread."""
    global _moxa, _original  # noqa: PLW0603
    with _lock:
        if _original is None:
            return
        devices = _objects_of(TCPInterface)
        _exchange(TCPInterface, _original, _was_exchanged)
        for device in devices:
            if isinstance(device, _original):
                device.__dict__["comm"] = None      # which the destructor of SOCS' class looks at
        if _moxa is not None:
            _exchange(serial_ports.Serial_TCPServer, _moxa, _was_exchanged)
        serial_ports.end()
        _original = _moxa = None
        _users.clear()
        follow.end()
        log.info("socs.tcp.TCPInterface is SOCS' own again")


def _not_ours(module: str) -> bool:
    # (what we keep for the way back is a name of SOCS' class, too)
    return module.partition(".")[0] != __name__.partition(".")[0]


def _was_exchanged(module: str) -> bool:
    return module in _users or module.startswith("socs.")


def import_socs_tcp() -> Any:
    """The module ``socs.tcp``.

    Raises
    ------
    ImportError
        That says what to do.
    """
    try:
        return importlib.import_module("socs.tcp")
    except Exception as exc:        # a SOCS that is half installed raises RuntimeError
        raise ImportError(
            f"cannot import socs.tcp ({exc}): socs_tcp.compat runs SOCS' drivers, and needs "
            f"SOCS 0.6 or newer in this environment ({sys.prefix}): pip install socs"
        ) from exc


def _living(original: type) -> int:
    """How many objects of this class, or of a subclass, there are."""
    for _ in range(2):
        count = len(_objects_of(original))
        if not count:
            break
        gc.collect()        # many drivers hold themselves in a cycle
    return count


def _objects_of(cls: type) -> list[Any]:
    # (not isinstance: that asks the object, which may be a mock)
    return [thing for thing in gc.get_objects() if issubclass(type(thing), cls)]


def _exchange(old: type, new: type, concerned: Callable[[str], bool]) -> list[str]:
    """Replace `old` by `new` as a base class, and as a name in modules.

    Parameters
    ----------
    old, new : type
    concerned : callable
        Is the module of this name?

    Returns
    -------
    list of str
        The names of the subclasses that have a new base.
    """
    moved = []
    drivers: list[type] = old.__subclasses__()
    for driver in drivers:
        if concerned(driver.__module__):
            driver.__bases__ = tuple(new if base is old else base
                                     for base in driver.__bases__)
            _users.add(driver.__module__)
            moved.append(driver.__name__)
    for name, module in tuple(sys.modules.items()):
        names = getattr(module, "__dict__", None)
        if not isinstance(names, dict) or not concerned(name):
            continue
        for key, value in tuple(names.items()):
            if value is old:
                names[key] = new
                _users.add(name)
    return moved


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"
