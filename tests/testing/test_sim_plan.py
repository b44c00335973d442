"""What faults make of a reply: no device, no time."""

import random

import pytest

from socs_tcp.testing import Fault
from socs_tcp.testing.faults.plan import Act, pieces_of, plan_reply


def plan(*faults, data=b"abcdef"):
    return plan_reply(data, list(faults), random.Random(0))


def test_nothing_strikes():
    assert plan() == [(0.0, b"abcdef")]


@pytest.mark.parametrize("fraction, pieces", [
    (0.0, [b"a", b"bcdef"]), (0.5, [b"abc", b"def"]), (0.99, [b"abcde", b"f"])])
def test_a_split_by_chance_leaves_no_piece_empty(fraction, pieces):
    split = Fault("split", seconds=0.5, fraction=fraction)
    assert plan(split) == [(0.0, pieces[0]), (0.5, pieces[1])]


def test_one_byte_cannot_be_split():
    assert plan(Fault("split", seconds=1, fraction=0.5), data=b"a") == [(0.0, b"a")]


@pytest.mark.parametrize("fault, said", [
    (Fault("hang_up_mid_reply"), b"abc"), (Fault("hang_up_mid_reply", at=(1,)), b"a"),
    (Fault("hang_up_mid_reply", at=(0,)), b""), (Fault("hang_up_mid_reply", at=(9,)), b"abcdef"),
    (Fault("hang_up_mid_reply", fraction=0.99), b"abcde")])
def test_hung_up_in_the_middle(fault, said):
    assert plan(fault) == [(0.0, said), (0.0, Act.CLOSE)]


def test_all_at_once():
    assert plan(Fault("late", seconds=2), Fault("garbage", before=b"<", after=b">"),
                Fault("split", at=(2,), seconds=1), Fault("hang_up_mid_reply", at=(4,))) == [
        (2, b"<a"), (1, b"bc"), (0.0, Act.CLOSE)]
    assert plan(Fault("late", seconds=2), Fault("endless_line")) == [(2, Act.ENDLESS)]
    assert plan(Fault("silence"), Fault("endless_line")) == []


def test_places_outside_and_twice_are_no_places():
    assert pieces_of(b"abcd", (3, 1, 1, 4, 9)) == [b"a", b"bc", b"d"]
