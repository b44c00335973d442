"""DeviceClient against a simple model, by hypothesis.

The device here answers each command with its own number, when a test lets it. Whatever
happens in whatever order: no reply answers another question, each Deferred fires exactly
once and in its time, no more is in flight than may be, and nothing is left after `close`.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from memory_device import DONE, RESET, Bench, Watched
from twisted.internet.defer import CancelledError

TIMEOUT = 5.0
LIMIT = 30


class Call:
    """One query, send or recv, as the model knows it."""

    def __init__(self, machine, kind, name, timeout, safe=False):
        client = machine.bench.client
        self.kind, self.name, self.safe = kind, name, safe
        self.deadline = machine.now + timeout
        self.cancelled = False
        self.too_late = machine.closed      # it fails in a later turn
        self.outcomes = []
        if kind == "recv":
            deferred = client.recv(timeout)
        elif kind == "send":
            deferred = client.send(name, timeout)
        else:
            deferred = client.query(name, timeout, safe_to_repeat=safe)
        self.watched = Watched(deferred)
        self.outcomes = self.watched.outcomes

    def __repr__(self):
        return f"<{self.kind} {self.name} {self.outcomes}>"


class DeviceMachine(RuleBasedStateMachine):
    late_replies = "drop"
    max_in_flight = 1

    def __init__(self):
        super().__init__()
        late = self.late_replies
        if late == "match":
            def late(command, reply):
                return reply.endswith(command.strip())
        self.bench = Bench(timeout=TIMEOUT, late_replies=late, max_in_flight=self.max_in_flight)
        self.calls = []
        self.owed = []          # commands the device has not answered, of this connection
        self.pending = b""      # the rest of a reply of which a part was sent
        self.seen = []          # every command the device ever got
        self.closed = False
        self.closing = None

    @property
    def now(self):
        return self.bench.reactor.seconds()

    @property
    def up(self):
        transport = self.bench.transport
        return transport is not None and transport.connected and not transport.disconnecting

    def hear(self):
        """The device reads what was sent."""
        if self.bench.transport is not None:
            commands = self.bench.take().split(b"\r\n")
            assert commands.pop() == b""
            self.seen += commands
            self.owed += [c for c in commands if c.startswith(b"q")]

    def forget(self):
        """The connection is gone, and with it what the device owes."""
        self.hear()
        self.owed, self.pending = [], b""

    # what users do

    @precondition(lambda self: len(self.calls) < LIMIT)
    @rule(timeout=st.sampled_from([0.5, 2.0, TIMEOUT]), safe=st.booleans(),
          callback=st.sampled_from([None, "query", "cancel", "raise"]))
    def query(self, timeout, safe, callback):
        call = Call(self, "query", f"q{len(self.calls)}", timeout, safe)
        self.calls.append(call)
        if callback == "query":
            call.watched.deferred.addBoth(lambda _result: self.query_again())
        elif callback == "cancel":
            call.watched.deferred.addBoth(lambda _result: self.cancel_oldest())
        elif callback == "raise":
            call.watched.deferred.addBoth(lambda _result: 1 / 0)
            call.watched.deferred.addErrback(lambda _failure: None)

    def query_again(self):
        if len(self.calls) < LIMIT:
            self.calls.append(Call(self, "query", f"q{len(self.calls)}", 1.0))

    def cancel_oldest(self):
        for call in self.calls:
            if not call.outcomes:
                call.cancelled = True
                call.watched.cancel()
                return

    @precondition(lambda self: len(self.calls) < LIMIT)
    @rule(timeout=st.sampled_from([0.5, TIMEOUT]))
    def send(self, timeout):
        self.calls.append(Call(self, "send", f"s{len(self.calls)}", timeout))

    @precondition(lambda self: any(not c.outcomes for c in self.calls))
    @rule(data=st.data())
    def cancel(self, data):
        call = data.draw(st.sampled_from([c for c in self.calls if not c.outcomes]))
        call.cancelled = True
        call.watched.cancel()
        assert isinstance(call.watched.value, CancelledError)

    @rule()
    def reconnect(self):
        self.bench.client.reconnect()

    @rule(seconds=st.sampled_from([0, 0.1, 0.5, 1.0, 5.0]))
    def wait(self, seconds):
        self.bench.advance(seconds)

    @rule(again=st.booleans())
    def close(self, again):
        if self.closed and not again:
            return
        self.closed = True
        self.closing = Watched(self.bench.client.close())

    # what the device does

    @precondition(lambda self: self.bench.connecting)
    @rule()
    def accept(self):
        self.forget()
        self.bench.accept()

    @precondition(lambda self: self.bench.connecting)
    @rule()
    def refuse(self):
        self.bench.refuse()

    @precondition(lambda self: self.up)
    @rule(count=st.integers(1, 3))
    def reply(self, count):
        """Whole replies, glued where there are several."""
        self.hear()
        data = self.pending
        answers, self.owed = self.owed[:count], self.owed[count:]
        self.pending = b""
        for command in answers:
            data += b"r-" + command + b"\r\n"
        if data:
            self.bench.reply(data)

    @precondition(lambda self: self.up and not self.pending)
    @rule(cut=st.integers(1, 4))
    def reply_in_part(self, cut):
        self.hear()
        if self.owed:
            whole = b"r-" + self.owed.pop(0) + b"\r\n"
            self.pending = whole[cut:]
            self.bench.reply(whole[:cut])

    @precondition(lambda self: self.up and (self.max_in_flight == 1
                                            or self.late_replies == "match"))
    @rule()
    def never_answer(self):
        """The device loses a command. (Where that is allowed: otherwise nobody could tell.)"""
        self.hear()
        self.owed = self.owed[1:]

    @precondition(lambda self: self.up)
    @rule(reason=st.sampled_from([DONE, RESET]))
    def lose(self, reason):
        self.hear()
        self.bench.transport.lost(reason)
        assert self.closed or self.bench.link.down

    # what must hold

    @invariant()
    def no_reply_answers_another_question(self):
        for call in self.calls:
            for outcome in call.outcomes:
                if call.kind == "query" and isinstance(outcome, bytes):
                    assert outcome == f"r-{call.name}".encode()

    @invariant()
    def each_fires_once_with_a_result_or_a_connection_error(self):
        for call in self.calls:
            assert len(call.outcomes) <= 1
            if call.outcomes and not call.cancelled:
                assert isinstance(call.outcomes[0], (bytes, type(None), ConnectionError))

    @invariant()
    def each_fires_in_its_time(self):
        for call in self.calls:
            assert call.outcomes or self.now <= call.deadline or self.closed

    @invariant()
    def everything_fires_when_it_is_closed(self):
        if self.closed:
            assert all(call.outcomes or call.too_late for call in self.calls)

    @invariant()
    def no_more_in_flight_than_allowed(self):
        queue = self.bench.client._manager.queue
        assert len(queue.exchange.under_way(queue.connection)) <= self.max_in_flight

    @invariant()
    def a_command_is_sent_once_or_twice_where_that_is_safe(self):
        self.hear()
        for call in self.calls:
            if call.name:
                times = self.seen.count(call.name.encode())
                assert times <= (2 if call.safe else 1)
                if call.outcomes and getattr(call.outcomes[0], "sent", "") == "no":
                    assert times == 0

    def teardown(self):
        # It comes back to life where it is let, and it ends cleanly in any state.
        if not self.closed:
            self.heals()
        closing = Watched(self.bench.client.close())
        self.bench.advance(0, 0)
        assert closing.value is None
        self.bench.advance(*[0] * LIMIT)
        assert all(len(call.outcomes) == 1 for call in self.calls)
        assert self.bench.reactor.getDelayedCalls() == []
        self.no_reply_answers_another_question()

    def heals(self):
        self.bench.advance(TIMEOUT)
        for _ in range(200):
            if self.bench.connecting:
                self.forget()
                self.bench.accept()
            last = Watched(self.bench.client.query("qlast", 0.5))
            self.hear()
            while self.owed and self.up:
                self.reply(3)
                self.hear()
            if last.fired and last.outcomes == [b"r-qlast"]:
                return
            self.bench.advance(0.1, 0.1, 0.3, 0.1)
        raise AssertionError("it did not come back")


def case(late_replies, max_in_flight):
    class Machine(DeviceMachine):
        pass
    Machine.late_replies, Machine.max_in_flight = late_replies, max_in_flight
    Machine.TestCase.settings = settings(
        max_examples=40, stateful_step_count=30, deadline=None,
        suppress_health_check=list(HealthCheck))
    return Machine


@pytest.mark.parametrize("max_in_flight", [1, 3])
@pytest.mark.parametrize("late_replies", ["drop", "drain", "match"])
def test_whatever_happens(late_replies, max_in_flight):
    case(late_replies, max_in_flight).TestCase("runTest").runTest()
