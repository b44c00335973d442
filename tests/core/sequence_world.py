"""A device, a reference face, and the checks, for the run over every sequence of events.

The device knows which frame belongs to which question. The face obeys its `Conversation`, as the
two real ones do. The checks keep their own books: what came when, and what was asked before.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from socs_tcp.core.conversation import DROP, SPEAK, WAIT, Conversation, State
from socs_tcp.core.framing import LineFramer
from socs_tcp.core.owed import NO_DEBT, Debt
from socs_tcp.core.silence import LONGEST_PAUSE, LONGEST_WITHOUT_PAUSE, PART_FOR_DEBT, Silence
from socs_tcp.core.turn import Turn

SETTLE = 0.05
TIMEOUT = 1.0
#: The reply time of the device while it is asked without a pause.
RTT = 0.5
FRAMER = LineFramer("\n")
REPLY = re.compile(rb"r\d+$")


class Config(NamedTuple):
    """One way to use a device."""

    late: str           # drop, drain, or match: replies are told apart by a function
    greeting: bool
    alarms: bool
    match: bool         # each question says what a reply looks like
    lanes: int = 1      # so many questions may be under way at once

    @property
    def late_replies(self):
        return is_reply if self.late == "match" else self.late


def is_reply(data: bytes, frame: bytes) -> bool:
    """Does `frame` answer the question `data`? (Where replies carry the number of it.)"""
    return frame == b"r" + data[1:-1]


class Wrong(AssertionError):
    """What must not be."""


class Frame(NamedTuple):
    """What the device says: who it is for, and where it comes from."""

    text: bytes
    kind: str           # reply, undeclared, stray, greeting
    rest: bytes         # that which has not yet come of it
    begun: float        # when it began to come
    old: str = ""       # of a connection before: how that ended


class Ear:
    """The link, as the conversation sees it."""

    trace = None
    state = None

    def __init__(self, world: World) -> None:
        self.bytes_received = self.bytes_discarded = 0
        self.world = world

    def good(self, rtt=None) -> None:
        if self.world.conversation.state is not State.PROVEN:
            raise Wrong("told good before it was proven")

    def remark(self, kind: str, text: str) -> None:
        pass


class Asked(NamedTuple):
    """A question, or an answer that is missing, in the books of the checks."""

    number: int         # 0 for an answer to a command
    at: float
    clear: bool         # was nothing to be expected when it was asked, as promised?


class World:
    """The device, the wire, the face, and the books."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.now = 100.0
        self.numbers = 0
        self.last_wrong = -math.inf
        self.kinds: set[str] = set()    # of wrong answers that were seen; shared with copies
        self.old: tuple[Frame, ...] = ()        # what a serial server may still deliver
        # What the face does: "", wanting, query, listen, receive, greeting
        self.call: str = ""
        self.turns: tuple[Turn, ...] = ()       # those that somebody waits for
        self.deadline = math.inf
        self.wake = math.inf
        self.connect(NO_DEBT)

    # the face

    def connect(self, debt: Debt) -> None:
        silence = Silence(SETTLE, 0.0, self.now, debt)
        if self.config.greeting and not debt.seconds:
            silence.kept()
        self.conversation = Conversation(Ear(self), FRAMER, self.config.late_replies, silence,
                                         alarms=[] if self.config.alarms else None)
        self.state = State.NEW
        self.output: tuple[Frame, ...] = ()     # what the device has still to say, in its order
        self.books: tuple[Asked, ...] = ()      # which frame comes next, as far as one can know
        self.commands = 0                       # since the last question
        self.idle = 0                           # whole frames that wait for somebody to listen
        self.drains = False                     # a question has waited for what is late
        self.in_part = False                    # of a frame, the beginning was received as bytes
        self.asides: tuple[float, ...] = ()     # when commands went out beside this call
        self.disturbed = -math.inf if self.config.greeting and not debt.seconds else self.now
        self.connected = self.now
        self.debt_until = self.now + debt.seconds
        self.debts = debt.replies
        self.quiet_since = self.now
        self.paused = self.now
        self.slowest = 0.0
        if self.config.greeting:
            self.output = (Frame(b"g", "greeting", b"g\n", math.inf),)
            self.start("greeting", Turn("greeting"))
            self.conversation.listen(self.turns[-1], self.now)
        else:
            self.prepared()

    def start(self, call: str, turn: Turn | None = None) -> None:
        self.call = call
        self.deadline = self.now + TIMEOUT
        if turn is not None:
            self.turns = (*self.turns, turn)

    def prepared(self) -> None:
        if self.conversation.prepared():
            raise Wrong("proven, and nobody has answered")

    def ask(self) -> None:
        self.start("wanting")
        if self.config.late == "drain":
            paid = min(len([asked for asked in self.books if not asked.number]), self.idle)
            self.books = self.books[paid:]
            self.idle -= paid
        self.try_to_ask()

    def try_to_ask(self) -> None:
        allowed = self.deadline - self.now
        self.drains = self.config.late == "drain" and not all(a.number for a in self.books)
        step = self.conversation.next_step(self.now, allowed)
        self.debt_until = min(self.debt_until, self.now + PART_FOR_DEBT * allowed)
        self.wake = self.now + step if 0 < step < WAIT else math.inf
        if step == DROP:
            self.end("given up", wanting=True)
        elif step == SPEAK:
            self.put_question()

    def put_question(self) -> None:
        self.numbers += 1
        turn = Turn("query", b"q%d\n" % self.numbers, match=REPLY if self.config.match else None)
        self.check_question()
        self.call, self.turns = "query", (*self.turns, turn)
        self.conversation.ask(turn, self.now)
        self.books = (*self.books, Asked(self.numbers, self.now, self.is_clear()))
        self.commands = self.idle = 0
        self.in_part = self.drains = False
        self.output = (*self.output, Frame(b"r%d" % self.numbers, "reply",
                                           b"r%d\n" % self.numbers, math.inf))

    def send(self, answered: bool) -> None:
        self.numbers += 1
        self.conversation.command(self.now)
        self.disturbed = self.quiet_since = self.now
        self.commands += 1
        if answered:
            self.output = (*self.output, Frame(b"c%d" % self.numbers, "undeclared",
                                               b"c%d\n" % self.numbers, math.inf))

    def send_beside(self) -> None:
        """A command goes out while somebody waits; the one who waits is told at the end."""
        self.numbers += 1
        self.asides = (*self.asides, self.now)

    def merge_asides(self) -> None:
        asides, self.asides = self.asides, ()
        for when in asides:
            self.conversation.command(when)
            self.commands += 1
            self.disturbed = max(self.disturbed, when)
            self.quiet_since = max(self.quiet_since, when)

    def listen(self, many: bool = False) -> None:
        turn = Turn("listen")
        if many:
            turn.gather(9)
        self.start("listen", turn)
        found = self.conversation.listen(turn, self.now)
        if found:
            self.note_taken(len(found[0][1]) if many else 1)
        self.handle(found)

    def receive(self) -> None:
        """Bytes as they come, or those that wait."""
        self.start("receive")
        waiting = self.conversation.decoder.peek(1 << 20)
        if waiting:
            self.conversation.take(1 << 20, self.now)
            self.note_taken(waiting.count(b"\n"))
            self.received(in_part=not waiting.endswith(b"\n"))

    def received(self, in_part: bool) -> None:
        self.call, self.in_part = "", in_part
        if in_part:
            self.disturbed = self.now
        self.check_state()

    def leave(self, how: str) -> None:
        """The call ends without an answer: its time is over, or it was cancelled."""
        call, self.call = self.call, ""
        self.wake = math.inf
        if call == "receive":
            self.conversation.in_vain()
            self.listener_left()
        if call == "wanting":
            if how == "timed out" and self.conversation.next_step(self.now) == WAIT:
                self.end("given up")        # it does not even answer late
            return
        turns, self.turns = self.turns, ()
        for turn in turns:
            drop = (self.conversation.interrupted(turn) if how == "interrupted" else
                    self.conversation.gave_up(turn, how == "cancelled"))
            if turn.kind == "listen":
                self.listener_left()
            elif drop:
                self.end("given up")
                return
            elif not self.conversation.debt(TIMEOUT).replies:
                raise Wrong("a question was given up, and nothing is owed")
        if call == "greeting":
            raise Wrong("no greeting, and the connection is kept")
        self.merge_asides()

    def listener_left(self) -> None:
        late = sum(1 for asked in self.books if not asked.number)
        begun = self.conversation.decoder.waiting > 0 or self.in_part
        whose = any(asked.number for asked in self.books)   # (of a question, if one is owed)
        missing = max(self.commands, int(begun and not whose) - late)
        self.books += (Asked(0, self.now, True),) * missing
        self.commands = 0

    def end(self, how: str, wanting: bool = False) -> None:
        """The connection ends; the next one is made."""
        debt = self.conversation.debt(TIMEOUT) if how == "given up" else NO_DEBT
        waiting = [turn for turn in self.turns if not turn.given_up]
        ended = self.conversation.ended()
        if ended != waiting:
            raise Wrong(f"left without an answer: {ended}, not {waiting}")
        self.turns = ()
        self.old = (*self.old, *(f._replace(begun=math.inf, old=how, rest=f.rest)
                                 for f in self.output if f.kind != "greeting"))
        self.call, deadline = "", self.deadline
        if self.conversation.next_step(self.now) != DROP:
            raise Wrong("a dead connection may be spoken on")
        self.connect(debt)
        if wanting and not self.config.greeting:
            self.call, self.deadline = "wanting", deadline
            self.try_to_ask()

    # the device

    def emit(self, whole: bool = True) -> None:
        """The first that it has to say comes; or the first half of it."""
        frame, rest = self.output[0], self.output[1:]
        begun = min(frame.begun, self.now)
        if not whole:
            self.output = (frame._replace(begun=begun, rest=frame.rest[1:]), *rest)
            self.bytes_come(frame.rest[:1])
            return
        self.output = rest
        self.bytes_come(frame.rest, frame._replace(begun=begun))

    def unasked(self, whole: bool) -> None:
        self.numbers += 1
        text = b"s%d" % self.numbers
        self.output = (Frame(text, "stray", text + b"\n", math.inf), *self.output)
        self.emit(whole)

    @property
    def draining(self) -> bool:
        """Does what comes pay what listeners gave up on? Since a question waits, or waited."""
        return self.call == "wanting" or (self.call == "" and self.drains)

    @property
    def half(self) -> bool:
        """Is the device in the middle of a frame?"""
        return bool(self.output) and self.output[0].begun < math.inf

    def lose_reply(self) -> None:
        self.output = self.output[1:]

    def deliver_old(self) -> None:
        self.output = (self.old[0], *self.output)
        self.old = self.old[1:]
        self.emit()

    def bytes_come(self, data: bytes, frame: Frame | None = None) -> None:
        conversation = self.conversation
        text = (conversation.decoder.peek() + data)[:-1]
        # (Alarms are no reason to wait.)
        if self.call not in ("", "wanting") or not self.config.alarms:
            self.quiet_since = self.now
        owner = None
        if frame is not None:
            owner = self.note(text)
        elif not self.books and self.call not in ("listen", "greeting"):
            self.disturbed = self.now
        if self.call == "receive":
            conversation.took(data, self.now)
            self.received(in_part=frame is None)
            return
        self.handle(conversation.heard(data, self.now), frame, owner)
        if self.call == "wanting":
            self.try_to_ask()

    def handle(self, found, frame: Frame | None = None, owner: Asked | None = None) -> None:
        for turn, reply in found:
            if turn not in self.turns:
                raise Wrong(f"answered twice: {turn.data!r}")
            self.turns = tuple(t for t in self.turns if t is not turn)
            if turn.kind == "query":
                self.check_reply(turn, reply, frame, owner)
            if self.call == "greeting":
                self.prepared()
            if not self.turns:
                self.call = ""
                self.merge_asides()
        if self.conversation.useless:
            self.end("given up")
        self.check_state()

    # time

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.wake, self.deadline if self.call else math.inf)
            if self.call and self.now >= self.deadline:
                self.leave("timed out")
            elif self.now >= self.wake:
                self.try_to_ask()

    def time_out(self) -> None:
        self.pass_time(self.deadline - self.now)

    def keep_asking(self) -> None:
        """Thirteen seconds without a pause, at a device that takes its time for each thing."""
        begin, too_many = self.now, len(self.output)
        self.last_wrong = -math.inf
        while self.now < begin + LONGEST_WITHOUT_PAUSE + LONGEST_PAUSE + 4 * RTT:
            if not self.call:
                self.ask()
            self.work()
        while self.output:
            self.work()
        # (Where alarms are expected, a pause is lengthened by a second at most.)
        found = not self.config.alarms or too_many <= LONGEST_PAUSE / RTT
        if found and self.last_wrong > begin + LONGEST_WITHOUT_PAUSE + LONGEST_PAUSE:
            raise Wrong(f"still wrong {self.last_wrong - begin} s later")

    def work(self) -> None:
        """The device does one thing."""
        self.pass_time(RTT)
        if self.output:
            self.emit()

    # the books, and the checks

    def note(self, text: bytes) -> Asked | None:
        """A whole frame came: whom does it answer, as far as order and looks tell?"""
        if self.call == "greeting":
            return None
        if self.call == "receive":      # (who takes bytes takes whatever comes)
            self.note_listened()
            return None
        if self.config.late == "match":
            owner = next((a for a in self.books if is_reply(b"q%d\n" % a.number, text)), None)
            self.books = tuple(a for a in self.books if a is not owner)
            if owner is not None:
                return owner
        elif self.books and (self.books[0].number or self.draining):
            if not (self.config.match and self.books[0].number) or REPLY.match(text):
                owner, self.books = self.books[0], self.books[1:]
                return owner
            self.note_unasked()         # (a question is owed its reply: no listener comes before)
            return None
        if self.call == "listen":
            self.note_listened()
        else:
            self.note_unasked()
        return None

    def note_taken(self, frames: int) -> None:
        self.idle -= frames
        for _ in range(frames):
            self.note_listened()

    def note_listened(self) -> None:
        """Somebody listens: is it what a command was missing, and all of it?"""
        late = [asked for asked in self.books if not asked.number]
        expected = bool(late) or self.commands > 0
        if late:
            self.books = tuple(asked for asked in self.books if asked is not late[0])
        elif self.commands:
            self.commands -= 1
        clear = (expected and not (late[1:] or self.commands or self.idle)
                 and self.now >= self.connected + SETTLE)
        self.disturbed = -math.inf if clear else self.now

    def note_unasked(self) -> None:
        under_way = self.config.late == "match" and any(asked.number for asked in self.books)
        if not (self.config.alarms or under_way):
            self.disturbed = self.now
            self.idle += not (self.call == "wanting" and self.debts > 0)
            self.debts -= 1
            if not self.debts:
                self.debt_until = -math.inf

    def is_clear(self) -> bool:
        return self.now >= self.disturbed + SETTLE - 1e-9

    def check_question(self) -> None:
        """A question goes out."""
        if not self.is_clear():
            raise Wrong("asked before it was silent for long enough")
        if self.now < self.debt_until - 1e-9:
            raise Wrong("asked before the connection before has paid its debt")
        if self.config.late != "match" and self.books:
            raise Wrong(f"asked while {self.books} is to come")
        if self.now - self.quiet_since >= min(self.slowest + SETTLE, LONGEST_PAUSE) - 1e-9:
            self.paused, self.slowest = self.now, 0.0
        if self.config.late != "match" and self.now - self.paused > LONGEST_WITHOUT_PAUSE + TIMEOUT:
            raise Wrong("asked for too long without a pause")

    def check_reply(self, turn: Turn, reply: bytes | None, frame: Frame, owner) -> None:
        self.slowest = max(self.slowest, self.now - turn.asked_at)
        if self.commands or self.asides:        # each of them may be answered after this
            self.disturbed = self.now
        right = b"r" + turn.data[1:-1]
        if reply is None or reply == right:
            return
        kind = f"old, {frame.old}" if frame.old else frame.kind
        if self.config.late == "match" or (self.config.match and not REPLY.match(reply)):
            raise Wrong(f"{turn.data!r} got {reply!r} ({kind}), which does not look like a reply")
        if owner is None or b"q%d\n" % owner.number != turn.data:
            raise Wrong(f"{turn.data!r} got {reply!r} ({kind}), which belongs to {owner}")
        if frame.begun < turn.asked_at and reply == frame.text:
            raise Wrong(f"{turn.data!r} got {reply!r} ({kind}), which began before it was asked")
        self.last_wrong = self.now
        self.kinds.add(kind if reply == frame.text else "rest")

    def check_state(self) -> None:
        order = list(State)
        state = self.conversation.state
        if order.index(state) < order.index(self.state):
            raise Wrong(f"from {self.state} to {state}")
        self.state = state
