"""The name of the original: ``from socs_tcp.tcp import TCPInterface``."""

from .blocking.interface import TCPInterface

__all__ = ["TCPInterface"]

# What messages, pickles and documentation call it.
TCPInterface.__module__ = __name__
