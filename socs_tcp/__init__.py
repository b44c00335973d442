"""TCP devices for OCS agents: kept connected, and honest when they are not.

Importing this imports neither ``ocs`` nor a reactor.
"""

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
