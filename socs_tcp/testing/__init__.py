"""Devices that fail on purpose, for the tests of drivers and agents."""

from .device import ScriptedDevice, on
from .faults import Fault, Faults
from .proxy import FaultProxy
from .random_faults import RandomFaults
from .reactor import DeviceFactory, listen
from .record import Recording
from .replay import Replay, ReplayMismatch
from .server import DeviceServer

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
