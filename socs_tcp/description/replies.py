"""Replies that are error messages. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .errors import BadReply, shown
from .patterns import Pattern

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}")


@dataclass(frozen=True)
class ErrorReply:
    """How a device says that something is wrong.

    Parameters
    ----------
    pattern : Pattern
        What such a reply looks like, from its beginning.
    says : dict
        What each code means.
    """

    pattern: Pattern
    says: dict[str, str] = field(default_factory=dict)

    def told(self, reply: bytes) -> str:
        """What the device says is wrong; empty if `reply` is no such message."""
        try:
            match = self.pattern.match(reply)
        except BadReply:
            return ""
        if match is None:
            return ""
        groups = match.groupdict()
        code = groups.get("code") or (match.group(1) if match.re.groups else match[0]) or b""
        text = code.decode("latin-1").strip()
        number = str(int(text)) if _NUMBER.fullmatch(text) else text
        meaning = self.says.get(text) or self.says.get(number)
        said = f"the device says {shown(match[0])}"
        return f"{said}: {meaning}" if meaning else said
