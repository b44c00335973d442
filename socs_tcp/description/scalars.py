"""One value of a description: what it is, and what YAML would have made of it."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import yaml

from .effort import Effort
from .errors import SHOWN, DescriptionError, did_you_mean, plain, shown
from .numerals import numeral
from .patterns import Pattern, compiled

_NULL = "tag:yaml.org,2002:null"
_STR = "tag:yaml.org,2002:str"
_BOOL = "tag:yaml.org,2002:bool"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")

#: ``1e-3`` is text in YAML 1.1, which wants ``1.0e-3``. Nobody knows that.
_PLAIN_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+")
_YES = ("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON")
#: So many characters of a text for people: a name, a unit.
MOST_OF_A_LABEL = 200
_LITERAL_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|[rntae0])")


class Scalar:
    """One value in the file: a mapping, a list, or a scalar.

    Parameters
    ----------
    file : str
        Name of the file, for messages.
    path : str
        Keys that lead here, joined by dots.
    node : yaml.Node
        As ``yaml.compose`` gives it.
    effort : Effort, optional
        Of the whole file.
    """

    def __init__(self, file: str, path: str, node: yaml.Node, effort: Effort | None = None
                 ) -> None:
        self.file = file
        self.path = path
        self.node = node
        self.effort = effort or Effort()

    def spend(self, microseconds: int, on: str = "values and messages") -> None:
        """Something is made of this, or is about to be; raises `DescriptionError` if that is more
        than one file may take."""
        if not self.effort.spend(microseconds):
            raise self.error(f"this file has too many {on}, or too complicated ones, those that "
                             "'repeat' and aliases stand for counted each time")

    def error(self, problem: str) -> DescriptionError:
        """The error that says what is wrong here."""
        return DescriptionError(self.file, self.node.start_mark.line + 1, self.path, problem)

    @property
    def kind(self) -> str:
        """What stands here, as a person says it."""
        if isinstance(self.node, yaml.MappingNode):
            return "a mapping (key: value)"
        if isinstance(self.node, yaml.SequenceNode):
            return "a list"
        tag, value = self.node.tag, shown(self.node.value)
        if self.is_number:
            return f"the number {plain(self.node.value, SHOWN)}"
        return {_NULL: "empty", _BOOL: f"{value}, which YAML reads as a yes/no value",
                _STR: f"the text {value}"}.get(
                    tag, f"{value}, which YAML reads as {tag.rpartition(':')[2]}")

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_empty(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag == _NULL

    @property
    def is_block(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode) and self.node.style in ("|", ">")

    @property
    def is_number(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode) and (
            self.node.tag in _NUMBERS or
            (self.node.style is None and _PLAIN_FLOAT.fullmatch(self.node.value) is not None))

    def text(self, what: str = "text") -> str:
        """A text. What YAML reads as a number or as yes/no must be quoted."""
        if isinstance(self.node, yaml.ScalarNode):
            if self.node.tag == _STR and not self.is_number:
                return str(self.node.value)
            if not self.is_empty:
                raise self.error(f'{what} must be text, not {self.kind}; '
                                 f'write "{plain(self.node.value, SHOWN)}" in quotes if that is '
                                 'meant')
        raise self.error(f"must be {what}, not {self.kind}")

    def label(self, what: str) -> str:
        """A short text for people: it is shown in logs, on terminals, in clients."""
        text = self.text(what)
        if not text.isprintable():
            raise self.error(f"{what} must consist of printable characters, not {shown(text)}")
        if len(text) > MOST_OF_A_LABEL:
            raise self.error(f"{what} has {len(text)} characters; at most {MOST_OF_A_LABEL} are "
                             "allowed")
        return text

    def wire_text(self, what: str, encoding: str = "latin-1") -> str:
        """A text whose characters stand for one byte each, such as a command.

        ``"\\x05"`` is one byte; ``'\\x05'`` and ``\\x05`` would be four, and are refused.
        """
        if isinstance(self.node, yaml.ScalarNode) and self.is_number:
            raise self.error(f'{what} must be text, not {self.kind}; '
                             f'write "{plain(self.node.value, SHOWN)}" in quotes for these '
                             'characters, or for bytes {hex: "05"}')
        if self.is_empty:
            raise self.error(f"must be {what}, not empty; a text that begins with #, & or ~ needs "
                             "quotes")
        text = self.text(what)
        if self.is_block:
            raise self.error(f"{what} must stand in quotes, in one line: to YAML, a text that "
                             "begins with > or | is one of several lines")
        if isinstance(self.node, yaml.ScalarNode) and self.node.style != '"' \
                and (escape := _LITERAL_ESCAPE.search(text)):
            raise self.error(f"{escape[0]} is a backslash and letters here, not one byte; "
                             f'YAML reads it as a byte only in double quotes: write "{text[:80]}"')
        try:
            text.encode(encoding)
        except UnicodeEncodeError as exc:
            wide = text[exc.start]
            raise self.error(f"{wide!r} is not a single byte; write the bytes that the device "
                             'wants as {hex: "..."}, or set \'encoding\' to utf-8'
                             if encoding == "latin-1" else
                             f"{wide!r} cannot be written in {encoding}") from None
        return text

    def number(self, what: str = "a number", *, positive: bool = False) -> float:
        """A finite number; with `positive`, more than 0. A whole one if it is written so."""
        value = self._value() if self.is_number else None
        if value is None or not math.isfinite(value):
            raise self.error(f"must be {what}, not {self.kind}")
        if positive and not value > 0:
            raise self.error(f"must be {what}, more than 0, not {value:g}")
        return value

    def decimal(self, what: str) -> Decimal:
        """A finite number, with the digits that stand in the file."""
        value = self.number(what)
        # (0e99999999999999999999 is a number, but no Decimal.)
        return Decimal(str(self.node.value)) if value and isinstance(value, float) \
            else Decimal(value)

    def seconds(self, what: str = "a number of seconds", least: float = 0.0,
                most: float = 1e6) -> float:
        """A time, more than 0."""
        value = self.number(what, positive=True)
        if not least <= value <= most:
            raise self.error(f"must be {what}, from {least:g} to {most:g}, not {self.kind}")
        return float(value)

    def whole(self, what: str, least: int, most: int) -> int:
        """A whole number between `least` and `most`."""
        value = self._value() if self.is_number else None
        if not isinstance(value, int) or not least <= value <= most:
            raise self.error(f"must be {what} from {least} to {most}, not {self.kind}")
        return value

    @property
    def is_boolean(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag == _BOOL

    def boolean(self) -> bool:
        if not self.is_boolean:
            raise self.error(f"must be true or false, not {self.kind}")
        return self.node.value in _YES

    def choice(self, choices: list[str]) -> str:
        """One of some words."""
        word = self.text()
        if word not in choices:
            raise self.error(f"must be one of {', '.join(choices)}, not {word!r}"
                             f"{did_you_mean(word, choices)}")
        return word

    def pattern(self, longest: int | None = None, places: dict[str, str] | None = None
                ) -> Pattern:
        """A regular expression for bytes; a character of it stands for one byte.

        Parameters
        ----------
        longest : int, optional
            See `compiled`.
        places : dict, optional
            Texts that stand for others.
        """
        text = self.text("a regular expression")
        for place, meaning in (places or {}).items():
            text = text.replace(place, meaning)
        try:
            return compiled(text, longest)
        except DescriptionError:
            raise
        except ValueError as exc:
            raise self.error(f"the pattern {exc}") from None

    def _value(self) -> int | float | None:
        try:
            return numeral(str(self.node.value))
        except ValueError as exc:
            raise self.error(str(exc)) from None
