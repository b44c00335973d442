"""Faults that change nothing that anybody could notice, and why."""

_NO_TIME = "a time that is exactly the limit, to the last bit, does not occur"
_TIDIED = "the heap is tidied sooner or later; what is called, and when, is the same"

#: As one of `Fault.names` shows it, with the reason.
EQUIVALENT: dict[str, str] = {
    "core/silence.gap_left: left > INSTANT  ->  left >= INSTANT": _NO_TIME,
    "core/conversation.free: now < self.silence.free_until  ->  "
    "now <= self.silence.free_until": _NO_TIME,
    "core/silence.answered: until < self._due  ->  until <= self._due":
        "the earlier of two that are equal is either",
    "core/silence.answered: rtt > self._slowest  ->  "
    "rtt >= self._slowest": "the longer of two that are equal is either",
    "blocking/tls.look: reads < _MOST_READS  ->  reads <= _MOST_READS":
        "a bound against a device that speaks on and on; one more is none of the others",
    "deferred/clock.one_cancelled: self._cancelled > 50 and self._cancelled > "
    "len(self._calls) // 2  ->  self._cancelled > 50 or self._cancelled > len(self._calls) // 2":
        _TIDIED,
    "deferred/clock.one_cancelled: self._cancelled > 50  ->  self._cancelled >= 50": _TIDIED,
    "deferred/connector.__init__: self._beginning = False  ->  pass":
        "connect sets it before anybody reads it",
    "agent/polling.next: self.due - last < self._period / 2  ->  "
    "self.due - last <= self._period / 2": _NO_TIME,
    "blocking/connection.__init__: 2  ->  3": "-3 is no descriptor either",
    "core/observed.__init__: False  ->  True  in  self.over = False":
        "the first change of the link sets it, and before that no line is left out of the log",
    "blocking/gate.begin_anew: False  ->  True":
        "the first call of all looks for what happened beside it, and finds nothing",
    "deferred/protocol.recv: 0  ->  1": "the number is for RawProtocol; a line has its own length",
    "core/prompt_search._rarest: 0  ->  1":
        "which byte is looked for first is a matter of speed; the place of none is not used",
    "deferred/connector.__init__: False  ->  True  in  self._beginning = False":
        "connect sets it before anybody reads it",
    "deferred/connection.say: allowed > self._allowance.within  ->  "
    "allowed >= self._allowance.within":
        "the same time is granted once more",
    "deferred/factory.time_is_up: self._due - now <= INSTANT  ->  self._due - now < INSTANT":
        _NO_TIME,
    "deferred/connector.time_is_up: self._deadline - self._clock.seconds() > INSTANT  ->  "
    "self._deadline - self._clock.seconds() >= INSTANT": _NO_TIME,
    "deferred/turns.now: now - due <= ON_TIME  ->  now - due < ON_TIME": _NO_TIME,
    "deferred/lasting.watch: left <= INSTANT  ->  left < INSTANT": _NO_TIME,
    "deferred/connection._throw_away: 0  ->  1": "at the end of what had come it waits a "
    "millisecond for more, four times a second; nothing else is different",
    "blocking/calls._wait_out_gap: left > call.remaining()  ->  left >= call.remaining()": _NO_TIME,
    "blocking/calls._wait_out_gap: left > 0  ->  left >= 0": "it waits for no time then",
    "blocking/calls._put_again: call.remaining() <= 0  ->  call.remaining() < 0": _NO_TIME,
    "blocking/calls._discard_late: call.remaining() <= 0  ->  call.remaining() < 0": _NO_TIME,
    "blocking/exchange._hear: left <= 0  ->  left < 0": _NO_TIME,
    "deferred/clock._watch: when < self._alarm  ->  when <= self._alarm":
        "the timer is set once more to what it is set to",
    "deferred/clock.one_cancelled: self._cancelled > len(self._calls) // 2  ->  "
    "self._cancelled >= len(self._calls) // 2": _TIDIED,
    "deferred/clock.one_cancelled: 50  ->  51": _TIDIED,
    "deferred/clock.one_cancelled: 2  ->  3": _TIDIED,
    "deferred/clock._take: 1  ->  2  in  call.called = 1": "it is read as true or false",
    "deferred/manager.lost: flight = []  ->  pass":
        "all of these have failed already, and none of a session is asked again",
    "deferred/clock.doRead: self._timer.clear()  ->  pass":
        "to set the timer makes its descriptor unreadable, too",
    "deferred/factory.retry_now: self._due <= now  ->  self._due < now": _NO_TIME,
    "agent/mixin._wall: 0.0  ->  1.0": "without `quantize` nobody looks at it",
    "core/telnet._after_subnegotiation: 0  ->  1": "the end is found behind the beginning",
    "core/telnet._after_subnegotiation: end >= 0  ->  end > 0":
        "the end is found behind the beginning",
    "core/sockets.refuse_itself: 1  ->  2": "any number but 0 turns it on",
    "blocking/tls._renew: monotonic() >= deadline  ->  monotonic() > deadline": _NO_TIME,
    "core/decoder.next_frames: 1  ->  2":
        "what the search for many leaves, the search for one finds",
    "blocking/dialer._set_up: False  ->  True":
        "the call that connects is over then, and calls no code of others any more",
}
