"""Devices that fail on purpose, for the tests of drivers and agents."""

from .device import ScriptedDevice
from .fault import Fault
from .faults import Faults
from .proxy import FaultProxy
from .random_faults import RandomFaults
from .reactor import listen
from .record import Recording
from .replay import Replay, ReplayMismatch
from .script import on
from .server import DeviceServer
from .twisted_device import DeviceFactory

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
    "ScriptedDevice",
    "listen",
    "on",
]
