"""A stream that is heard in one call is what it would be, heard frame by frame."""

import random

import pytest
from test_conversation import Talk

from socs_tcp.core.errors import FramingError
from socs_tcp.core.framing import LineFramer
from socs_tcp.core.turn import Turn


class FrameByFrame(Talk):
    def _is_stream(self, turns):
        return False


def known(talk):
    """All that a conversation knows, but for its turns."""
    parts = (talk.silence, talk.owed, talk._evidence)
    return ([{name: getattr(part, name) for name in type(part).__slots__ if name != "_link"}
             for part in parts],
            talk.restless, talk.useless, talk.decoder.peek(999), talk._pending.begun,
            talk.link.bytes_received, talk.link.bytes_discarded, talk.link.last_reply,
            talk.link.state, talk.remarks, list(talk.unasked), len(talk.turns))


def said(talk, answered):
    return [(talk.asked.index(turn), reply) for turn, reply in answered]


class Both:
    """The same happens to both."""

    def __init__(self, chance, **options):
        self.chance, self.now = chance, 1.0
        self.talks = [kind(framer=LineFramer(b"\n", max_length=9), **options)
                      for kind in (Talk, FrameByFrame)]
        for talk in self.talks:
            talk.asked = []

    def do(self, what):
        found = []
        for talk in self.talks:
            try:
                found.append(what(talk))
            except FramingError as exc:
                found.append(str(exc))
        assert found[0] == found[1]
        assert known(self.talks[0]) == known(self.talks[1])
        return found[0]

    def listen(self):
        most, framer = self.chance.choice([1, 2, 50]), self.chance.choice(
            [None, None, LineFramer(b";", max_length=9)])

        def listen(talk):
            turn = Turn("listen", framer=framer)
            turn.gather(most)
            talk.asked.append(turn)
            return said(talk, talk.listen(turn, self.now))
        self.do(listen)

    def ask(self):
        def ask(talk):
            step = talk.next_step(self.now)
            if not step and not talk.turns:
                talk.asked.append(Turn("query", b"Q"))
                talk.ask(talk.asked[-1], self.now)
            return step
        self.do(ask)

    def hear(self):
        data = "".join(self.chance.choices("ab;\n", k=self.chance.randrange(1, 20))).encode()
        self.do(lambda talk: said(talk, talk.heard(data, self.now)))

    def give_up(self):
        self.do(lambda talk: talk.gave_up(talk.turns[0]) if talk.turns else None)

    def command(self):
        self.do(lambda talk: talk.command(self.now))

    def wait(self):
        self.now += self.chance.choice([0.01, 0.1, 3.0])


@pytest.mark.parametrize("options", [{}, {"late": "drain"}, {"alarms": True}, {"settle": 0},
                                     {"late": lambda command, reply: reply.startswith(b"a")}],
                         ids=str)
def test_whatever_happens_before_and_in_between(options):
    chance, streams = random.Random(5), 0
    for _ in range(400):
        both = Both(chance, **options)
        for _ in range(chance.randrange(2, 14)):
            chance.choice([both.listen, both.listen, both.hear, both.hear, both.hear, both.wait,
                           both.command, both.ask, both.give_up])()
            talk = both.talks[0]
            streams += bool(talk.turns and talk.turns[0].more and talk._is_stream(talk.turns))
            if talk.useless:
                break
    assert (streams > 50) is ("alarms" not in options)
