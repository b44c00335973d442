"""What a device had said when its connection was lost, for the message."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.conversation import Conversation
from ..core.errors import DeviceConnectionError, Disconnected, show


def with_last_words(error: DeviceConnectionError, conversation: Conversation,
                    unread: Sequence[bytes]) -> DeviceConnectionError:
    """`error`, or one that says more: a server that refuses a client says why, and hangs up.

    Parameters
    ----------
    error : DeviceConnectionError
    conversation : Conversation
        On the connection that is lost.
    unread : sequence of bytes
        Whole frames that came and that nobody has received.
    """
    if not isinstance(error, Disconnected):
        return error
    rest, sent = conversation.decoder.peek(), error.sent
    if rest and conversation.turns:
        text, sent = f" in the middle of a reply, after {show(rest)}", "yes"
    elif not conversation.answered and (said := unread[-1] if unread else rest
                                        or conversation.said):
        text = f"; it said {show(said)}"
    else:
        return error
    longer = Disconnected(f"{error}{text}", host=error.host, port=error.port, phase=error.phase,
                          sent=sent)
    longer.__cause__ = error.__cause__
    return longer
