"""Commands with places for values: ``"VOLT {value:.3f}"`` or ``{hex: "31 {ch:02x}"}``.

The places are Python's format fields, but of a bare name only: no attributes, no indexes,
no conversions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias

from .checksums import Checksum
from .errors import BadReply
from .places import NOW, Place, Value
from .wrapping import Wrapping

__all__ = ["CHECKSUM", "Place", "Template", "Value", "split"]

#: The name of the place where a checksum stands.
CHECKSUM = "checksum"

Values: TypeAlias = "Mapping[str, Value | Decimal]"

_PLACE = re.compile(r"\{\{|\}\}|\{(?P<name>[A-Za-z_]\w*)(?::(?P<spec>[^{}]*))?\}|[{}]")
_HEX = re.compile(r"\s*([0-9a-fA-F]{2}\s*)*")


def split(text: str, is_hex: bool = False) -> list[str | Place]:
    """`text` as a list of plain pieces and `Place`.

    Raises
    ------
    ValueError
        With what is wrong with its braces, or with the format of a place.
    """
    pieces: list[str | Place] = []
    plain, end = "", 0
    for match in _PLACE.finditer(text):
        plain += text[end:match.start()]
        end = match.end()
        if match["name"]:
            place = Place(match["name"], match["spec"] or "", is_hex)
            if place.name != CHECKSUM:
                place.check()
            pieces += [plain, place]
            plain = ""
        elif len(match[0]) == 2:
            plain += match[0][0]
        else:
            raise ValueError(f"the brace {match[0]!r} at character {match.start() + 1} stands "
                             "alone; a placeholder is {name} or {name:format}, "
                             "and to send a brace, write it twice")
    return [piece for piece in [*pieces, plain + text[end:]]
            if piece or isinstance(piece, Place)]


def fill_text(text: str, values: Mapping[str, Value]) -> str:
    """`text`, such as a name, with `values` in its places; raises `ValueError` as `split` does."""
    return "".join(piece if isinstance(piece, str) else
                   piece.fill(values[piece.name], "utf-8").decode() for piece in split(text))


@dataclass(frozen=True)
class Template:
    """The bytes of a command (or of an expected reply), with places for values.

    Parameters
    ----------
    pieces : tuple of bytes and Place
        As `parse` makes them.
    terminator : bytes
        Added at the end, once.
    encoding : str
        Of the characters in a place.
    checksum : Checksum or None
        What stands in the place ``{checksum}``, or before the terminator if there is none.
    wrapping : Wrapping or None
        What stands around the message, and which of its bytes are escaped.
    """

    pieces: tuple[bytes | Place, ...]
    terminator: bytes = b""
    encoding: str = "latin-1"
    checksum: Checksum | None = None
    wrapping: Wrapping | None = None

    @classmethod
    def parse(cls, text: str, *, is_hex: bool = False, terminator: bytes = b"",
              encoding: str = "latin-1", checksum: Checksum | None = None,
              wrapping: Wrapping | None = None) -> Template:
        """The template in `text`.

        Raises
        ------
        ValueError
            With what is wrong with it.
        """
        pieces: list[bytes | Place] = []
        for piece in split(text, is_hex):
            if isinstance(piece, Place):
                pieces.append(piece)
            elif not is_hex:
                pieces.append(piece.encode(encoding))
            elif _HEX.fullmatch(piece):
                pieces.append(bytes.fromhex(piece))
            else:
                raise ValueError(f"{piece!r} is not hexadecimal; expected two digits a byte, "
                                 'such as "05 0d"')
        if checksum is not None and not any(
                isinstance(p, Place) and p.name == CHECKSUM for p in pieces):
            pieces.append(Place(CHECKSUM))
        return cls(tuple(pieces), terminator, encoding, checksum, wrapping)

    @property
    def places(self) -> list[str]:
        """The names of the places that have no value yet."""
        return [piece.name for piece in self.open]

    @property
    def length(self) -> int:
        """The bytes that are known already."""
        return sum(len(piece) for piece in self.pieces if isinstance(piece, bytes))

    @property
    def open(self) -> list[Place]:
        """The places that have no value yet."""
        return [piece for piece in self.pieces
                if isinstance(piece, Place) and piece.name not in (CHECKSUM, NOW)]

    def body(self, values: Values) -> bytes:
        """The bytes to send but for the terminator; raises as `fill` does."""
        made = bytearray()
        for piece in self.pieces:
            if isinstance(piece, bytes):
                made += piece
            elif piece.is_time:
                made += piece.write_time(datetime.now(UTC))
            elif piece.name == CHECKSUM:
                made += b"" if self.checksum is None else self.checksum.text(bytes(made))
            else:
                made += piece.fill(values[piece.name], self.encoding)
        return bytes(made)

    @property
    def _end(self) -> bytes:
        """What is added at the end: nothing where it stands there already."""
        last = self.pieces[-1] if self.pieces and self.wrapping is None else b""
        ends = isinstance(last, bytes) and last.endswith(self.terminator)
        return b"" if ends else self.terminator

    def _wrapped(self, data: bytes) -> bytes:
        return data if self.wrapping is None else self.wrapping.wrap(data)

    def _ends_in(self, data: bytes) -> int:
        """How many terminators there are; of two that overlap, the device may see either."""
        count, at = 0, data.find(self.terminator)
        while at >= 0:
            count, at = count + 1, data.find(self.terminator, at + 1)
        return count

    @property
    def _own_ends(self) -> int:
        """How many terminators stand in it already, before the last."""
        around = self._ends_in(self._wrapped(b""))
        return around + sum(self._ends_in(self._wrapped(piece)) - around
                            for piece in self.pieces if isinstance(piece, bytes))

    def fill(self, values: Values) -> bytes:
        """The bytes to send.

        Raises
        ------
        ValueError
            If a value does not fit its place, or holds what ends a message.
        """
        data, end = self._wrapped(self.body(values)), self._end
        stuffed = self.wrapping is not None and self.wrapping.escape is not None
        if self.open and self.terminator and not stuffed and \
                self._ends_in(data + end) > self._own_ends + bool(end):
            raise ValueError(f"the terminator {self.terminator!r} would be in the middle of "
                             f"{data[:60]!r}")
        return data + end

    def partly(self, values: Values) -> Template:
        """The template with `values` in their places and the other places left open."""
        pieces: list[bytes | Place] = []
        plain: list[bytes] = []
        for piece in self.pieces:
            if isinstance(piece, bytes):
                plain.append(piece)
            elif piece.name in values:
                plain.append(piece.fill(values[piece.name], self.encoding, of_file=True))
            else:
                pieces += [b"".join(plain), piece]
                plain = []
        pieces = [piece for piece in [*pieces, b"".join(plain)] if piece]
        return replace(self, pieces=tuple(pieces))

    def without_terminator(self) -> bytes:
        """The bytes of a template that has no places, without its terminator."""
        return self.fill({}).removesuffix(self.terminator)

    # the way back, for the simulator

    def pattern(self, shapes: Mapping[str, bytes] | None = None) -> bytes:
        """A regular expression for what `fill` makes, without the terminator.

        Each place is a group.

        Parameters
        ----------
        shapes : dict, optional
            What can stand in a place, by its name. Default: a number.
        """
        parts, seen = [], set()
        for piece in self.pieces:
            if isinstance(piece, bytes):
                parts.append(re.escape(piece))
            elif piece.name == CHECKSUM:
                size = self.checksum.length if self.checksum else 0
                parts.append(b"(?s:.{%d})" % size)
            elif piece.is_time:
                parts.append(b"(?:%s)" % piece.pattern())
            elif piece.name in seen:
                parts.append(b"(?P=%s)" % piece.name.encode())
            else:
                shape = (shapes or {}).get(piece.name) or piece.pattern()
                parts.append(b"(?P<%s>%s)" % (piece.name.encode(), shape))
                seen.add(piece.name)
        return b"".join(parts)

    def read_back(self, data: bytes, pattern: re.Pattern[bytes] | None = None
                  ) -> dict[str, bytes] | None:
        """What stands in the places of `data`, or None if it is no filling of this template.

        Parameters
        ----------
        data : bytes
        pattern : compiled pattern, optional
            What `pattern` makes, where that is known already.
        """
        body = data.removesuffix(self.terminator)
        if self.wrapping is not None:
            try:
                body = self.wrapping.unwrap(body)
            except BadReply:
                return None
        match = re.fullmatch(self.pattern(), body) if pattern is None \
            else pattern.fullmatch(body)
        if match is None:
            return None
        if self.checksum is not None and not self._sums_up(body):
            return None
        return match.groupdict()

    def _sums_up(self, body: bytes) -> bool:
        """Does the checksum in `body` agree? (A simulated device does not answer otherwise.)"""
        assert self.checksum is not None
        after = sum(len(piece) for piece in self._after_checksum() if isinstance(piece, bytes))
        end = len(body) - after
        start = end - self.checksum.length
        return self.checksum.text(body[:start]) == body[start:end]

    def _after_checksum(self) -> tuple[bytes | Place, ...]:
        at = next(i for i, piece in enumerate(self.pieces)
                  if isinstance(piece, Place) and piece.name == CHECKSUM)
        return self.pieces[at + 1:]
