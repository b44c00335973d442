"""Commands with places for values: ``"VOLT {value:.3f}"`` or ``{hex: "31 {ch:02x}"}``.

The places are Python's format fields, but of a bare name only: no attributes, no indexes,
no conversions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = "float | int | str"

_PLACE = re.compile(r"\{\{|\}\}|\{(?P<name>[A-Za-z_]\w*)(?::(?P<spec>[^{}]*))?\}|[{}]")


class Place(str):
    """The name of a place in a template."""

    __slots__ = ("spec",)
    spec: str

    def __new__(cls, name: str, spec: str = "") -> Place:
        place = super().__new__(cls, name)
        place.spec = spec
        return place


def split(text: str) -> list[str]:
    """`text` as a list of plain pieces and `Place`.

    Raises
    ------
    ValueError
        With what is wrong with its braces.
    """
    pieces: list[str] = []
    plain, end = "", 0
    for match in _PLACE.finditer(text):
        plain += text[end:match.start()]
        end = match.end()
        if match["name"]:
            pieces += [plain, Place(match["name"], match["spec"] or "")]
            plain = ""
        elif len(match[0]) == 2:
            plain += match[0][0]
        else:
            raise ValueError(f"the brace {match[0]!r} at character {match.start() + 1} stands "
                             "alone; a place for a value is {name} or {name:format}, "
                             "and a brace that is meant as such is written twice")
    return [piece for piece in [*pieces, plain + text[end:]]
            if piece or isinstance(piece, Place)]


@dataclass(frozen=True)
class Template:
    """The bytes of a command (or of an expected reply), with places for values.

    Parameters
    ----------
    pieces : tuple of str
        Plain pieces and `Place`, as `split` gives them.
    is_hex : bool
        Are the pieces hexadecimal digits? Otherwise a character is a byte.
    terminator : bytes
        Added at the end, once.
    """

    pieces: tuple[str, ...]
    is_hex: bool = False
    terminator: bytes = b""

    @property
    def places(self) -> list[str]:
        """The names of the places that have no value yet."""
        return [str(piece) for piece in self.pieces if isinstance(piece, Place)]

    def text(self, values: dict[str, Value]) -> str:
        """The pieces joined, with `values` in their places."""
        return "".join(format(values[piece], piece.spec) if isinstance(piece, Place) else piece
                       for piece in self.pieces)

    def fill(self, values: dict[str, Value]) -> bytes:
        """The bytes to send.

        Raises
        ------
        ValueError
            If a value does not fit its format, or what comes of it is not hexadecimal.
        """
        text = self.text(values)
        if not self.is_hex:
            data = text.encode("latin-1")
        else:
            try:
                data = bytes.fromhex(text)
            except ValueError:
                raise ValueError(f"{text!r} is not hexadecimal") from None
        return data if data.endswith(self.terminator) else data + self.terminator

    def partly(self, values: dict[str, Value]) -> Template:
        """The template with `values` in their places and the other places left open."""
        pieces = tuple(format(values[piece], piece.spec)
                       if isinstance(piece, Place) and piece in values else piece
                       for piece in self.pieces)
        return Template(pieces, self.is_hex, self.terminator)

    def without_terminator(self) -> bytes:
        """The bytes of a template that has no places, without its terminator."""
        return self.fill({}).removesuffix(self.terminator)

    # the way back, for the simulator

    def pattern(self) -> bytes:
        """A regular expression for what `fill` makes, without the terminator.

        Each place is a group. In hexadecimal digits a place has as many bytes as its format
        says (``{value:04x}`` two); anywhere else it has at least one.
        """
        parts, seen, digits = b"", set(), ""
        for piece in self.pieces:
            if not isinstance(piece, Place):
                digits += "".join(piece.split()) if self.is_hex else ""
                parts += b"" if self.is_hex else re.escape(piece.encode("latin-1"))
                continue
            parts += re.escape(bytes.fromhex(digits))
            digits = ""
            size = f"{{{int(piece.spec[1:-1]) // 2}}}" if self.is_hex else "+"      # 04x
            parts += f"(?P={piece})".encode() if piece in seen else \
                f"(?P<{piece}>.{size})".encode()
            seen.add(piece)
        return parts + re.escape(bytes.fromhex(digits))

    def read_back(self, data: bytes) -> dict[str, str] | None:
        """What stands in the places of `data`, or None if it is no filling of this template.

        The inverse of `fill`: the text of each place, as it was formatted.
        """
        match = re.fullmatch(self.pattern(), data.removesuffix(self.terminator), re.DOTALL)
        if match is None:
            return None
        return {name: text.hex() if self.is_hex else text.decode("latin-1")
                for name, text in match.groupdict().items()}
