"""Conversations with a device, message by message, over a `DeviceClient`. Reactor thread only."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import deferLater

from ..core.errors import DeviceConnectionError, ReplyTimedOut, WrongReply
from . import Ask
from .reading import Answered


@inlineCallbacks
def converse(talk: Generator[Ask, bytes, bytes], device: Any, clock: Any,
             is_message: Callable[[bytes], bool]) -> Generator[Deferred[Any], Any, bytes]:
    """Have a conversation.

    Parameters
    ----------
    talk : generator
        As `script` makes it.
    device : DeviceClient, or a session of it
    clock : IReactorTime
    is_message : callable
        Is this something that the device says unasked?

    Returns
    -------
    Deferred
        Fires with the last answer; fails with a `ConnectionError` if one did not come, or with what
        the conversation raises.
    """
    ask, begun = next(talk), False
    while True:
        if ask.wait:
            yield deferLater(clock, ask.wait)
        try:
            reply = yield _exchange(ask, device, is_message)
        except DeviceConnectionError as exc:
            if begun and exc.sent == "no":
                exc.sent = "maybe"      # some of it was
            raise
        begun = True
        try:
            ask = talk.send(reply)
        except StopIteration as end:
            result: bytes = end.value
            return result


@inlineCallbacks
def _exchange(ask: Ask, device: Any, is_message: Callable[[bytes], bool]
              ) -> Generator[Deferred[Any], Any, bytes]:
    if not ask.reads:
        yield device.send(ask.data)
        return b""
    answered = Answered(ask)
    try:
        reply: bytes = (yield device.query(ask.data, ask.timeout, framer=ask.framer,
                                           match=answered.match, replies=ask.answers))[-1]
    except (WrongReply, ReplyTimedOut):
        # (Of a device that also speaks unasked, what is no answer may be a message; if it
        # is none, either, and no answer came, it was the answer.)
        wrong = answered.wrong
        if wrong is None or is_message(wrong):
            raise
        reply = wrong                   # the script says what is wrong with it
    return reply
