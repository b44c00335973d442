"""YAML with line numbers: each value knows where in the file it stands.

PyYAML's own loader takes a key that is given twice without a word, turns ``off`` into
False and ``0x05`` into 5. All three have cost people a night at a telescope; here each is
one message that says what to write instead.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from .errors import DescriptionError, did_you_mean

_NULL = "tag:yaml.org,2002:null"
_STR = "tag:yaml.org,2002:str"
_BOOL = "tag:yaml.org,2002:bool"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")

#: ``1e-3`` is text in YAML 1.1, which wants ``1.0e-3``. Nobody knows that.
_PLAIN_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+")
_LITERAL_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|[rntae0])")


class Node:
    """One value in the file: a mapping, a list, or a scalar.

    Parameters
    ----------
    file : str
        Name of the file, for messages.
    path : str
        Keys that lead here, joined by dots.
    node : yaml.Node
        As ``yaml.compose`` gives it.
    """

    def __init__(self, file: str, path: str, node: yaml.Node) -> None:
        self.file = file
        self.path = path
        self.node = node

    def error(self, problem: str) -> DescriptionError:
        """The error that says what is wrong here."""
        return DescriptionError(self.file, self.node.start_mark.line + 1, self.path, problem)

    def child(self, key: str, node: yaml.Node) -> Node:
        path = key if not self.path else self.path + key if key[0] == "[" \
            else f"{self.path}.{key}"
        return Node(self.file, path, node)

    @property
    def kind(self) -> str:
        """What stands here, as a person says it."""
        if isinstance(self.node, yaml.MappingNode):
            return "a mapping (key: value)"
        if isinstance(self.node, yaml.SequenceNode):
            return "a list"
        tag = self.node.tag
        return {_NULL: "empty", _BOOL: f"{self.node.value!r}, which YAML reads as a yes/no value",
                _STR: f"the text {self.node.value!r}"}.get(
                    tag, f"the number {self.node.value}" if tag in _NUMBERS
                    else f"{self.node.value!r}, which YAML reads as {tag.rpartition(':')[2]}")

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
    def is_number(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode) and (
            self.node.tag in _NUMBERS or
            (self.node.style is None and _PLAIN_FLOAT.fullmatch(self.node.value) is not None))

    # mappings and lists

    def named(self, what: str) -> dict[str, Node]:
        """The values of a mapping whose keys the user chooses.

        Parameters
        ----------
        what : str
            What the keys name, for messages.
        """
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"must be a mapping of {what}, not {self.kind}")
        children: dict[str, Node] = {}
        for key, value in self.pairs():
            name = key.text(f"the name of {what}")
            children[name] = self.child(name, value.node)
            children[name].key_node = key.node
        return children

    def pairs(self) -> list[tuple[Node, Node]]:
        """Keys and values of a mapping, whatever its keys are; none of them twice."""
        assert isinstance(self.node, yaml.MappingNode)
        pairs: list[tuple[Node, Node]] = []
        lines: dict[str, int] = {}
        for key_node, value in self.node.value:
            name = str(key_node.value)
            key = self.child(name, key_node)
            if name in lines:
                raise key.error(f"is given twice, here and in line {lines[name]}; "
                                "one of them must go")
            lines[name] = key_node.start_mark.line + 1
            pairs.append((Node(self.file, self.path, key_node), self.child(name, value)))
        return pairs

    key_node: yaml.Node | None = None

    def at_key(self) -> Node:
        """Where the key of this value stands, for errors about the key itself."""
        return self if self.key_node is None else Node(self.file, self.path, self.key_node)

    def mapping(self, known: list[str], required: tuple[str, ...] = ()) -> dict[str, Node]:
        """The values of a mapping whose keys the language defines.

        Parameters
        ----------
        known : list of str
            Every key there is. A key without a value is an error.
        required : tuple of str
            Those that may not be left out.
        """
        children = self.named("keys")
        for key, child in children.items():
            if key not in known:
                hint = did_you_mean(key, known) or f"; the keys here are {', '.join(known)}"
                raise child.at_key().error(f"there is no such key{hint}")
        for key in required:
            if key not in children:
                raise self.error(f"the key {key!r} is missing")
        return children

    def items(self, what: str) -> list[Node]:
        """The values of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error(f"must be a list of {what}, such as [a, b], not {self.kind}")
        return [self.child(f"[{i}]", node) for i, node in enumerate(self.node.value)]

    # scalars

    def text(self, what: str = "text") -> str:
        """A text. What YAML reads as a number or as yes/no must be quoted."""
        if isinstance(self.node, yaml.ScalarNode):
            if self.node.tag == _STR and not self.is_number:
                return str(self.node.value)
            if not self.is_empty:
                raise self.error(f'{what} must be text, not {self.kind}; '
                                 f'write "{self.node.value}" in quotes if that is meant')
        raise self.error(f"must be {what}, not {self.kind}")

    def wire_text(self, what: str) -> str:
        """A text whose characters stand for one byte each, such as a command.

        ``"\\x05"`` is one byte; ``'\\x05'`` and ``\\x05`` would be four, and are refused.
        """
        if isinstance(self.node, yaml.ScalarNode) and self.is_number:
            raise self.error(f'{what} must be text, not {self.kind}; write "{self.node.value}" '
                             'in quotes for these characters, or for bytes {hex: "05"}')
        text = self.text(what)
        if isinstance(self.node, yaml.ScalarNode) and self.node.style != '"' \
                and (escape := _LITERAL_ESCAPE.search(text)):
            raise self.error(f"{escape[0]} is a backslash and letters here, not one byte; "
                             f'YAML knows it in double quotes only: write "{text}"')
        wide = next((c for c in text if ord(c) > 255), None)
        if wide is not None:
            raise self.error(f"{wide!r} is no single byte; "
                             'write the bytes that the device wants as {hex: "..."}')
        return text

    def number(self, what: str = "a number", *, positive: bool = False) -> float:
        """A finite number; with `positive`, more than 0."""
        value = self._construct() if self.is_number else None
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self.error(f"must be {what}, not {self.kind}")
        if positive and not value > 0:
            raise self.error(f"must be {what}, more than 0, not {value:g}")
        return value

    def whole(self, what: str, least: int, most: int) -> int:
        """A whole number between `least` and `most`."""
        value = self._construct() if self.is_number else None
        if not isinstance(value, int) or not least <= value <= most:
            raise self.error(f"must be {what} from {least} to {most}, not {self.kind}")
        return value

    def boolean(self) -> bool:
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag != _BOOL:
            raise self.error(f"must be true or false, not {self.kind}")
        return bool(self._construct())

    def choice(self, choices: list[str]) -> str:
        """One of some words."""
        word = self.text()
        if word not in choices:
            raise self.error(f"must be one of {', '.join(choices)}, not {word!r}"
                             f"{did_you_mean(word, choices)}")
        return word

    def pattern(self) -> re.Pattern[bytes]:
        """A regular expression for bytes; a character of it stands for one byte."""
        text = self.text("a regular expression")
        try:
            return re.compile(text.encode("latin-1"))
        except UnicodeEncodeError:
            raise self.error("has a character that is no single byte; write \\xNN") from None
        except re.error as exc:
            raise self.error(f"is no regular expression: {exc}") from None

    def _construct(self) -> Any:
        assert isinstance(self.node, yaml.ScalarNode)
        if self.node.tag == _STR:
            return float(self.node.value)
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_object(self.node)
        except (ValueError, yaml.YAMLError):
            return None
        finally:
            loader.dispose()


def compose(text: str, file: str) -> Node:
    """The one document in `text`.

    Raises
    ------
    DescriptionError
        If it is not YAML, or empty.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        problem = exc.problem or exc.context or "cannot be read"
        if "'\\t'" in problem:
            problem += "; indent with spaces, not with tabs"
        elif "unknown escape" in problem:
            problem += "; write a regular expression in single quotes"
        raise DescriptionError(file, mark.line + 1 if mark else 0, "",
                               f"this is not YAML: {problem}") from None
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, exc.position) + 1
        raise DescriptionError(file, line, "", "the character "
                               f"{chr(exc.character)!r} may not stand in a YAML file") from None
    if node is None:
        raise DescriptionError(file, 0, "", "the file is empty; expected a description, "
                               "which begins with 'device: ...'")
    return Node(file, "", node)
