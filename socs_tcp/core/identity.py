"""Is it still the device we know? Pure; both faces ask after each connect."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from .errors import WrongDevice, show
from .framing import Text, to_bytes

Expected: TypeAlias = "Text | re.Pattern[bytes] | Callable[[bytes], object]"
IdentitySpec: TypeAlias = "Text | tuple[Text, Expected]"


def identity_of(spec: IdentitySpec | None, closes_after_reply: bool) -> Identity | None:
    """What `identify` of either face asks for.

    Raises
    ------
    ValueError
        If the device closes each connection after the first reply on it.
    """
    if spec is None:
        return None
    if closes_after_reply:
        raise ValueError("identify cannot be used with closes_after_reply: its reply "
                         "would be the last on each connection")
    return Identity(spec)


def asks_in_vain() -> RuntimeError:
    """Why `on_connect` may not ask a device that closes each connection after a reply."""
    return RuntimeError("with closes_after_reply, on_connect can only send: the reply to a query "
                        "would be the last on each connection, and nobody else could use it")


class Identity:
    """A query, and what its reply must be.

    Parameters
    ----------
    spec : bytes or str, or a tuple (query, expected)
        The identity query, such as ``"*IDN?"``. `expected` is the exact reply (bytes or
        str), a compiled pattern of bytes that must match from its beginning, or a function
        of the reply that says whether it is right. Without it, the first reply is
        remembered and must come again after every reconnect.
    """

    def __init__(self, spec: IdentitySpec) -> None:
        expected: Expected | None
        if isinstance(spec, tuple):
            if len(spec) != 2:
                raise TypeError(f"identify must be a query or (query, expected), not {spec!r}")
            query, expected = spec
        else:
            query, expected = spec, None
        self.query = to_bytes(query)
        if isinstance(expected, re.Pattern) and not isinstance(expected.pattern, bytes):
            raise TypeError(f"the pattern expected must be one of bytes, not {expected.pattern!r}")
        if not (expected is None or isinstance(expected, re.Pattern) or callable(expected)):
            expected = to_bytes(expected)
        self._expected = expected

    @property
    def remembers(self) -> bool:
        """Will the next reply be the one that is expected from then on?"""
        return self._expected is None

    def check(self, reply: bytes) -> None:
        """Compare the reply with what is expected; without an expectation, remember it.

        Raises
        ------
        WrongDevice
            With both in the message.
        """
        expected = self._expected
        if expected is None:
            self._expected = reply
            return
        if isinstance(expected, re.Pattern):
            right, wanted = expected.match(reply) is not None, f"pattern {expected.pattern!r}"
        elif callable(expected):
            right = bool(expected(reply))
            wanted = f"accepted by {getattr(expected, '__name__', expected)!s}"
        else:
            assert isinstance(expected, bytes)
            right, wanted = reply == expected, show(expected)
        if not right:
            raise WrongDevice(f"another device answers: {show(reply)}, expected {wanted}",
                              phase="identify", sent="yes")
