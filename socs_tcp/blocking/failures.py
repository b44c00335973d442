"""What goes wrong with a blocking device, told with its name, the phase, and the time allowed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..core.errors import (
    DeviceConnectionError,
    Disconnected,
    Phase,
    ReplyTimedOut,
    Sent,
    address_name,
    from_cause,
    show,
)
from .channel import Channel

if TYPE_CHECKING:
    from .interface import TCPInterface


class Failures:
    """Makes the errors of one `TCPInterface`."""

    def __init__(self, face: TCPInterface) -> None:
        self._face = face
        # Set by close() in any thread, never cleared; ends every wait.
        self._closed = threading.Event()
        # Seconds the call was given, for messages. For the holder of the lock only.
        self._allowed: float | None = None

    def error(self, kind: type[DeviceConnectionError], text: str, phase: Phase,
              sent: Sent) -> DeviceConnectionError:
        face = self._face
        return kind(f"{address_name(face.ip_address, face.port)}: {text}",
                    host=face.ip_address, port=face.port, phase=phase, sent=sent)

    def translate(self, cause: BaseException, phase: Phase, sent: Sent) -> DeviceConnectionError:
        """The error that `cause` means here and now."""
        face = self._face
        if self._closed.is_set():
            return self._closed_error(sent)
        return from_cause(cause, host=face.ip_address, port=face.port, phase=phase, sent=sent,
                          timeout=self._allowed)

    def _closed_error(self, sent: Sent = "no") -> DeviceConnectionError:
        return self.error(Disconnected, "closed by this program", "connect", sent)

    def timed_out(self, channel: Channel) -> DeviceConnectionError:
        rest = channel.decoder
        what = f"an unfinished reply, {show(rest.peek())}," if rest.waiting else "no reply"
        within = "in time" if self._allowed is None else f"within {self._allowed:g} s"
        return self.error(ReplyTimedOut, f"{what} {within}", "recv", "yes")

    def end_of_connection(self, channel: Channel) -> DeviceConnectionError:
        """The error for a read that found the end."""
        if self._closed.is_set():
            return self._closed_error("maybe")
        rest = channel.decoder
        after = f" in the middle of a reply, after {show(rest.peek())}" if rest.waiting else ""
        return self.error(Disconnected, f"the device closed the connection{after}", "recv", "yes")
