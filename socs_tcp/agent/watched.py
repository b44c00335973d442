"""A device that the operations of an agent depend on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..core.link import Link
from ..core.states import LinkState
from .link_feed import LinkFeed


class Watched(NamedTuple):
    """A device that some operations depend on."""

    #: Weak: whoever deletes a device has closed it, watched or not.
    ref: Callable[[], Any]
    link: Link
    #: Names of the operations; None for all.
    ops: frozenset[str] | None
    forget: tuple[Callable[[], None], ...]
    feed: LinkFeed | None
    #: Nobody asked for it: whoever does so says for which operations.
    implied: bool

    @property
    def lingers(self) -> bool:
        """Is it known to be away, though an agent that we follow unasked has dropped it?"""
        return self.implied and self.link.error is not None

    def concerns(self, session: Any) -> bool:
        """Does this session depend on the device?"""
        return self.ops is None or session.op_name in self.ops

    def makes_room_for(self, device: Any, ops: frozenset[str] | None, feed: str | None) -> bool:
        """Is this one gone, closed, or lost at the same address, where `device` comes?"""
        mine = self.ref()
        same_address = self.link.name == device.link.name
        if mine is None:
            return same_address or not self.lingers
        if mine is device:
            return False
        if self.link.state is LinkState.CLOSED:
            same_feed = feed is not None and self.feed is not None and self.feed.name == feed
            return same_address or same_feed
        return self.link.down and same_address and self.ops == ops


def why_down(link: Link) -> str:
    """Why a link is down."""
    if link.state is not LinkState.PROVING or link.error is None:
        return link.reason
    reason = str(link.error).removeprefix(f"{link.name}: ")
    return f"{reason}; connected again, no answer yet"
