"""Each OCS agent of the process follows the links of all devices of the process.

Most of SOCS' agents never set ``session.degraded``, and those that do set it while they
poll. Under the switch it is right for every operation, though nothing in them is edited:
what the agent sets itself holds, too (degraded if either says so).
"""

from __future__ import annotations

import functools
import gc
import os
import sys
import threading
from typing import Any
from weakref import WeakSet, WeakValueDictionary

from ..core.log import DeviceLogger
from ..tcp import TCPInterface

log = DeviceLogger()

#: In the environment: ``off`` leaves `degraded` to the agents; children inherit it.
VARIABLE = "SOCS_TCP_COMPAT_DEGRADED"

# Reentrant: a driver may make one device inside another's constructor.
_lock = threading.RLock()
# All below are guarded by _lock. Devices by their id: a driver's class may not be hashable.
_devices: WeakValueDictionary[int, TCPInterface] = WeakValueDictionary()
_agents: WeakSet[Any] = WeakSet()
_unwrapped: dict[type, Any] = {}        # the constructors that we stand in front of


def wanted() -> bool:
    """Does the environment leave it on?"""
    return os.environ.get(VARIABLE, "").strip().lower() not in ("off", "0", "no", "false")


def begin() -> None:
    """Follow all devices that are made from now on. Any thread."""
    with _lock:
        _wrap(TCPInterface, _device_made)


def end() -> None:
    """Follow no more, for tests. Any thread."""
    with _lock:
        for kind, constructor in _unwrapped.items():
            kind.__init__ = constructor     # type: ignore[misc]
        _unwrapped.clear()
        _devices.clear()
        _agents.clear()


def _wrap(kind: type, made: Any) -> None:
    if kind in _unwrapped:
        return
    constructor = _unwrapped[kind] = kind.__init__      # type: ignore[misc]

    @functools.wraps(constructor)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        constructor(self, *args, **kwargs)
        try:
            made(self)
        except Exception as exc:        # no reason to fail a driver
            log.error(f"socs_tcp.compat: session.degraded does not follow {self!r}: {exc!r}")
    setattr(__init__, "__kwdefaults__", getattr(constructor, "__kwdefaults__", None))  # noqa: B010
    kind.__init__ = __init__            # type: ignore[misc]


def _device_made(device: TCPInterface) -> None:
    with _lock:
        _devices[id(device)] = device
        _find_agents()
        agents = list(_agents)
    for agent in agents:
        _follow(agent, device)


def _agent_made(agent: Any) -> None:
    with _lock:
        _agents.add(agent)
        devices = list(_devices.values())
    for device in devices:
        _follow(agent, device)


def _find_agents() -> None:
    """Those that there are, the first time; the others tell us."""
    # Whether OCS is imported, and when, is the program's own affair: it chooses a reactor.
    module = sys.modules.get("ocs.ocs_agent")
    kind = getattr(module, "OCSAgent", None)
    if kind is None or kind in _unwrapped:
        return
    _wrap(kind, _agent_made)
    _agents.update(thing for thing in gc.get_objects() if isinstance(thing, kind))


def _follow(agent: Any, device: TCPInterface) -> None:
    from twisted.internet import reactor  # noqa: PLC0415 (importing installs one)

    from ..agent.degraded import Degraded  # noqa: PLC0415 (not without OCS)

    Degraded.of(agent, reactor).watch(device, None, implied=True)
