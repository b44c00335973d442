"""When to try again."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socs_tcp.core.errors import (
    ConnectFailed,
    Disconnected,
    FramingError,
    ReplyTimedOut,
    SendTimedOut,
    WrongDevice,
    WrongReply,
)
from socs_tcp.core.policy import (
    ASKED_LATELY,
    INITIAL_DELAY,
    LASTS,
    MAX_DELAY,
    earliest_attempt,
    retry_delay,
    spread_interval,
    until_lasting_proves,
)


@pytest.mark.parametrize("failures", [0, 1])
def test_the_first_retry_is_free(failures):
    assert earliest_attempt(failures, 1000.0, 5.0) == -math.inf


@given(st.integers(2, 10 ** 9))
def test_from_then_on_attempts_keep_their_distance(failures):
    assert earliest_attempt(failures, 1000.0, 5.0) == 1005.0


def test_the_delay_grows_from_quick_to_thirty_seconds():
    delays = [retry_delay(n, jitter=0) for n in range(1, 12)]
    assert delays[0] == INITIAL_DELAY
    assert all(later == min(2 * sooner, 30) for sooner, later in pairwise(delays))
    assert delays[-1] == MAX_DELAY == 30


DELAYS = st.fixed_dictionaries({"initial": st.floats(0.01, 10), "maximum": st.floats(0.01, 100),
                                "factor": st.floats(1, 10)})


@given(st.integers(0, 10 ** 9), DELAYS, st.floats(0, 5), st.floats(-1e9, 1e9))
def test_chance_never_makes_a_delay_negative_nor_too_long(failures, delays, jitter, chance):
    delay = retry_delay(failures, **delays, jitter=jitter,
                        gauss=lambda mean, deviation: mean + chance * deviation)
    mean = retry_delay(failures, **delays, jitter=0)
    assert 0 < mean / 2 <= delay <= min(1.5 * mean, delays["maximum"])


def test_the_delay_is_spread():
    assert retry_delay(3, gauss=lambda mean, deviation: mean + deviation) == \
        pytest.approx(0.8 * 1.12)


def test_the_interval_is_spread_from_one_to_two_times_itself_by_chance():
    assert spread_interval(3.0, lambda low, high: low) == 3.0
    assert spread_interval(3.0, lambda low, high: high) == 6.0
    assert len({spread_interval(3.0) for _ in range(10)}) > 1


@pytest.mark.parametrize("lasted, asked_ago, left", [
    (0, math.inf, LASTS), (2, math.inf, LASTS - 2), (LASTS, math.inf, 0), (9, math.inf, 0),
    (5, 100, ASKED_LATELY - 100), (5, ASKED_LATELY, 0), (1, ASKED_LATELY - 1, LASTS - 1),
])
def test_a_device_that_is_not_asked_is_proven_by_a_connection_that_lasts(lasted, asked_ago, left):
    for error in (None, Disconnected("gone"), ConnectFailed("refused"), SendTimedOut("stuck")):
        assert until_lasting_proves(lasted, asked_ago, error) == left


@pytest.mark.parametrize("kind", [ReplyTimedOut, WrongReply, WrongDevice, FramingError])
def test_a_device_that_answered_nothing_or_wrongly_is_not_proven_by_lasting(kind):
    assert until_lasting_proves(1e6, math.inf, kind("no")) == math.inf
