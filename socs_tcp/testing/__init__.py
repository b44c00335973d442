"""Devices that fail on purpose, for the tests of drivers and agents.

Importing this costs next to nothing: each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .blocking.proxy import FaultProxy
    from .blocking.server import DeviceServer
    from .deferred.factory import DeviceFactory
    from .deferred.listener import listen
    from .device.answers import block, deaf
    from .device.script import ScriptExhausted, on
    from .device.scripted import ScriptedDevice
    from .faults.fault import Fault
    from .faults.faults import Faults
    from .faults.random_faults import RandomFaults
    from .recording.record import Recording
    from .recording.replay import Replay, ReplayMismatch

__all__ = [
    "DeviceFactory",
    "DeviceServer",
    "Fault",
    "FaultProxy",
    "Faults",
    "RandomFaults",
    "Recording",
    "Replay",
    "ReplayMismatch",
    "ScriptExhausted",
    "ScriptedDevice",
    "block",
    "deaf",
    "listen",
    "on",
]

_HOMES = {
    "DeviceFactory": "deferred.factory",
    "DeviceServer": "blocking.server",
    "Fault": "faults.fault",
    "FaultProxy": "blocking.proxy",
    "Faults": "faults.faults",
    "RandomFaults": "faults.random_faults",
    "Recording": "recording.record",
    "Replay": "recording.replay",
    "ReplayMismatch": "recording.replay",
    "ScriptExhausted": "device.script",
    "ScriptedDevice": "device.scripted",
    "block": "device.answers",
    "deaf": "device.answers",
    "listen": "deferred.listener",
    "on": "device.script",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
