"""What Tab completes, and where the history of what was typed is kept."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from .show import printable

if TYPE_CHECKING:
    from ..description import Description
    from ..description.steps import Step

#: So many completions are offered.
MOST = 50


class Beginnings(Completer):
    """Completes a line to one of those that are known, or were typed before."""

    def __init__(self, words: Sequence[str], history: History | None = None) -> None:
        self._words = list(words)
        self._history = history

    def get_completions(self, document: Document,
                        complete_event: CompleteEvent) -> Iterable[Completion]:
        typed = document.text_before_cursor
        typed_before = self._history.get_strings() if self._history else []
        known = dict.fromkeys([*self._words, *reversed(typed_before)])
        fitting = [word for word in known if word.startswith(typed) and word != typed]
        return [Completion(word, start_position=-len(typed)) for word in fitting[:MOST]]


def commands_in(description: Description) -> list[str]:
    """The commands of a description, as far as they are known before a value is put in."""
    steps = [step for query in description.queries.values() for step in query.steps]
    steps += [step for parameter in description.parameters.values() for step in parameter.steps]
    return list(dict.fromkeys(filter(None, map(_beginning, steps))))


def _beginning(step: Step) -> str:
    """What is sent, up to the first place of a value; as it can be typed."""
    template = step.send
    if not template.places:
        return printable(template.without_terminator())
    first = template.pieces[0]
    return printable(first) if isinstance(first, bytes) else ""


def open_history(name: str) -> History:
    """The lines of earlier sessions; none where they cannot be kept."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    path = state / "socs-tcp" / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))
