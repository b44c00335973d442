"""Random faults. The same seed gives the same faults."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from .fault import Fault

#: What is drawn unless a test chooses otherwise: all that a client can notice and get over
#: at once. (Garbage inside a reply is nothing that it could notice.)
DEFAULT_KINDS = ("hang_up", "hang_up_mid_reply", "hang_up_after", "reset", "silence", "late",
                 "split", "glue", "accept_and_hang_up", "reboot")


class RandomFaults:
    """Draws at most one fault for each exchange; give it to `Faults.draw_from`.

    The n-th draw depends only on the seed and the other arguments. ``repr`` gives the call that
    repeats the same draws.

    Parameters
    ----------
    seed : int, optional
        Default: a random one.
    rate : float
        The probability of a fault in an exchange, 0 to 1.
    kinds : sequence of str
        Names of methods of `Faults`. A name that is given twice is drawn twice as often.
    max_seconds : float
        The longest that a reply is late, or that ``refuse``, ``black_hole`` and
        ``slow_reader`` last, in seconds.
    """

    def __init__(self, seed: int | None = None, *, rate: float = 0.1,
                 kinds: Iterable[str] = DEFAULT_KINDS, max_seconds: float = 0.05) -> None:
        self.seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
        if not 0 <= rate <= 1:
            raise ValueError(f"rate must be from 0 to 1, not {rate!r}")
        self.rate = rate
        self.kinds = tuple(kinds)
        for kind in self.kinds:
            if kind not in _MAKERS:
                raise ValueError(f"cannot draw {kind!r}, only {', '.join(_MAKERS)}")
        self.max_seconds = max_seconds
        # Touched by the thread that runs the device only.
        self._chance = random.Random(self.seed)

    def __repr__(self) -> str:
        kinds = "" if self.kinds == DEFAULT_KINDS else f", kinds={self.kinds!r}"
        return (f"RandomFaults({self.seed}, rate={self.rate!r}{kinds}, "
                f"max_seconds={self.max_seconds!r})")

    def draw(self) -> Fault | None:
        """The next fault, or None. Called once for each exchange."""
        chance = self._chance
        # As many numbers for each draw whatever comes of them, so that one kind more or
        # a change of what a kind needs does not shift all that follows.
        strike, which, much, place = (chance.random() for _ in range(4))
        if strike >= self.rate or not self.kinds:
            return None
        kind = self.kinds[int(which * len(self.kinds))]
        return _MAKERS[kind](much * self.max_seconds, place)


def _plain(kind: str) -> Callable[[float, float], Fault]:
    return lambda seconds, place: Fault(kind)


def _lasting(kind: str) -> Callable[[float, float], Fault]:
    return lambda seconds, place: Fault(kind, seconds=seconds)


def _garbage(seconds: float, place: float) -> Fault:
    junk = bytes([int(place * 256)]) * (1 + int(place * 997) % 7)
    return Fault("garbage", before=junk) if int(place * 991) % 2 else Fault("garbage", after=junk)


_MAKERS: dict[str, Callable[[float, float], Fault]] = {
    **{kind: _plain(kind) for kind in ("hang_up", "reset", "reboot", "silence", "glue",
                                       "accept_and_hang_up", "endless_line")},
    **{kind: _lasting(kind) for kind in ("late", "refuse", "black_hole", "slow_reader")},
    "split": lambda seconds, place: Fault("split", seconds=seconds, fraction=place),
    "hang_up_mid_reply": lambda seconds, place: Fault("hang_up_mid_reply", fraction=place),
    "hang_up_after": lambda seconds, place: Fault("hang_up_after", count=1 + int(place * 40)),
    "garbage": _garbage,
    "unasked": lambda seconds, place: Fault("unasked", seconds=seconds,
                                            answer=b"unasked %d" % int(place * 1000)),
}
