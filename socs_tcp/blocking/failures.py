"""What went wrong with a blocking device, in words: its name, the phase, and the time allowed."""

from __future__ import annotations

from ..core.errors import (
    CLOSED,
    DeviceConnectionError,
    Disconnected,
    FramingError,
    Phase,
    ReplyTimedOut,
    Sent,
    WrongReply,
    address_name,
    from_cause,
    show,
    without_frames,
)
from ..core.turn import Turn
from .connection import Connection, EndOfConnection


class Failures:
    """Makes the errors of one device.

    Attributes
    ----------
    host, port
        What messages call the device.
    closed : bool
        This program has closed it for good: that is the reason for all that fails.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.closed = False

    def error(self, kind: type[DeviceConnectionError], text: str, phase: Phase,
              sent: Sent) -> DeviceConnectionError:
        return kind(f"{address_name(self.host, self.port)}: {text}",
                    host=self.host, port=self.port, phase=phase, sent=sent)

    def closed_error(self, sent: Sent = "no") -> DeviceConnectionError:
        return self.error(Disconnected, CLOSED, "connect", sent)

    def translate(self, cause: BaseException, phase: Phase, sent: Sent,
                  allowed: float | None = None) -> DeviceConnectionError:
        """The error that `cause` means here and now."""
        if self.closed:
            return self.closed_error(sent)
        return from_cause(cause, host=self.host, port=self.port, phase=phase, sent=sent,
                          timeout=allowed)

    def busy(self, timeout: float | None) -> DeviceConnectionError:
        return self.error(ReplyTimedOut, "another call has been using the device for all of the "
                          f"{timeout:g} s this one could wait", "send", "no")

    def timed_out(self, connection: Connection, allowed: float | None) -> DeviceConnectionError:
        rest = connection.conversation.decoder
        what = f"an unfinished reply, {show(rest.peek())}," if rest.waiting else "no reply"
        within = "in time" if allowed is None else f"within {allowed:g} s"
        return self.error(ReplyTimedOut, f"{what} {within}", "recv", "yes")

    def gap(self, gap: float, allowed: float | None) -> DeviceConnectionError:
        """There was no time for the pause before a command."""
        return self.error(ReplyTimedOut, f"nothing was sent within {allowed or 0:g} s: commands "
                          f"are {gap:g} s apart (gap)", "send", "no")

    def never_silent(self, connection: Connection,
                     allowed: float | None) -> DeviceConnectionError:
        """The time was over before a question could be asked."""
        within = "" if allowed is None else f" of the {allowed:g} s allowed"
        return self.error(ReplyTimedOut, f"nothing was sent: {connection.conversation.obstacle()}; "
                          f"all{within} passed meanwhile", "send", "no")

    def wrong_reply(self, turn: Turn) -> DeviceConnectionError:
        return self.error(WrongReply, turn.mismatch(), "recv", "yes")

    def useless(self, connection: Connection) -> DeviceConnectionError:
        return self.error(FramingError, connection.conversation.useless or
                          "an answer to an earlier command may still come", "send", "no")

    def end_of_connection(self, connection: Connection, phase: Phase = "recv",
                          sent: Sent = "yes") -> DeviceConnectionError:
        """The error for a read that found the end."""
        if self.closed:
            return self.closed_error("no" if sent == "no" else "maybe")
        conversation = connection.conversation
        after = ""
        if conversation.decoder.waiting and conversation.turns:
            after = f" in the middle of a reply, after {show(conversation.decoder.peek())}"
        else:
            said = conversation.decoder.peek() or conversation.said
            if said and not conversation.answered:
                after = f", after it had said {show(said)}"
        return self.error(Disconnected, connection.ending() + after, phase, sent)

    def of(self, exc: BaseException, connection: Connection, phase: Phase, sent: Sent,
           allowed: float | None) -> DeviceConnectionError:
        """The error for whatever reading or writing has raised."""
        if isinstance(exc, EndOfConnection):
            return self.end_of_connection(connection, phase, sent)
        if isinstance(exc, TimeoutError) and exc.errno is None and phase == "recv":
            return self.timed_out(connection, allowed)
        return self.translate(exc, phase, sent, allowed)


def kept(error: DeviceConnectionError) -> DeviceConnectionError:
    """A copy to remember, which keeps no device alive."""
    copy = without_frames(error)
    assert isinstance(copy, DeviceConnectionError)
    return copy
