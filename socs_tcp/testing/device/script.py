"""The parts of a device's script: commands, patterns, and answers in turn. Pure functions."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from ...core.framing import to_bytes

#: What a command may be: an exact one, or a pattern that the whole command must match.
Key: TypeAlias = "str | bytes | re.Pattern[str] | re.Pattern[bytes]"
#: What answers it; see :class:`ScriptedDevice`.
Answer: TypeAlias = "str | bytes | list[Any] | tuple[Any, ...] | Callable[..., Any] | None"

_F = TypeVar("_F", bound=Callable[..., Any])
_MARK = "_socs_tcp_on"
UNKNOWN = object()


def on(command: Key) -> Callable[[_F], _F]:
    r"""Mark a method of a device class as what answers `command`.

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


class _Turns:
    """Answers that are given one after the other."""

    def __init__(self, answers: list[Any]) -> None:
        self.left = deque(answers)


def fresh(answer: Any) -> Any:
    """`answer`, to be given from its beginning."""
    return _Turns(answer) if isinstance(answer, list) else answer


def next_answer(answer: Any) -> Any:
    """What is the answer now; `UNKNOWN` when there is none left."""
    if not isinstance(answer, _Turns):
        return answer
    return answer.left.popleft() if answer.left else UNKNOWN


def full_match(pattern: re.Pattern[Any], command: bytes) -> re.Match[Any] | None:
    """Does the pattern match the whole command?"""
    if isinstance(pattern.pattern, bytes):
        return pattern.fullmatch(command)
    return pattern.fullmatch(command.decode("utf-8", "backslashreplace"))


def expand(match: re.Match[Any], answer: Any) -> Any:
    """Put the groups into the text of an answer."""
    if isinstance(answer, tuple):
        return tuple(expand(match, one) for one in answer)
    if answer is None or answer is UNKNOWN:
        return answer
    if isinstance(match.string, bytes):
        return match.expand(to_bytes(answer))
    return match.expand(answer if isinstance(answer, str) else to_bytes(answer).decode())
