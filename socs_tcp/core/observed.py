"""Who wants to hear of a link, and how they are told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Self

from .forking import inherited
from .log import DeviceLogger
from .log_budget import LimitedLog
from .states import LinkChange


class Observed:
    """The half of a `Link` that tells others, and the log, what became of it.

    Parameters
    ----------
    name : str
        What the log calls the device.
    log : DeviceLogger
        Where its lines go.
    listed : bool
        It is on the list of what has to hear of a fork. If not, its owner is, and calls `forked`.
    """

    __slots__ = ("__weakref__", "_at_once", "_hear_reasons", "_hearers", "_lock", "_log",
                 "_observers", "_telling", "name", "news", "over")

    def __init__(self, name: str, log: DeviceLogger, listed: bool) -> None:
        #: Nothing more is to come: what was left out of the log is said now.
        self.over = False
        self.name = name
        # Guards all below. Held for a few instructions, never while anything of others is called.
        self._lock = threading.Lock()
        self._log = LimitedLog(log, self._lock)
        self._observers: tuple[Callable[[Any, LinkChange], object], ...] = ()
        self._at_once: tuple[Callable[[Any, LinkChange], object], ...] = ()
        self._hearers: tuple[Callable[[Any, str], object], ...] = ()
        self._hear_reasons: tuple[Callable[[Any, LinkChange], object], ...] = ()
        # what is not yet told: changes with the line for the log where they are worth one, and
        # remarks
        # (A tuple, since there is none nearly always, and an empty list for each takes memory.)
        self.news: tuple[tuple[LinkChange | str, tuple[bool, str] | None], ...] = ()
        self._telling = False                       # a thread is telling them
        if listed:
            inherited.add(self)

    def forked(self) -> None:
        """This is a child: no other thread has the lock, or is telling anybody anything."""
        self._lock = threading.Lock()
        self._telling = False
        self._log.forked(self._lock)

    def observe(self, callback: Callable[[Self, LinkChange], object]) -> Callable[[], None]:
        """Call ``callback(link, change)`` at each change of state from now on.

        It is called in the thread that found out, with no lock held, one call at a
        time, in the order of the changes. What it raises is logged and goes no further.

        Returns
        -------
        callable
            Call it to hear no more.
        """
        return self._add("_observers", callback)

    def observe_at_once(self, callback: Callable[[Self, LinkChange], object]
                        ) -> Callable[[], None]:
        """As `observe`, but before anybody else, while the call that found out still runs.

        For a flag that must not be late. The device may be locked meanwhile: the callback must
        not call it, must not wait, must not raise, and may run in several threads at once.
        """
        return self._add("_at_once", callback)

    def hear_remarks(self, callback: Callable[[Self, str], object]) -> Callable[[], None]:
        """Call ``callback(link, text)`` at each remark: bytes that nobody asked for, say.

        As `observe` in all else.
        """
        return self._add("_hearers", callback)

    def hear_reasons(self, callback: Callable[[Self, LinkChange], object]) -> Callable[[], None]:
        """Call ``callback(link, change)`` where an outage has another reason than it had.

        The log has a line about it, too. As `observe` in all else.
        """
        return self._add("_hear_reasons", callback)

    def _add(self, name: str, callback: Callable[[Self, Any], object]) -> Callable[[], None]:
        if not callable(callback):
            raise TypeError(f"an observer must be callable, not {callback!r}")
        hears = True
        with self._lock:
            setattr(self, name, (*getattr(self, name), callback))

        def forget() -> None:
            nonlocal hears
            with self._lock:
                if hears:       # the same callback may have been given twice
                    left = list(getattr(self, name))
                    left.remove(callback)
                    setattr(self, name, tuple(left))
                    hears = False
        return forget

    def tell(self) -> None:
        """Log the changes and tell the observers. Call it with no lock held.

        Any thread that may use the link's `log`.
        """
        while True:
            with self._lock:
                if self._telling or not self.news:
                    return      # whoever is telling now will tell this, too
                self._telling = True
                (change, line), observers = self.news[0], self._observers
                self.news = self.news[1:]
            try:
                if line is not None:
                    (self._log.warn if line[0] else self._log.info)(line[1])
                if isinstance(change, str):
                    self._tell_all(self._hearers, change)
                elif change.new is not change.old:
                    self._tell_all(observers, change)
                else:
                    self._tell_all(self._hear_reasons, change)
            finally:
                self._telling = False
                if self.over and not self.news:
                    self._log.close()

    def _tell_all(self, observers: tuple[Callable[[Any, Any], object], ...],
                  change: LinkChange | str) -> None:
        for observer in observers:
            try:
                observer(self, change)
            except Exception as exc:
                self._log.error(f"{self.name}: observer {observer!r} failed: {exc!r}")
