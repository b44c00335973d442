"""Faults that change nothing that anybody could notice, and why."""

_NO_TIME = "a time that is exactly the limit, to the last bit, does not occur"

#: As `Fault.name` shows it, with the reason.
EQUIVALENT: dict[str, str] = {
    "core/silence.gap_left: left > INSTANT  ->  left >= INSTANT": _NO_TIME,
    "core/conversation.next_step: now < self.silence.free_until  ->  "
    "now <= self.silence.free_until": _NO_TIME,
    "core/silence.answered: rtt + self._settle > self._length  ->  "
    "rtt + self._settle >= self._length": "the longer of two that are equal is either",
    "deferred/connection._throw_away: 0  ->  1": "at the end of what had come it waits a "
    "millisecond for more, four times a second; nothing else is different",
}
