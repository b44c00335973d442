"""A device made from a script: which command gets which answer. No socket, no clock.

One `ScriptedDevice` is one instrument. Whoever runs it (`DeviceServer` in a thread,
`listen` in a reactor) calls it from one thread only, one command at a time.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from ...core.checks import check_seconds
from ...core.errors import show
from ...core.framing import Decoder, Framer, LineFramer, Text, to_bytes
from .answers import Block, Deaf
from .framers import command_framer_of, reply_terminator_of
from .script import (
    UNKNOWN,
    Answer,
    Key,
    expand,
    fresh,
    full_match,
    is_model,
    marked_methods,
    next_answer,
)


class ScriptedDevice:
    r"""One instrument: what it answers.

    Parameters
    ----------
    answers : dict, callable, object, class, or None
        - a **dict** from commands to answers. A command is exact (``str`` or ``bytes``,
          without its terminator) or a compiled pattern that the whole command must match.
          An answer is text (of a pattern: with ``\1`` or ``\g<name>`` for its groups),
          None for no answer, a tuple for several replies to the one command, a list of
          answers that are given one after the other, each once (if it ends with ``...``,
          the last of them again and again; otherwise one more command is an error of the
          script), `deaf` or `block`, or a callable that gets the groups and returns any
          of these;
        - a **callable** that gets each command (bytes, without its terminator) and returns
          an answer;
        - an **object** with methods marked by `on`, or with ``handle(command)``, or both:
          what no marked method matches goes to ``handle``. At a reboot its
          ``reset_state()`` is called, if it has one;
        - a **class** of such objects: a reboot makes a new object.
    framer : Framer
        The framer that the *client* uses. It determines how commands and replies end.
        Default: ``LineFramer()``.
    command_framer : Framer, optional
        How commands end, if `framer` does not say that: for a `FixedFramer`, or your own
        framer. Without it, whatever arrives together is taken for one command.
    reply_terminator : bytes or str, optional
        Added to each reply that does not end with it; ``b""`` for none.
    banner : bytes or str
        Sent to each client that connects, exactly as given.
    banner_delay : float
        Seconds before it is sent. Meanwhile, commands are answered.
    prompt : bytes or str
        Sent after the banner and after the replies to each command, exactly as given.
    default : Answer
        For unknown commands.
    unsolicited : Answer
        Sent to every client each `period` seconds, unasked.
    period : float
        Seconds; 0 for never.
    one_client_only : bool
        Hang up on any client but the first, as many instruments do.
    closes_after_reply : bool
        Hang up after each answer.
    telnet : bool
        Speak telnet: negotiate when a client connects, and send each byte 255 twice.
    identity_command : bytes or str
        The command that asks for the identity; see `reboot`.

    Attributes
    ----------
    unknown : deque of bytes
        The last 100 commands without an answer in the script. Any thread may read it.
    """

    def __init__(self, answers: Any = None, *, framer: Framer | None = None,
                 command_framer: Framer | None = None, reply_terminator: Text | None = None,
                 banner: Text = b"", prompt: Text = b"", default: Answer = None,
                 unsolicited: Answer = None, period: float = 0.0,
                 one_client_only: bool = False, identity_command: Text = b"*IDN?",
                 banner_delay: float = 0.0, closes_after_reply: bool = False,
                 telnet: bool = False) -> None:
        self.framer = LineFramer() if framer is None else framer
        self.command_framer = command_framer or command_framer_of(self.framer)
        self.reply_terminator = (reply_terminator_of(self.framer) if reply_terminator is None
                                 else to_bytes(reply_terminator))
        self.banner = to_bytes(banner)
        if banner_delay:
            check_seconds("banner_delay", banner_delay)
        self.banner_delay = banner_delay
        self.prompt = to_bytes(prompt)
        self.default = default
        self.unsolicited = unsolicited
        self.period = period
        self.one_client_only = one_client_only
        self.closes_after_reply = closes_after_reply
        self.telnet = telnet
        #: Seconds for which the device hears nothing after the last command.
        self.deaf_for = 0.0
        self.identity_command = to_bytes(identity_command)
        self.unknown: deque[bytes] = deque(maxlen=100)
        self._given = answers
        self._overrides: dict[bytes, Any] = {}
        # Read and written by the thread that runs the device; `set_answer` puts one item
        # into one of the dicts, which is safe from any thread.
        self._exact: dict[bytes, Any] = {}
        self._patterns: dict[re.Pattern[Any], Any] = {}
        self._handle: Callable[[bytes], Any] | None = None
        self._object: Any = None
        self.reset_state()

    # the script

    def reset_state(self) -> None:
        """Set the state after power-on: values are lost, lists of answers start again."""
        self._exact, self._patterns, self._handle = {}, {}, None
        self._overrides = {}
        given = self._given
        if given is None or isinstance(given, Mapping):
            for command, answer in (given or {}).items():
                self.set_answer(command, answer)
            return
        if isinstance(given, type):
            self._object = given()
        elif is_model(given):
            if self._object is not None and hasattr(given, "reset_state"):
                given.reset_state()
            self._object = given
        elif callable(given):
            self._handle = given
            return
        else:
            raise TypeError("answers must be a dict, a callable, or an object with handle() "
                            f"or methods marked by @on, not {given!r}")
        self._handle = getattr(self._object, "handle", None)
        for command, method in marked_methods(self._object):
            self.set_answer(command, method)

    def reboot(self, identity: Text | Mapping[Any, Any] | None = None) -> None:
        """Lose all state and come back, perhaps as another device.

        Parameters
        ----------
        identity : bytes or str, or dict, optional
            The answer to `identity_command` from now on; or several commands with their answers,
            which replace those of the script.
        """
        self.reset_state()
        if identity is None:
            return
        if not isinstance(identity, Mapping):
            identity = {self.identity_command: identity}
        self._overrides = {to_bytes(k): fresh(v) for k, v in identity.items()}

    def set_answer(self, command: Key, answer: Answer) -> None:
        """Give `command` another answer, until the next reboot. Any thread may call it."""
        if isinstance(command, re.Pattern):
            self._patterns[command] = fresh(answer)
        else:
            self._exact[to_bytes(command)] = fresh(answer)

    # what is said

    def greeting(self) -> bytes:
        """What a client receives when it has connected."""
        return self.banner + self.prompt

    def decoder(self) -> Decoder:
        """A decoder for the commands of one client."""
        return self.command_framer.decoder()

    def handle(self, command: bytes) -> list[bytes]:
        """The replies to one command, with their terminators.

        Parameters
        ----------
        command : bytes
            Without its terminator.
        """
        self.deaf_for = 0.0
        answer = self._find(command)
        if answer is UNKNOWN:
            self.unknown.append(command)
            answer = self.default
        replies = self.replies(answer)
        if self.prompt:
            replies = [*replies[:-1], b"".join(replies[-1:]) + self.prompt]
        return replies

    def replies(self, answer: Any) -> list[bytes]:
        """`answer` in bytes: each reply with its terminator."""
        if callable(answer):
            answer = answer()
        if isinstance(answer, Deaf):
            self.deaf_for, answer = answer.seconds, answer.answer
            return self.replies(answer)
        if answer is None:
            return []
        if isinstance(answer, (tuple, list)):
            return [reply for one in answer for reply in self.replies(one)]
        data = to_bytes(answer)
        end = self.reply_terminator
        ended = end and data.endswith(end) and not isinstance(answer, Block)
        return [data if ended else data + end]

    def _find(self, command: bytes) -> Any:
        for table in (self._overrides, self._exact):
            if command in table:
                answer = next_answer(table[command], command)
                return answer() if callable(answer) else answer
        for pattern, given in tuple(self._patterns.items()):
            match = full_match(pattern, command)
            if match is not None:
                answer = next_answer(given, command)
                if callable(answer):
                    return answer(*match.groups())
                return expand(match, answer)
        return UNKNOWN if self._handle is None else self._handle(command)

    def __repr__(self) -> str:
        known = [show(c) for c in self._exact] + [repr(p.pattern) for p in self._patterns]
        return f"<ScriptedDevice knows {', '.join(known) or self._handle or 'no command'}>"


def as_device(device: Any, framer: Framer | None = None) -> ScriptedDevice:
    """`device` itself, or a `ScriptedDevice` around a dict, callable, object or class.

    Parameters
    ----------
    device : ScriptedDevice, dict, callable, object, or class
    framer : Framer, optional
        Of the `ScriptedDevice` that is made.

    Raises
    ------
    TypeError
        If there is a `framer` and the device has one already.
    """
    if not isinstance(device, ScriptedDevice):
        return ScriptedDevice(device, framer=framer)
    if framer is not None:
        raise TypeError(f"a {type(device).__name__} has a framer already: give framer= to it, "
                        "not to its server")
    return device
