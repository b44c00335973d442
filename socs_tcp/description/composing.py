"""From the text of a file to YAML's nodes, bounded in depth and number, whatever the file says.

PyYAML's composer takes a list of a thousand lists, an alias to an alias that stands for a
million values, and tags that make a text a number. None of this has a place in a description.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from .errors import DescriptionError, shown

MAX_BYTES = 128 * 1024
MAX_DEPTH = 20
#: Values that are written there: all that PyYAML reads in a fifth of a second, and 25 times the
#: longest description that comes with this package.
MAX_WRITTEN = 10_000
#: Values, those that aliases stand for counted each time.
MAX_VALUES = 50_000

#: What PyYAML says of a mistake in the layout. (Most others come from a text without quotes.)
_LAYOUT = ("<block end>", "expected ':'", "end of stream")

_BEYOND = re.compile(r"U[0-9a-fA-F]{8}")


class _Refused(yaml.MarkedYAMLError):
    """It is YAML, but not what a description may be."""


class _Loader(yaml.SafeLoader):
    """Composes nodes; refuses what is too deep, too much, or has a tag."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._written = 0
        # By identity of the node, which the document keeps: values in it, and levels.
        self._sizes: dict[int, tuple[int, int]] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            known = self.anchors.get(event.anchor)
            if known is not None and id(known) not in self._sizes:
                raise _Refused(None, None, f"the alias *{event.anchor} is part of what "
                               "it stands for", event.start_mark)
        elif getattr(event, "tag", None) not in (None, "!"):
            raise _Refused(None, None, f"a tag such as {shown(event.tag)} has no meaning here; "
                           "put a text that begins with ! in quotes", event.start_mark)
        if self._depth >= MAX_DEPTH:
            raise _Refused(None, None, f"there are more than {MAX_DEPTH} levels of lists and "
                           "mappings", event.start_mark)
        self._written += 1
        if self._written > MAX_WRITTEN:
            raise _Refused(None, None, f"this is more than {MAX_WRITTEN} values",
                           event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        values, levels = self._measure(node)
        if values > MAX_VALUES:
            raise _Refused(None, None, f"this is more than {MAX_VALUES} values, including "
                           "those of aliases", event.start_mark)
        if levels + self._depth > MAX_DEPTH:
            raise _Refused(None, None, f"there are more than {MAX_DEPTH} levels of lists and "
                           "mappings", event.start_mark)
        return node

    def _measure(self, node: Any) -> tuple[int, int]:
        if id(node) not in self._sizes:
            parts = []
            if isinstance(node, yaml.SequenceNode):
                parts = node.value
            elif isinstance(node, yaml.MappingNode):
                parts = [part for pair in node.value for part in pair]
            sizes = [self._sizes[id(part)] for part in parts]
            self._sizes[id(node)] = (1 + sum(size for size, _ in sizes),
                                     1 + max((levels for _, levels in sizes), default=0))
        return self._sizes[id(node)]


def compose_text(text: str, file: str) -> yaml.Node:
    """The one document in `text`.

    Raises
    ------
    DescriptionError
        If it is not YAML, too much of it, or empty.
    """
    if len(text) > MAX_BYTES:
        raise DescriptionError(file, 0, "", f"has {len(text)} characters; a description has "
                               f"at most {MAX_BYTES}")
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except _Refused as exc:
        assert exc.problem_mark is not None
        raise DescriptionError(file, exc.problem_mark.line + 1, "", str(exc.problem)) from None
    except yaml.MarkedYAMLError as exc:
        raise DescriptionError(file, _line(exc), "",
                               f"this is not YAML: {_problem(exc)}") from None
    except yaml.reader.ReaderError as exc:
        raise DescriptionError(file, text.count("\n", 0, exc.position) + 1, "", "the character "
                               f"{chr(exc.character)!a} is not allowed in a YAML file"
                               ) from None
    except (ValueError, RecursionError, OverflowError) as exc:
        assert loader is not None
        escape = loader.peek(-1) + loader.prefix(8)
        problem = f"there is no character \\{escape}" if _BEYOND.fullmatch(escape) \
            else f"this is not YAML: {exc}"
        raise DescriptionError(file, loader.line + 1, "", problem) from None
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        raise DescriptionError(file, 0, "", "the file is empty; expected a description, "
                               "which begins with 'device: ...'")
    assert isinstance(node, yaml.Node)
    return node


def _line(exc: yaml.MarkedYAMLError) -> int:
    mark = exc.problem_mark or exc.context_mark
    return mark.line + 1 if mark else 0


def _problem(exc: yaml.MarkedYAMLError) -> str:
    problem = str(exc.problem or exc.context or "cannot be read")
    if "'\\t'" in problem:
        return f"{problem}; indent with spaces, not with tabs"
    if "unknown escape" in problem:
        return f"{problem}; write a regular expression in single quotes"
    if "another document" in problem:
        return "a second document begins here; a file has one"
    if any(sign in problem for sign in _LAYOUT):
        return problem
    return f'{problem}; a text with one of *&!%@`?{{}}[]|># or ": " in it needs quotes'
