"""What must not happen at once: the reactor has other things to do, too."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

#: So many calls are answered at once in a row, before the reactor has its turn: who calls again
#: in the callback of the last call, with no end, must neither recurse nor starve anybody.
AT_ONCE = 50


def fail_later(clock: Any, error: BaseException,
               deferred: Deferred[Any] | None = None) -> Deferred[Any]:
    """A Deferred (the one given, or a new one) that fails in a later turn of the reactor.

    Whoever tries again and again, and is refused each time, must not keep the reactor from
    everything else. (Where there is no `clock`, that cannot be helped.)
    """
    if clock is None:
        return fail(error)
    failed: Deferred[Any] = Deferred() if deferred is None else deferred
    clock.callLater(0, _fire, failed, Failure(error))
    return failed


def succeed_later(clock: Any) -> Deferred[None]:
    """A Deferred that fires with None in a later turn of the reactor."""
    done: Deferred[None] = Deferred()
    clock.callLater(0, _fire, done, None)
    return done


def _fire(deferred: Deferred[Any], result: Any) -> None:
    if not deferred.called:     # nobody has cancelled it meanwhile
        deferred.callback(result)
