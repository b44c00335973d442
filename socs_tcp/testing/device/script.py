"""The parts of a device's script: commands, patterns, and answers in turn. Pure functions."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from ...core.errors import show
from ...core.framing import to_bytes
from .answers import Block, Deaf

#: What a command may be: an exact one, or a pattern that the whole command must match.
Key: TypeAlias = "str | bytes | re.Pattern[str] | re.Pattern[bytes]"
#: What answers it; see :class:`ScriptedDevice`.
Answer: TypeAlias = ("str | bytes | Deaf | list[Any] | tuple[Any, ...] | Callable[..., Any]"
                     " | None")

_F = TypeVar("_F", bound=Callable[..., Any])
_MARK = "_socs_tcp_on"
UNKNOWN = object()


def on(command: Key) -> Callable[[_F], _F]:
    r"""Mark a method of a device class: it answers `command`.

    Parameters
    ----------
    command : str, bytes, or compiled pattern
        An exact command, or a pattern whose groups become the arguments of the method.

    Examples
    --------
    ::

        class Heater:
            def __init__(self):
                self.setpoint = "0"

            @on(re.compile(r"SETP (\S+)"))
            def set(self, value):
                self.setpoint = value

            @on("SETP?")
            def get(self):
                return self.setpoint
    """
    def mark(method: _F) -> _F:
        setattr(method, _MARK, command)
        return method
    return mark


def is_model(given: Any) -> bool:
    """Is it an object that answers commands?"""
    return callable(getattr(given, "handle", None)) or bool(marked_methods(given))


def marked_methods(model: Any) -> list[tuple[Key, Callable[..., Any]]]:
    """The methods that are marked by `on`, each with its command."""
    kind = type(model)
    found = []
    for name in dir(kind):
        command = getattr(getattr(kind, name, None), _MARK, None)
        if command is not None:
            found.append((command, getattr(model, name)))
    return found


class ScriptExhausted(AssertionError):
    """A command came more often than its list has answers."""


class _Turns:
    """Answers that are given one after the other."""

    def __init__(self, answers: list[Any]) -> None:
        self.repeats = answers[-1:] == [...]
        self.left = deque(answers[:-1] if self.repeats else answers)
        self.count = len(self.left)
        if not self.left:
            raise ValueError("a list of answers must have at least one; None is no answer")


def fresh(answer: Any) -> Any:
    """`answer`, to be given from its beginning."""
    return _Turns(answer) if isinstance(answer, list) else answer


def next_answer(answer: Any, command: bytes) -> Any:
    """What answers `command` now.

    Raises
    ------
    ScriptExhausted
        If all answers of a list were given.
    """
    if not isinstance(answer, _Turns):
        return answer
    if not answer.left:
        raise ScriptExhausted(
            f"the script has no answer left to {show(command)}: it came once more than its "
            f"{answer.count} answers; a list that ends with ... repeats the last of them")
    if answer.repeats and len(answer.left) == 1:
        return answer.left[0]
    return answer.left.popleft()


def full_match(pattern: re.Pattern[Any], command: bytes) -> re.Match[Any] | None:
    """Does the pattern match the whole command?"""
    if isinstance(pattern.pattern, bytes):
        return pattern.fullmatch(command)
    return pattern.fullmatch(command.decode("utf-8", "backslashreplace"))


def expand(match: re.Match[Any], answer: Any) -> Any:
    """Put the groups into the text of an answer."""
    if isinstance(answer, tuple):
        return tuple(expand(match, one) for one in answer)
    if isinstance(answer, Deaf):
        return Deaf(answer.seconds, expand(match, answer.answer))
    if answer is None or isinstance(answer, Block):
        return answer
    if isinstance(match.string, bytes):
        return match.expand(to_bytes(answer))
    return match.expand(answer if isinstance(answer, str) else to_bytes(answer).decode())
