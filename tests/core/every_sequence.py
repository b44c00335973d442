"""Every sequence of events up to a length, on one connection after the other.

::

    python -m tests.core.every_sequence --length 7

Equal states are followed once, and counted as often as they were reached.
"""

from __future__ import annotations

import argparse
import itertools
import re
import time
from collections.abc import Callable
from copy import copy

from socs_tcp.core.conversation import Conversation
from socs_tcp.core.listening import Listening
from socs_tcp.core.silence import LONGEST_PAUSE

from .sequence_world import FRAMER, SETTLE, Config, Ear, World, Wrong

#: What can happen: its name, whether it can happen now, and how.
EVENTS: dict[str, tuple[Callable[[World], bool], Callable[[World], None]]] = {
    "ask": (lambda w: not w.call, World.ask),
    "send": (lambda w: True, lambda w: w.send(answered=False)),
    "send, to be answered": (lambda w: True, lambda w: w.send(answered=True)),
    "send beside": (lambda w: w.call in ("query", "listen"), World.send_beside),
    "listen": (lambda w: not w.call, World.listen),
    "listen for many": (lambda w: not w.call, lambda w: w.listen(many=True)),
    "receive": (lambda w: not w.call, World.receive),
    "reply": (lambda w: bool(w.output), World.emit),
    "half": (lambda w: bool(w.output) and not w.half, lambda w: w.emit(whole=False)),
    "stray": (lambda w: not w.half, lambda w: w.unasked(whole=True)),
    "half a stray": (lambda w: not w.half, lambda w: w.unasked(whole=False)),
    "old": (lambda w: bool(w.old) and not w.half, World.deliver_old),
    "no reply": (lambda w: bool(w.output) and not w.half, World.lose_reply),
    "timeout": (lambda w: bool(w.call), World.time_out),
    "cancel": (lambda w: bool(w.call), lambda w: w.leave("cancelled")),
    "interrupt": (lambda w: bool(w.call), lambda w: w.leave("interrupted")),
    "loss": (lambda w: True, lambda w: w.end("lost")),
    "a moment": (lambda w: True, lambda w: w.pass_time(SETTLE * 0.4)),
    "a while": (lambda w: True, lambda w: w.pass_time(SETTLE * 1.2)),
    "half a second": (lambda w: True, lambda w: w.pass_time(0.5)),
    "asking without a pause": (lambda w: not w.call, World.keep_asking),
}

CONFIGS = [Config(*choice) for choice in itertools.product(
    ("drop", "drain", "match"), (False, True), (False, True), (False, True))]

#: Seconds; what is longer ago is all one, but for the last pause.
LONG_AGO = LONGEST_PAUSE + SETTLE


def small_copy(thing):
    new = object.__new__(type(thing))
    for name in type(thing).__slots__:
        setattr(new, name, getattr(thing, name))
    return new


def copy_of_decoder(decoder):
    new = FRAMER.decoder()
    new.feed(decoder.peek(1 << 20))
    return new


def copy_of(world: World) -> World:
    """A world of its own, in the same state."""
    new = object.__new__(World)
    new.__dict__.update(world.__dict__)
    old = world.conversation
    talk = new.conversation = object.__new__(Conversation)
    for name in Listening.__slots__:
        setattr(talk, name, getattr(old, name))
    turns = {id(turn): copy(turn) for turn in (*old.turns, *world.turns)}
    talk._link = Ear(new)
    talk._pending, talk.owed = small_copy(old._pending), small_copy(old.owed)
    talk._evidence, talk.silence = small_copy(old._evidence), small_copy(old.silence)
    if old._received is not None:
        talk._received = small_copy(old._received)
        talk._received._decoder = copy_of_decoder(old._received._decoder)
    talk._pending._link = talk._evidence._link = talk._link
    talk.turns = talk._pending.turns = [turns[id(turn)] for turn in old.turns]
    talk.decoder = copy_of_decoder(old.decoder)
    if talk._alarms is not None:
        talk._alarms = []
    new.turns = tuple(turns[id(turn)] for turn in world.turns)
    return new


def key_of(world: World) -> tuple:
    """What of a world decides what will come. Times are counted from now, numbers by rank."""
    talk = world.conversation
    numbers = sorted({int(n) for n in re.findall(rb"\d+", b" ".join(
        [*(f.text for f in (*world.output, *world.old)), *(t.data for t in talk.turns),
         *(b"%d" % a.number for a in world.books)]))})
    rank = {number: place for place, number in enumerate(numbers)}

    def age(when: float, most: float = LONG_AGO) -> float:
        return round(max(-most, min(most, world.now - when)), 3)

    def name(text: bytes) -> tuple:
        return text[:1], rank.get(int(text[1:] or 0))

    silence, owed = talk.silence, talk.owed
    return (
        tuple((t.kind, name(t.data.strip()), t.given_up, age(t.asked_at), t.wrong is None)
              for t in talk.turns), len(world.turns),
        re.sub(rb"\d+", b"", talk.decoder.peek(1 << 20)), talk._pending.begun,
        min(talk._pending.unmatched, 2), owed.before, owed.repaid,
        owed.unanswered, owed.late, owed.draining,
        talk.state, talk.answered, bool(talk.useless), talk._strayed, talk._received is None,
        age(silence._since), round(silence._wanted, 3), silence.debt,
        round(silence._length, 3), age(silence._due, 99), age(silence.ended),
        age(silence.free_until, 99), age(silence.settled_in),
        tuple((*name(f.text), f.kind, len(f.rest), age(f.begun), f.old)
              for f in (*world.output, *world.old)), len(world.old),
        world.call, age(world.deadline) if world.call else 0, age(world.wake),
        tuple((rank.get(a.number), age(a.at)) for a in world.books), world.commands, world.idle,
        world.in_part, world.drains, tuple(age(at) for at in world.asides),
        age(world.disturbed), age(world.debt_until), max(world.debts, 0), age(world.quiet_since),
        age(world.paused, 99), round(world.slowest, 3))


def not_stuck(world: World) -> None:
    """With silence and time enough a question goes out, or the connection is made anew."""
    talk = world.conversation
    for _ in range(6):
        if world.conversation is not talk:
            return
        if not world.call:
            world.ask()
        if world.call == "query" or world.conversation is not talk:
            return
        world.time_out()
    raise Wrong("stuck")


def explore(config: Config, length: int) -> tuple[int, int, set[str]]:
    """Follow every sequence.

    Returns
    -------
    (int, int, set of str)
        How many there are, how many states they led to, and which wrong answers were seen.
    """
    start = World(config)
    level = {key_of(start): (start, 1, ())}
    sequences = states = 0
    for _ in range(length):
        following: dict[tuple, tuple[World, int, tuple[str, ...]]] = {}
        for world, count, path in level.values():
            for name, (possible, happen) in EVENTS.items():
                if not possible(world):
                    continue
                after = copy_of(world)
                try:
                    happen(after)
                    key = key_of(after)
                    if key in following:
                        known, times, by = following[key]
                        following[key] = known, times + count, by
                    else:
                        not_stuck(copy_of(after))
                        following[key] = after, count, (*path, name)
                except Exception as exc:
                    exc.add_note(f"{config}: {', '.join((*path, name))}")
                    raise
        level = following
        sequences = sum(count for _, count, _ in level.values())
        states += len(level)
    return sequences, states, start.kinds


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, default=5, help="events in a sequence")
    parser.add_argument("--config", type=int, help="only this one")
    options = parser.parse_args(args)
    total = 0
    for number, config in enumerate(CONFIGS):
        if options.config not in (None, number):
            continue
        began = time.process_time()
        sequences, states, kinds = explore(config, options.length)
        total += sequences
        print(f"{number:2} {config}: {sequences:,} sequences, {states:,} states, "
              f"{time.process_time() - began:.1f} s; wrong: {sorted(kinds)}", flush=True)
    print(f"{total:,} sequences of {options.length} events")


if __name__ == "__main__":
    main()
