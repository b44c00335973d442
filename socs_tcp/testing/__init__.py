"""Devices that fail on purpose, for the tests of drivers and agents."""

from .device import ScriptedDevice, on
from .faults import Fault, Faults
from .proxy import FaultProxy
from .random_faults import RandomFaults
from .record import Recording
from .replay import Replay, ReplayMismatch
from .server import DeviceServer

__all__ = [
    "DeviceServer",
    "Fault",
    "FaultProxy",
    "Faults",
    "RandomFaults",
    "Recording",
    "Replay",
    "ReplayMismatch",
    "ScriptedDevice",
    "on",
]
