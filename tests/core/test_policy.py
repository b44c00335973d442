"""When to try again."""

import math
import socket
import threading
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
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
    check_host,
    check_late_replies,
    check_port,
    check_seconds,
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


@pytest.mark.parametrize("value", [1, 0.001, 10 ** 6])
def test_seconds(value):
    assert check_seconds("timeout", value) == value


@pytest.mark.parametrize("value", [
    np.int64(2), np.float32(2), np.float64(2), Decimal(2), Fraction(2), Decimal("2.000")])
def test_any_kind_of_number_is_a_time(value):
    seconds = check_seconds("timeout", value)
    assert seconds == 2
    assert type(seconds) is float


@pytest.mark.parametrize("value", [1e10, 10**12, np.float64(1e300), Decimal("1e20")])
def test_a_time_is_never_longer_than_the_system_can_count(value):
    seconds = check_seconds("timeout", value)
    with socket.socket() as sock:
        sock.settimeout(seconds)
    assert threading.Lock().acquire(timeout=seconds)
    assert seconds > 20 * 365 * 24 * 3600


def test_seconds_may_be_left_out_where_that_means_something():
    assert check_seconds("timeout", None, optional=True) is None
    with pytest.raises(TypeError, match="timeout must be a number of seconds, not None"):
        check_seconds("timeout", None)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, -math.inf, Decimal("NaN"),
                                   Decimal("sNaN"), np.float32("inf"), 10 ** 400])
def test_a_time_that_nobody_can_wait_is_refused(value):
    with pytest.raises(ValueError, match="timeout must be more than 0 seconds and finite"):
        check_seconds("timeout", value)


@pytest.mark.parametrize("value", ["10", True, b"1", [1], np.True_, np.array([1]), 1j])
def test_what_is_no_number_of_seconds_is_refused(value):
    with pytest.raises(TypeError, match="timeout must be a number of seconds"):
        check_seconds("timeout", value)


@pytest.mark.parametrize("value, port", [(1, 1), (65535, 65535), ("7777", 7777)])
def test_a_port(value, port):
    assert check_port(value) == port
    assert type(check_port(value)) is int


@pytest.mark.parametrize("value", [0, -1, 65536, "http", None, "", math.inf, math.nan, 80.5])
def test_what_is_no_port_is_refused(value):
    with pytest.raises(ValueError, match="port must be a number from 1 to 65535"):
        check_port(value)


@pytest.mark.parametrize("value", ["drop", "drain", lambda command, reply: True])
def test_late_replies(value):
    assert check_late_replies(value) is value


@pytest.mark.parametrize("value", ["match", None, "", True, 1])
def test_another_way_to_treat_late_replies_is_refused(value):
    with pytest.raises(ValueError, match="late_replies must be 'drop', 'drain', or a function"):
        check_late_replies(value)


def test_the_interval_is_spread_from_one_to_two_times_itself_by_chance():
    assert spread_interval(3.0, lambda low, high: low) == 3.0
    assert spread_interval(3.0, lambda low, high: high) == 6.0
    assert len({spread_interval(3.0) for _ in range(10)}) > 1


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "."])
def test_a_name_that_can_be_no_host_name_is_refused_at_once(host):
    with pytest.raises(ValueError, match="can be no host name"):
        check_host(host)


def test_names_and_addresses_that_may_be_hosts():
    for host in ("lakeshore", "10.0.0.1", "::1", "fe80::1%eth0", "müller.example", "a_b"):
        assert check_host(host) == host


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
