"""Serial ports behind TCP ports: SOCS' own class for Moxa boxes, and pyserial's ``socket://``."""

from __future__ import annotations

import importlib

from ..serial.errors import PYSERIAL
from .moxa import Serial_TCPServer

__all__ = ["Serial_TCPServer", "begin", "end", "original"]

#: Where pyserial looks for ``socket://`` first.
HANDLERS = f"{__package__}.urlhandler"


def original() -> type | None:
    """SOCS' class for Moxa boxes, or who stands in its place; None in a SOCS that has none."""
    try:
        module = importlib.import_module("socs.common.moxa_serial")
    except ImportError:
        return None
    kind: type | None = getattr(module, "Serial_TCPServer", None)
    return kind


def begin() -> None:
    """``socket://`` of pyserial is ours, where there is a pyserial."""
    if PYSERIAL is not None and HANDLERS not in PYSERIAL.protocol_handler_packages:
        PYSERIAL.protocol_handler_packages.insert(0, HANDLERS)


def end() -> None:
    """``socket://`` is pyserial's own again."""
    if PYSERIAL is not None and HANDLERS in PYSERIAL.protocol_handler_packages:
        PYSERIAL.protocol_handler_packages.remove(HANDLERS)
