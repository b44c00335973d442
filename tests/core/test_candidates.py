"""Which address of a host is tried next, and when."""

import math
import socket

import pytest

from socs_tcp.core.candidates import HEAD_START, STAGGER, Candidates

NOW = 1000.0


def address(number, port=7):
    return socket.AF_INET, (f"192.0.2.{number}", port)


def found(*numbers):
    """What a look-up gives: it knows no port."""
    return [address(number, 0) for number in numbers]


def candidates(remembered=None, seconds=10.0):
    return Candidates(7, None if remembered is None else address(remembered), NOW, NOW + seconds)


def tried(candidates, now):
    """The numbers of those whose time has come."""
    numbers = []
    while (one := candidates.next(now)) is not None:
        assert one[1][1] == 7
        numbers.append(int(one[1][0].rpartition(".")[2]))
    return numbers


def test_before_the_look_up_is_over_nothing_is_tried():
    c = candidates()
    assert tried(c, NOW + 9) == []
    assert c.next_at() == math.inf
    assert not c.over()


def test_one_after_the_other_each_with_its_time():
    c = candidates()
    assert c.resolved(found(1, 2, 3)) == set()
    assert tried(c, NOW) == [1]
    assert c.next_at() == NOW + STAGGER
    assert tried(c, NOW + STAGGER / 2) == []
    assert tried(c, NOW + STAGGER) == [2]
    assert tried(c, NOW + 2 * STAGGER) == [3]
    assert c.next_at() == math.inf
    assert c.running == (address(1), address(2), address(3))


def test_where_the_time_is_short_it_is_shared():
    c = candidates(seconds=0.3)
    c.resolved(found(1, 2, 3))
    assert tried(c, NOW) == [1]
    assert c.next_at() == pytest.approx(NOW + 0.1)
    assert tried(c, NOW + 0.1) == [2]
    assert tried(c, NOW + 0.2) == [3]


def test_without_a_deadline_each_has_its_time():
    c = candidates(seconds=math.inf)
    c.resolved(found(1, 2))
    assert tried(c, NOW) == [1]
    assert c.next_at() == NOW + STAGGER


def test_where_one_fails_the_next_is_tried_at_once():
    c = candidates()
    c.resolved(found(1, 2))
    assert tried(c, NOW) == [1]
    error = ConnectionRefusedError(111, "Connection refused")
    c.failed(address(1), error)
    assert not c.over()
    assert tried(c, NOW) == [2]
    assert c.reason() is error
    last = ConnectionResetError(104, "Connection reset by peer")
    c.failed(address(2), last)
    assert c.over()
    assert c.reason() is last


def test_the_one_that_worked_last_is_the_first():
    c = candidates(remembered=3)
    assert tried(c, NOW) == []
    c.resolved(found(1, 2, 3))
    assert tried(c, NOW) == [3]
    assert tried(c, NOW + STAGGER) == [1]


def test_it_is_tried_while_the_look_up_lasts_and_once_only():
    c = candidates(remembered=3)
    assert c.next_at() == NOW + HEAD_START
    assert tried(c, NOW + HEAD_START) == [3]
    assert c.resolved(found(1, 3)) == set()
    assert tried(c, NOW + HEAD_START) == []
    assert tried(c, NOW + HEAD_START + STAGGER) == [1]


def test_in_a_short_time_the_look_up_has_a_part_of_it():
    assert candidates(remembered=3, seconds=0.4).next_at() == pytest.approx(NOW + 0.1)


def test_where_the_name_means_others_by_now_it_is_given_up():
    c = candidates(remembered=3)
    assert tried(c, NOW + 1) == [3]
    assert c.resolved(found(1)) == {address(3)}
    assert tried(c, NOW + 1) == [1]
    assert c.running == (address(1),)


def test_where_it_failed_while_the_look_up_lasted_the_others_are_tried():
    c = candidates(remembered=3)
    assert tried(c, NOW + 1) == [3]
    c.failed(address(3), ConnectionRefusedError())
    assert not c.over()
    c.resolved(found(3, 1))
    assert tried(c, NOW + 2) == [1]


UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
NO_ANSWER = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@pytest.mark.parametrize("answer", [UNKNOWN, NO_ANSWER])
def test_without_an_address_it_is_over(answer):
    c = candidates()
    c.resolved(answer)
    assert c.over()
    assert c.reason() is answer


@pytest.mark.parametrize("begun", [False, True])
def test_where_no_name_server_answers_the_one_that_worked_last_is_tried(begun):
    c = candidates(remembered=3)
    assert tried(c, NOW + begun) == [3] * begun
    assert c.resolved(NO_ANSWER) == set()
    assert tried(c, NOW + 1) == [3] * (not begun)
    assert not c.over()
    c.failed(address(3), ConnectionRefusedError())
    assert c.over()
    assert c.reason() is NO_ANSWER


@pytest.mark.parametrize("begun", [False, True])
def test_where_the_name_is_gone_it_is_not_tried(begun):
    c = candidates(remembered=3)
    assert tried(c, NOW + begun) == [3] * begun
    assert c.resolved(UNKNOWN) == ({address(3)} if begun else set())
    assert tried(c, NOW + 1) == []
    assert c.over()
    assert c.reason() is UNKNOWN


def test_zones_are_kept():
    c = candidates()
    c.resolved([(socket.AF_INET6, ("fe80::1", 0, 0, 3))])
    assert c.next(NOW) == (socket.AF_INET6, ("fe80::1", 7, 0, 3))


def test_that_which_worked_last_is_tried_first_and_once_only():
    c, numbers = candidates(remembered=2), []
    c.resolved(found(1, 2, 3))
    for step in range(9):
        numbers += tried(c, NOW + step * STAGGER)
    assert numbers == [2, 1, 3]
