"""Devices that fail on purpose, for the tests of drivers and agents."""

from .device import ScriptedDevice, on
from .faults import Fault, Faults
from .random_faults import RandomFaults
from .server import DeviceServer

__all__ = ["DeviceServer", "Fault", "Faults", "RandomFaults", "ScriptedDevice", "on"]
