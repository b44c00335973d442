"""What went wrong with a device of the Twisted face, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.python.failure import Failure

from ..core.errors import (
    CLOSED,
    DeviceConnectionError,
    Disconnected,
    ReplyTimedOut,
    SendTimedOut,
    Sent,
    WrongReply,
    from_cause,
    show,
    told,
)
from .connection import Connection
from .device import Device
from .request import Request


def closed(device: Device, sent: Sent = "no") -> DeviceConnectionError:
    return device.error(Disconnected, CLOSED, "connect", sent)


def given_up(device: Device) -> DeviceConnectionError:
    return device.error(Disconnected, "the connection was given up", "recv", "yes")


# of one call


def wrong_reply(device: Device, request: Request) -> DeviceConnectionError:
    return device.error(WrongReply, request.mismatch(), "recv", request.sent)


def not_taken(device: Device, request: Request) -> DeviceConnectionError:
    return device.error(SendTimedOut, "the device did not take the command "
                        f"{_within(request)}", "send", "maybe")


def no_reply(device: Device, connection: Connection, request: Request) -> DeviceConnectionError:
    rest = connection.conversation.decoder.peek()
    what = f"an unfinished reply, {show(rest)}," if rest else "no reply"
    if request.frames:
        what = f"{len(request.frames)} of {request.answers} replies"
    return device.error(ReplyTimedOut, f"{what} {_within(request)}", "recv", request.sent)


def waited_in_vain(device: Device, connection: Connection, flight: Sequence[Any],
                   request: Request) -> DeviceConnectionError:
    """It was never sent: those in `flight` were in front of it, or the device in its way."""
    if flight or not connection.conversation.obstructs:
        return device.error(
            ReplyTimedOut, f"its turn did not come {_within(request)}: "
            f"{_in_front(device, connection, len(flight), request.deadline)}", "send",
            request.sent)
    return device.error(
        ReplyTimedOut, f"nothing was sent {_within(request)}: "
        f"{connection.conversation.obstacle()}", "send", request.sent)


def _in_front(device: Device, connection: Connection, flight: int, deadline: float) -> str:
    if flight:
        return f"{flight} before it"
    if connection.conversation.silence.gap_left(deadline) > 0:
        return f"commands are {device.gap:g} s apart (gap)"
    if connection.conversation.silence.left(deadline) > 0:
        return connection.conversation.obstacle()
    return "the reactor was busy with other things"


def reserved(device: Device, request: Request) -> DeviceConnectionError:
    return device.error(ReplyTimedOut, f"its turn did not come {_within(request)}: the "
                        "device is reserved", "send", request.sent)


def _within(request: Request) -> str:
    return f"within {request.timeout:g} s"


# of a preparation


def still_preparing(device: Device, request: Request, last: DeviceConnectionError | None
                    ) -> DeviceConnectionError:
    """It is connected: whoever looks for a cable would be misled. `last` ended what was before."""
    before = "" if last is None \
        else f"; before that: {str(last).removeprefix(f'{device.link.name}: ')}"
    return device.error(ReplyTimedOut, f"not ready for use {_within(request)}: the greeting, "
                        f"identify or on_connect still waits for the device{before}", "identify",
                        request.sent)


def never_ready(device: Device) -> DeviceConnectionError:
    return device.error(ReplyTimedOut, f"not ready for use within {device.patience:g} s",
                        "identify", "maybe")


def gave_up_waiting(device: Device) -> DeviceConnectionError:
    return device.error(Disconnected, "on_connect gave up waiting for a reply, which "
                        "may still come", "identify", "maybe")


def not_prepared(device: Device, failure: Failure) -> DeviceConnectionError:
    """The error for whatever ended a preparation."""
    cause = failure.value
    if isinstance(cause, ConnectionError):
        error = from_cause(failure, host=device.host, port=device.port, phase="identify",
                           sent="maybe", timeout=device.timeout)
        error.phase = "identify"
        return error
    # A mistake in the driver, which nobody else would hear of.
    assert cause is not None
    error = device.error(Disconnected, f"on_connect failed: {told(cause)}", "identify", "maybe")
    error.__cause__ = cause
    return error
