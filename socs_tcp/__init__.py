"""TCP devices for OCS agents: kept connected, and honest when they are not.

Importing this imports neither ``ocs`` nor a reactor.
"""

from .agent import DeviceAgentMixin
from .client import DeviceClient
from .errors import (
    ConnectFailed,
    ConnectTimedOut,
    DeviceConnectionError,
    Disconnected,
    FramingError,
    ReplyTimedOut,
    SendTimedOut,
    WrongDevice,
)
from .factory import DeviceClientFactory
from .framing import FixedFramer, Framer, LengthFramer, LineFramer, PromptFramer, RawFramer
from .link import Link
from .protocol import LineProtocol, RawProtocol
from .states import LinkChange, LinkState
from .tcp import TCPInterface

__version__ = "0.1.0"

__all__ = [
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
]
