"""Parameters are what they have to be, or refused."""

import math
import socket
import threading
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from socs_tcp.core.checks import (
    check_flag,
    check_function,
    check_host,
    check_late_replies,
    check_pause,
    check_port,
    check_seconds,
    positive,
)


@pytest.mark.parametrize("value", [1, 0.001, 10 ** 6])
def test_seconds(value):
    assert check_seconds("timeout", value) == value


@pytest.mark.parametrize("value", [
    np.int64(2), np.float32(2), np.float64(2), np.array(2), np.array(2.0), Decimal(2), Fraction(2),
    Decimal("2.000")])
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
    if isinstance(value, Decimal) or value != 0:
        with pytest.raises(ValueError, match="settle must be more than 0 seconds and finite"):
            check_pause("settle", value)


class Hostile:
    def __repr__(self):
        return "\x1b[2J" * 1000


@pytest.mark.parametrize("value", [
    "10", True, b"1", [1], np.True_, np.array([1]), 1j, timedelta(seconds=1), np.str_("5"),
    np.timedelta64(5, "s"), np.timedelta64("NaT"), np.datetime64("2026-01-01"), np.complex64(1)])
@pytest.mark.parametrize("check", [check_seconds, check_pause])
def test_what_is_no_number_of_seconds_is_refused(check, value):
    with pytest.raises(TypeError, match="timeout must be a number of seconds"):
        check("timeout", value)


@pytest.mark.parametrize("value", [Hostile(), "\x1b" * 1000, pytest.param(10 ** 400, id="long"),
                                   pytest.param(-10 ** 9999, id="longer")])
@pytest.mark.parametrize("check", [partial(check_seconds, "timeout"), partial(check_pause, "gap"),
                                   check_port, partial(check_flag, "telnet"), check_late_replies,
                                   partial(check_function, "match")])
def test_what_is_wrong_is_shown_on_a_line(check, value):
    with pytest.raises((TypeError, ValueError)) as raised:
        check(value)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("value", ["h\x1b[2J", "a b", "a\nb", "a\u202eb", "\x00", "a\u200db"])
def test_a_host_that_a_terminal_would_obey_is_refused(value):
    with pytest.raises(ValueError, match="cannot be a host name: it has an invisible") as raised:
        check_host(value)
    assert str(raised.value).isprintable()


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


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "."])
def test_a_name_that_can_be_no_host_name_is_refused_at_once(host):
    with pytest.raises(ValueError, match="cannot be a host name"):
        check_host(host)


def test_names_and_addresses_that_may_be_hosts():
    for host in ("lakeshore", "10.0.0.1", "::1", "fe80::1%eth0", "müller.example", "a_b"):
        assert check_host(host) == host


@pytest.mark.parametrize("value", [2, np.int64(2), np.uint8(2)])
def test_any_kind_of_whole_number_is_a_count(value):
    assert type(positive("replies", value, "frames")) is int


@pytest.mark.parametrize("value, kind", [
    (True, TypeError), (2.0, TypeError), ("2", TypeError), (None, TypeError), (0, ValueError),
    (np.int64(-1), ValueError), (np.float64(2), TypeError),
    pytest.param(-10 ** 5000, ValueError, id="long")])
def test_what_is_no_count_is_refused(value, kind):
    with pytest.raises(kind, match=r"replies must be .* frame.*, not .{1,200}$"):
        positive("replies", value, "frames")
