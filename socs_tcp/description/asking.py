"""A device that is driven by its description, with calls that block: the conversations over a
`TCPInterface`."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from ..blocking.interface import TCPInterface
from ..core.errors import (
    DeviceConnectionError,
    FramingError,
    ReplyTimedOut,
    WrongDevice,
    WrongReply,
)
from . import Ask, Description, ParseError, Query, script
from .reading import Answered, Reading, connection_options, read_reply

#: So many queries that are not answered, and no other, are enough.
SILENT = 3


def read_all(description: Description, ip_address: str, port: int,
             unanswered: Callable[[Query, DeviceConnectionError], object] | None = None,
             listen: float = 0.0) -> Iterator[Reading]:
    """Ask a live device every query once, and block meanwhile. For ``socs-tcp check``.

    Parameters
    ----------
    description : Description
    ip_address : str
    port : int
    unanswered : callable, optional
        Gets each query that the device does not answer, and why; the others are asked all the
        same. Without it, the first of them ends it all.
    listen : float
        Seconds to wait for the messages that the device sends by itself, after the queries.

    Yields
    ------
    Reading
        First that of the identity query, if there is one; it has no values. Last the first
        message of each kind that came.

    Raises
    ------
    ConnectionError
        If the device does not answer a query, or is not the one that is described.
    """
    # (After a query that is not answered there must be time for a new connection.)
    with TCPInterface(ip_address, port, description.timeout,
                      min_interval=min(1.0, description.timeout / 4),
                      **connection_options(description)) as device:
        if description.identify is not None:
            try:
                converse(device, description, description.identify.script())
            except ParseError as exc:
                raise WrongDevice(f"{device.link.name}: another device answers: {exc}",
                                  host=ip_address, port=port, phase="identify",
                                  sent="yes") from exc
            yield Reading(description.identify, time.time(), {}, {})
        if description.on_connect:
            try:
                converse(device, description, script(description.on_connect, "on_connect"))
            except ParseError as exc:
                raise FramingError(f"{device.link.name}: {exc}", host=ip_address, port=port,
                                   phase="recv", sent="yes") from exc
        heard = silent = 0
        for query in description.queries.values():
            try:
                reading = read_reply(query, converse(device, description, query.script()))
            except ParseError as exc:
                reading = Reading(query, time.time(), {}, query.all_wrong(exc))
            except DeviceConnectionError as exc:
                silent += 1
                if unanswered is None or exc.sent == "no" or (not heard and silent == SILENT):
                    raise
                unanswered(query, exc)
                continue
            heard += 1
            yield reading
        if listen and description.messages:
            yield from _messages(device, description, listen)


def _messages(device: TCPInterface, description: Description, seconds: float
              ) -> Iterator[Reading]:
    """The first message of each kind that comes in time."""
    end, waiting = time.monotonic() + seconds, set(description.messages)
    while waiting and (left := end - time.monotonic()) > 0:
        try:
            found = description.message_in(device.recv_frame(left))
        except ReplyTimedOut:
            return
        if found is not None and found[0].name in waiting:
            message, said = found
            waiting.remove(message.name)
            yield read_reply(message.query, said)


def converse(device: TCPInterface, description: Description,
             talk: Generator[Ask, bytes, bytes]) -> bytes:
    """Have a conversation, and block meanwhile; the last answer."""
    if description.closes_after_reply:      # each message on a connection of its own
        return _converse(device, talk)
    with device.reserve() as alone:
        return _converse(alone, talk)


def _converse(device: Any, talk: Generator[Ask, bytes, bytes]) -> bytes:
    ask = next(talk)
    while True:
        if ask.wait:
            time.sleep(ask.wait)
        reply, answered = b"", Answered(ask)
        try:
            if ask.reads:
                reply = device.query(ask.data, ask.timeout, framer=ask.framer,
                                     match=answered.match, replies=ask.answers)[-1]
            else:
                device.send(ask.data)
        except WrongReply:
            if answered.wrong is None:
                raise
            reply = answered.wrong          # the script says what is wrong with it
        try:
            ask = talk.send(reply)
        except StopIteration as end:
            result: bytes = end.value
            return result
