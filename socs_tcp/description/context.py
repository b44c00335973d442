"""What a part of a description may use of the rest: variables, the terminator, the checksum."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..core.framing import Framer, LineFramer
from .checksums import Checksum
from .effort import OF_AN_ENTRY
from .errors import did_you_mean
from .modbus_wire import Line
from .nodes import Node
from .patterns import Pattern
from .places import Place, Value
from .replies import ErrorReply
from .template import fill_text, split
from .wrapping import Wrapping

#: So many queries, fields and parameters, those that `repeat` makes counted.
MAX_ENTRIES = 10_000
#: So many values of one variable, and so many entries of one `repeat`.
MAX_REPEATED = 1000
#: So many variables, and characters of each: they may stand in each message, many times.
MAX_VARIABLES = 100
LONGEST_VARIABLE = 1000

_RUN = re.compile(r"(\d{1,12})\.\.(\d{1,12})")
_VARIABLE = re.compile(r"[a-z][a-z_]*")
_PLACED = re.compile(r"\{(?P<name>[a-z_]+)\}(\s*\*\s*(?P<times>\d{1,5}))?"
                     r"(\s*(?P<sign>[+-])\s*(?P<more>\d{1,5}))?")
RESERVED = ("value", "checksum", "now")


@dataclass(frozen=True)
class Context:
    """What a message may use.

    Parameters
    ----------
    terminator : bytes
        What ends a message in text.
    values : dict
        The variables.
    later : tuple of str
        Names of places that get their value later.
    encoding : str
        Of text, both ways.
    checksum : Checksum or None
        Of messages.
    sums_commands, sums_replies : bool
        Which of them have it.
    framer : Framer or None
        The usual one.
    errors : ErrorReply or None
        Replies that are error messages.
    wrapping : Wrapping or None
        What stands around all messages in text, and around all replies.
    line : Line
        How a device is talked to that speaks Modbus.
    """

    terminator: bytes = b""
    values: dict[str, Value] = field(default_factory=dict)
    later: tuple[str, ...] = ()
    encoding: str = "latin-1"
    checksum: Checksum | None = None
    sums_commands: bool = True
    sums_replies: bool = True
    framer: Framer | None = None
    errors: ErrorReply | None = None
    wrapping: Wrapping | None = None
    line: Line = field(default_factory=Line)

    def having(self, values: dict[str, Value], later: tuple[str, ...] = ()) -> Context:
        """The same, with more variables."""
        return replace(self, values={**self.values, **values}, later=later)

    @property
    def lines(self) -> LineFramer:
        """What ends a line."""
        if isinstance(self.framer, LineFramer):
            return self.framer
        return LineFramer(self.terminator or b"\n", send_terminator=b"")

    def name(self, text: str, node: Node) -> str:
        """A name with its variables filled in, such as ``temperature_{ch:02d}``."""
        try:
            unknown = [piece.name for piece in split(text)
                       if isinstance(piece, Place) and piece.name not in self.values]
            if unknown:
                raise ValueError(f"the placeholder {{{unknown[0]}}} has no value"
                                 f"{did_you_mean(unknown[0], list(self.values))}")
            return fill_text(text, self.values)
        except ValueError as exc:
            raise node.at_key().error(str(exc)) from None

    def number(self, node: Node, what: str, least: int, most: int) -> int:
        """A whole number, or ``"{n} * 2 + 1"`` of a variable."""
        match = None if node.is_number or node.is_mapping or node.is_list or node.is_empty \
            else _PLACED.fullmatch(node.text(what).strip())
        if match is None:
            return node.whole(what, least, most)
        value = self.values.get(match["name"])
        if not isinstance(value, int):
            raise node.error(f"{{{match['name']}}} is not a variable with whole numbers"
                             f"{did_you_mean(match['name'], list(self.values))}")
        number = value * int(match["times"] or 1) + \
            int((match["sign"] or "") + (match["more"] or "0"))
        if not least <= number <= most:
            raise node.error(f"must be {what} from {least} to {most}, not {number}")
        return number

    def pattern(self, node: Node, longest: int | None = None) -> Pattern:
        """A pattern, with the variables in it filled in as they stand."""
        pattern = node.pattern(longest, {
            f"{{{name}}}": re.escape(str(value)) for name, value in self.values.items()})
        if node.effort.is_new(pattern):
            node.spend(pattern.work, "patterns")
        return pattern


def load_variable(node: Node) -> Value:
    """A whole number or a text."""
    what = "a whole number or a text"
    if node.is_number:
        return node.whole(what, 0, 10 ** 9)
    text = node.wire_text(what, "utf-8")
    if len(text) > LONGEST_VARIABLE:
        raise node.error(f"has {len(text)} characters; a variable has {LONGEST_VARIABLE} at most")
    return text


def load_variables(section: Node) -> dict[str, Value]:
    """The section ``variables``."""
    values: dict[str, Value] = {}
    for name, node in section.named("variables").items():
        if len(values) >= MAX_VARIABLES:
            raise node.error(f"there are more than {MAX_VARIABLES} variables")
        check_variable(name, node)
        values[name] = load_variable(node)
    return values


def check_variable(name: str, node: Node) -> None:
    if not _VARIABLE.fullmatch(name) or name in RESERVED:
        raise node.at_key().error("the name of a variable consists of small letters and "
                                  f"underscores, and is none of {', '.join(RESERVED)}")


def repeated(node: Node, keys: dict[str, Node], name: str, context: Context,
             later: tuple[str, ...] = ()) -> Iterator[tuple[str, Context]]:
    """The names, and what the rest may use, that ``repeat: {ch: [1, 2]}`` makes of one entry."""
    if "repeat" not in keys:
        yield context.name(name, node), context.having({}, later)
        return
    lists = _lists(keys["repeat"])
    missing = [variable for variable in lists if f"{{{variable}" not in name]
    if missing:
        raise node.at_key().error(f"is repeated, so its name needs {{{missing[0]}}}, "
                                  f"such as {name}_{{{missing[0]}}}")
    for values in itertools.product(*lists.values()):
        node.spend(OF_AN_ENTRY)
        inside = context.having(dict(zip(lists, values, strict=True)), later)
        yield inside.name(name, node), inside


def _values(listed: Node) -> Sequence[Node | int]:
    """The values of a list, or the numbers of a run such as ``1..8``."""
    if listed.is_list:
        items = listed.items("values")
        if not items:
            raise listed.error("is an empty list")
        return items
    run = None if listed.is_mapping or listed.is_number or listed.is_empty \
        else _RUN.fullmatch(listed.text("a list of values"))
    if run is None:
        raise listed.error("must be a list of values, such as [a, b], or a run of numbers such as "
                           f"1..8, not {listed.kind}")
    first, last = int(run[1]), int(run[2])
    if last < first:
        raise listed.error(f"must begin with the smaller number: {last}..{first}")
    return range(first, last + 1)


def _lists(section: Node) -> dict[str, list[Value]]:
    lists: dict[str, list[Value]] = {}
    total = 1
    for variable, listed in section.named("variables").items():
        check_variable(variable, listed)
        values = _values(listed)
        total *= len(values)
        if total > MAX_REPEATED:
            raise listed.error(f"makes more than {MAX_REPEATED} entries")
        lists[variable] = [load_variable(v) if isinstance(v, Node) else v for v in values]
    if not lists:
        raise section.error("must have a variable with a list of its values, such as "
                            "{ch: [1, 2, 3]}")
    return lists
