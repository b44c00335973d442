"""A simulated device made from a description, for tests, demos and writing agents at a desk.

::

    from socs_tcp.description import load
    from socs_tcp.description.simulated import scripted_device
    from socs_tcp.testing import DeviceServer

    with DeviceServer(scripted_device(load("pfeiffer_tpg366"))) as server:
        ...     # server.port

It answers what the section ``simulate`` says (or what the fields need, where it says
nothing), keeps what is set, and stays silent to anything else, as most instruments do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..core.framing import Framer, LengthFramer, LineFramer, PromptFramer
from ..testing.device.scripted import ScriptedDevice
from . import Description
from .conversations import conversations
from .examples import example
from .framers import LinesFramer, WrappedFramer
from .load_answers import GREETING
from .patterns import Pattern
from .simulated_modbus import ModbusDevice
from .simulated_model import DescribedDevice
from .wrapping import Wrapping

__all__ = ["CommandFramer", "DescribedDevice", "ModbusDevice", "scripted_device"]

#: Seconds between two of the messages that the device says unasked.
MESSAGE_PERIOD = 1.0


class CommandFramer(Framer):
    """Where a command ends that a device of this description receives.

    A message in text ends with the terminator; one in hexadecimal digits ends by itself,
    and is known by its bytes.

    Parameters
    ----------
    description : Description
    """

    def __init__(self, description: Description) -> None:
        super().__init__()
        self._terminator = description.send_terminator
        self._line = description.framer if isinstance(description.framer, WrappedFramer) \
            and description.framer.end == self._terminator else None
        patterns = {known.pattern.pattern for talk in conversations(description).values()
                    for known in talk if not known.step.send.terminator}
        # Longer ones first: one command may begin like another.
        self._exact = [re.compile(p) for p in sorted(patterns, key=len, reverse=True)]

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        for pattern in self._exact:
            match = pattern.match(buffer, start, stop)
            if match is not None:
                return match.end(), match.end()
        if not self._terminator:
            return stop, stop       # nothing we know: one packet, one command
        if self._line is not None:
            return self._line.find(buffer, start, stop, scanned)
        end = buffer.find(self._terminator, start, stop)
        if end < 0:
            if stop - start > self.max_length:
                raise self.too_long(buffer[start:stop])
            return None
        return end, end + len(self._terminator)


class Ended(bytes):
    """A reply with what ends it."""


class Instrument(ScriptedDevice):
    """A `ScriptedDevice` whose model says itself where some replies end."""

    def replies(self, answer: Any) -> list[bytes]:
        return [bytes(answer)] if isinstance(answer, Ended) else super().replies(answer)


class _Ending:
    """The model, with what ends a reply that does not end as usual."""

    def __init__(self, model: DescribedDevice, framer: Framer,
                 wrapping: Wrapping | None) -> None:
        self._model = model
        self._framer = framer
        self._wrapping = wrapping

    def handle(self, command: bytes) -> bytes | list[bytes] | None:
        answer = self._model.handle(command)
        framer = self._model.answered
        if answer is None or (framer is None and self._wrapping is None):
            return answer
        answers = answer if isinstance(answer, list) else [answer]
        if self._wrapping is not None:
            answers = [self._wrapping.wrap(one) for one in answers]
        return [Ended(one + ending(framer or self._framer)) for one in answers]

    def reset_state(self) -> None:
        self._model.reset_state()


def ending(framer: Framer) -> bytes:
    """What stands behind a reply."""
    if isinstance(framer, LinesFramer):
        framer = framer.line
    if isinstance(framer, WrappedFramer):
        return framer.end
    if isinstance(framer, LineFramer):
        return framer.terminators[0]
    if isinstance(framer, PromptFramer) and not framer.keep:
        return example(Pattern(framer.pattern, 1000)) or b""
    return b""


def _frames_commands(description: Description) -> bool:
    """Do commands begin with the same header as replies?"""
    framer = description.framer
    if not isinstance(framer, LengthFramer):
        return False
    sent = [known.step.send.fill({}) for talk in conversations(description).values()
            for known in talk if not known.step.send.places]
    return all(framer.whole(message) == message for message in sent)


def scripted_device(description: Description,
                    on_unknown: Callable[[bytes], None] | None = None) -> ScriptedDevice:
    """A device that can be served, unplugged and tormented; see `socs_tcp.testing`.

    Parameters
    ----------
    description : Description
    on_unknown : callable, optional
        As for `DescribedDevice`; the last such commands are in ``unknown`` of the device, too.

    Raises
    ------
    DescriptionError
        As `DescribedDevice`.
    """
    if description.modbus is not None:
        return ScriptedDevice(ModbusDevice(description), framer=description.framer,
                              reply_terminator=b"")
    framer = description.framer
    commands = framer if _frames_commands(description) else CommandFramer(description)
    identity = b"*IDN?"
    if description.identify is not None:
        identity = description.identify.steps[0].send.without_terminator()
    model, wrapping = DescribedDevice(description), description.wrapping
    unasked = tuple(answer if wrapping is None else wrapping.wrap(answer)
                    for name in description.messages
                    for answer in description.answers.get(name, ())[:1])
    banner = b""
    if description.greeting is not None:
        given = description.answers.get(GREETING)
        banner = (given[0] if given else example(description.greeting) or b"") + ending(framer)
    device = Instrument(_Ending(model, framer, wrapping), framer=framer, command_framer=commands,
                        reply_terminator=ending(framer), identity_command=identity,
                        banner=banner, unsolicited=unasked or None,
                        period=MESSAGE_PERIOD if unasked else 0.0)

    def unknown(command: bytes) -> None:
        device.unknown.append(command)
        if on_unknown is not None:
            on_unknown(command)
    model.on_unknown = unknown
    return device
