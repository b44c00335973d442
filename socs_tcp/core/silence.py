"""When a connection may be spoken on: after so much silence, and never without a pause.

All times are seconds of the face's clock, which is given with each call.
"""

from __future__ import annotations

import math

from .owed import NO_DEBT, Debt

#: Seconds of silence before a query that could be answered by what is still to come.
SETTLE = 0.05
#: Seconds that a connection may be asked without a pause.
LONGEST_WITHOUT_PAUSE = 10.0
#: Seconds; the longest pause, and the longest wait for an answer of the connection before.
LONGEST_PAUSE = 1.0
#: The part of a call's time that may be spent on the answer of the connection before.
PART_FOR_DEBT = 0.8
#: Seconds; what is shorter is lost where times are added up, and nobody waits for it.
INSTANT = 1e-6

NEVER = -math.inf


class Silence:
    """Counts the silence on one connection. Belongs to its conversation.

    Parameters
    ----------
    settle : float
        Seconds of silence before a query, where something may come unasked; 0 turns it off,
        and the pauses and the debt, too.
    gap : float
        Seconds from the end of one exchange to the next command.
    now : float
        The time of the connect.
    debt : Debt
        What the connection before was given up with: we listen for it first.
    last : float
        The end of the last exchange on the connection before.
    """

    __slots__ = ("_due", "_length", "_settle", "_since", "_slowest", "_wanted", "debt", "ended",
                 "free_until", "gap", "paused", "settled_in")

    def __init__(self, settle: float, gap: float, now: float, debt: Debt = NO_DEBT, *,
                 last: float = -math.inf) -> None:
        self._settle = settle
        self.gap = gap
        self._since = now       # it has been silent, as far as we know, since then
        #: From now on, what comes was not said merely because we connected.
        self.settled_in = now + settle
        #: What the connection before still owes, as long as that is listened for.
        self.debt = debt if settle and debt.seconds else NO_DEBT
        self._wanted = max(settle, self.debt.seconds)
        #: The end of the last exchange.
        self.ended = last
        #: All that came lately were replies: until then a question may go out, with nothing more
        #: to consider.
        self.free_until = NEVER
        self._has_paused(now)

    @property
    def settle(self) -> float:
        """Seconds of silence before a query, where something may come unasked."""
        return self._settle

    def _has_paused(self, now: float) -> None:
        #: When the last pause ended: what was answered before it was in step.
        self.paused = now
        # When the next is due, and how long it is. Without `settle` there is none.
        self._due = now + LONGEST_WITHOUT_PAUSE if self._settle else math.inf
        self._length = self._settle or math.inf
        self._slowest = 0.0 if self._settle else math.inf       # reply since then

    def broken(self, now: float) -> None:
        """Something may come, or came, that belongs to no question."""
        self._since = now
        if self._wanted < self._settle:     # noqa: PLR1730  # (a call of max() takes longer)
            self._wanted = self._settle
        self.free_until = NEVER

    def alarm(self, now: float) -> None:
        """An alarm came. In a pause it may have been a late reply, and more may follow.

        But a device that is never silent keeps nobody waiting.
        """
        if self._due <= now < self._due + LONGEST_PAUSE:
            self._since = now

    def debt_paid(self, now: float, allowed: float) -> None:
        """The answer of the connection before has come, in a call that has `allowed` seconds left.

        Where it came too late twice in a row, a question that went out now had even less time
        than those. So it is not asked in this call, but at the beginning of the next.
        """
        slow, self.debt = self.debt.slow, NO_DEBT
        self._wanted = self._settle
        if slow:
            self._wanted += now - self._since + min(allowed, LONGEST_PAUSE)

    def spoke(self, now: float) -> None:
        """A command went out to which nothing is to come.

        That may be told after the end of an exchange that it went out beside.
        """
        if now > self.ended:        # noqa: PLR1730  # (a call of max() takes longer)
            self.ended = now
        self._since = self.ended    # as in `broken`; one call less
        if self._wanted < self._settle:     # noqa: PLR1730
            self._wanted = self._settle
        self.free_until = NEVER

    def kept(self) -> None:
        """All that was expected has come, and nothing else."""
        if self.debt is NO_DEBT:
            self._wanted = 0.0

    def completed(self, now: float) -> None:
        """As `kept`: a command was answered. (But what came may have been a late greeting.)"""
        self.ended = now
        if now < self.settled_in:
            self.broken(now)
        elif self.debt is NO_DEBT:
            self._wanted = 0.0

    def given_up(self, now: float) -> None:
        """Nobody waits for the reply any more: the gap begins, and again if it comes late."""
        if self.gap and now > self.ended:
            self.ended = now

    def answered(self, now: float, rtt: float) -> None:
        """An exchange is over.

        Where each reply is taken for the one before, the device seems twice as fast as it is, or
        more: what it says last comes one round trip after that which we took for its answer. So
        a pause is a little longer than a round trip.
        """
        self.ended = now
        if rtt > self._slowest:
            self._slowest = rtt
            self._length = min(rtt + self._settle, LONGEST_PAUSE)
        if self._wanted:        # a command went out meanwhile, and may be answered after this
            self._since = now
        elif not self.gap:
            until = now + self._length
            self.free_until = until if until < self._due else self._due     # (min() takes longer)

    def gap_left(self, now: float) -> float:
        """Seconds until a command may be sent."""
        left = self.ended + self.gap - now if self.gap else 0.0
        return left if left > INSTANT else 0.0

    def left(self, now: float, allowed: float = math.inf) -> float:
        """Seconds of silence that are missing before a query may be sent; 0 for none.

        A call that has `allowed` seconds left does not spend all of them on the answer of the
        connection before.
        """
        if self._wanted:
            silent = now - self._since
            if self.debt is not NO_DEBT:
                self._wanted = max(self._settle,
                                   min(self._wanted, silent + allowed * PART_FOR_DEBT))
            if silent < self._wanted - INSTANT:
                return max(self._wanted - silent, self.gap_left(now))
            self._wanted, self.debt = 0.0, NO_DEBT
        return max(self._breath_left(now), self.gap_left(now))

    def _breath_left(self, now: float) -> float:
        begun = max(self.ended, self._since)
        if now - begun >= self._length - INSTANT:
            self._has_paused(now)
        elif now >= self._due:
            return begun + self._length - now
        return 0.0
