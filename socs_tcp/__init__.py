"""TCP devices for OCS agents: kept connected, and honest when they are not.

Importing this imports neither ``ocs`` nor a reactor. Each name is imported when it is first
used, so that a program that needs one face does not wait for the other.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .agent.mixin import DeviceAgentMixin
    from .core.errors import (
        ConnectFailed,
        ConnectTimedOut,
        DeviceConnectionError,
        Disconnected,
        FramingError,
        ReplyTimedOut,
        SendTimedOut,
        WrongDevice,
        WrongReply,
    )
    from .core.framing import (
        BlockFramer,
        FixedFramer,
        Framer,
        LengthFramer,
        LineFramer,
        PromptFramer,
        RawFramer,
    )
    from .core.link import Link
    from .core.states import LinkChange, LinkState
    from .deferred.client import DeviceClient
    from .deferred.factory import DeviceClientFactory
    from .deferred.protocol import LineProtocol, RawProtocol
    from .tcp import TCPInterface

__version__ = "0.1.0"

__all__ = [
    "BlockFramer",
    "ConnectFailed",
    "ConnectTimedOut",
    "DeviceAgentMixin",
    "DeviceClient",
    "DeviceClientFactory",
    "DeviceConnectionError",
    "Disconnected",
    "FixedFramer",
    "Framer",
    "FramingError",
    "LengthFramer",
    "LineFramer",
    "LineProtocol",
    "Link",
    "LinkChange",
    "LinkState",
    "PromptFramer",
    "RawFramer",
    "RawProtocol",
    "ReplyTimedOut",
    "SendTimedOut",
    "TCPInterface",
    "WrongDevice",
    "WrongReply",
]

#: Where each name lives.
_HOMES = {
    "BlockFramer": "core.framing",
    "ConnectFailed": "core.errors",
    "ConnectTimedOut": "core.errors",
    "DeviceAgentMixin": "agent.mixin",
    "DeviceClient": "deferred.client",
    "DeviceClientFactory": "deferred.factory",
    "DeviceConnectionError": "core.errors",
    "Disconnected": "core.errors",
    "FixedFramer": "core.framing",
    "Framer": "core.framing",
    "FramingError": "core.errors",
    "LengthFramer": "core.framing",
    "LineFramer": "core.framing",
    "LineProtocol": "deferred.protocol",
    "Link": "core.link",
    "LinkChange": "core.states",
    "LinkState": "core.states",
    "PromptFramer": "core.framing",
    "RawFramer": "core.framing",
    "RawProtocol": "deferred.protocol",
    "ReplyTimedOut": "core.errors",
    "SendTimedOut": "core.errors",
    "TCPInterface": "tcp",
    "WrongDevice": "core.errors",
    "WrongReply": "core.errors",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
