"""YAML with line numbers: each value knows where in the file it stands.

PyYAML's own loader takes a key that is given twice without a word, turns ``off`` into
False and ``0x05`` into 5. All three have cost people a night at a telescope; here each is
one message that says what to write instead.
"""

from __future__ import annotations

import yaml

from .composing import compose_text
from .effort import OF_A_VALUE
from .errors import did_you_mean
from .scalars import Scalar


class Node(Scalar):
    """One value in the file: a mapping, a list, or a scalar."""

    def child(self, key: str, node: yaml.Node) -> Node:
        path = key if not self.path else self.path + key if key.startswith("[") \
            else f"{self.path}.{key}"
        self.spend(OF_A_VALUE)
        return Node(self.file, path, node, self.effort)

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
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.child("?", key_node).error("a key must be a text or a number, not "
                                                      f"{self.child('?', key_node).kind}")
            name = str(key_node.value)
            key = self.child(name, key_node)
            if not name:
                raise key.error("a key is empty; a list stands in [ ], or each item in a line of "
                                "its own, after a dash")
            if name in lines:
                raise key.error(f"is given twice, here and in line {lines[name]}; "
                                "one of them must go")
            lines[name] = key_node.start_mark.line + 1
            pairs.append((Node(self.file, self.path, key_node, self.effort),
                          self.child(name, value)))
        return pairs

    key_node: yaml.Node | None = None

    def at_key(self) -> Node:
        """Where the key of this value stands, for errors about the key itself."""
        return self if self.key_node is None else \
            Node(self.file, self.path, self.key_node, self.effort)

    def mapping(self, known: list[str], required: tuple[str, ...] = ()) -> dict[str, Node]:
        """The values of a mapping whose keys the language defines.

        Parameters
        ----------
        known : list of str
            Every key there is. A key without a value is an error.
        required : tuple of str
            Those that may not be left out.
        """
        if not self.is_mapping:
            such = f", such as {{{required[0]}: ...}}" if required else " (key: value)"
            raise self.error(f"must be a mapping{such}, not {self.kind}")
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


def compose(text: str, file: str) -> Node:
    """The one document in `text`; raises `DescriptionError` if there is none that can be used."""
    return Node(file, "", compose_text(text, file))
