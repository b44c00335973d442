"""Every failure has one name, and a message a person can act on."""

import ast
import copy
import errno
import os
import pickle
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import error as tx_error
from twisted.python.failure import Failure

import socs_tcp
from socs_tcp.core import errors
from socs_tcp.core.errors import (
    ConnectFailed,
    ConnectTimedOut,
    DeviceConnectionError,
    Disconnected,
    FramingError,
    ReplyTimedOut,
    SendTimedOut,
    WrongDevice,
    WrongReply,
    address_name,
    again,
    from_cause,
    reason_of,
    show,
)

KINDS = [DeviceConnectionError, ConnectFailed, ConnectTimedOut, Disconnected, SendTimedOut,
         ReplyTimedOut, FramingError, WrongDevice, WrongReply]
LATER_PHASES = ["send", "recv", "identify"]


def mapped(cause, phase="recv", **kwargs):
    return from_cause(cause, host="dev", port=7777, phase=phase, **kwargs)


# the tree

@pytest.mark.parametrize("kind", KINDS)
def test_all_are_connection_errors(kind):
    assert issubclass(kind, ConnectionError)
    assert issubclass(kind, DeviceConnectionError)


@pytest.mark.parametrize("kind", KINDS)
def test_timeouts_and_only_those_are_timeout_errors(kind):
    assert issubclass(kind, TimeoutError) == kind.__name__.endswith("TimedOut")


def test_a_connect_that_timed_out_is_a_connect_that_failed():
    assert issubclass(ConnectTimedOut, ConnectFailed)


@pytest.mark.parametrize("kind", KINDS)
def test_all_can_be_imported_from_the_package(kind):
    assert getattr(socs_tcp, kind.__name__) is kind


def test_the_tree_in_the_docstring_names_every_error():
    defined = {name for name, value in vars(errors).items()
               if isinstance(value, type) and issubclass(value, DeviceConnectionError)}
    assert defined == {kind.__name__ for kind in KINDS}
    assert all(name in errors.__doc__ for name in defined)


# one error

@pytest.mark.parametrize("kind", KINDS)
def test_it_says_which_device_what_was_done_and_whether_it_was_sent(kind):
    error = kind("dev:7777: no", host="dev", port=7777, phase="recv", sent="maybe")
    assert (error.host, error.port, error.phase, error.sent) == ("dev", 7777, "recv", "maybe")
    assert str(error) == "dev:7777: no"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("duplicate", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))],
                         ids=["copy", "pickle"])
def test_a_copy_loses_nothing(kind, duplicate):
    error = kind("dev:7777: no", host="dev", port=7777, phase="send", sent="yes")
    error.errno = errno.EPIPE
    twin = duplicate(error)
    assert type(twin) is kind
    assert str(twin) == str(error)
    assert (twin.host, twin.port, twin.phase, twin.sent) == ("dev", 7777, "send", "yes")
    assert twin.errno == errno.EPIPE


def test_it_can_be_made_without_arguments():
    error = DeviceConnectionError()
    assert (error.host, error.port, error.phase, error.sent) == ("", 0, "connect", "no")


# the mapping

@pytest.mark.parametrize("number", sorted(errno.errorcode))
@pytest.mark.parametrize("phase", ["connect", *LATER_PHASES])
def test_every_errno_is_an_error_of_ours(number, phase):
    cause = OSError(number, os.strerror(number))
    error = mapped(cause, phase, sent="maybe")
    if phase != "connect":
        assert type(error) is Disconnected
    elif number == errno.ETIMEDOUT:
        assert type(error) is ConnectTimedOut
    else:
        assert type(error) is ConnectFailed
        assert os.strerror(number) in str(error)
    assert error.errno == number
    assert error.__cause__ is cause
    assert (error.host, error.port, error.phase, error.sent) == ("dev", 7777, phase, "maybe")
    assert str(error).startswith("dev:7777: ")


@pytest.mark.parametrize("number", [socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL])
def test_a_name_that_does_not_resolve_is_a_failed_connect(number):
    cause = socket.gaierror(number, "Name or service not known")
    error = mapped(cause, "connect")
    assert type(error) is ConnectFailed
    assert "Name or service not known" in str(error)


@pytest.mark.parametrize("cause, phase, kind, text", [
    (TimeoutError("timed out"), "connect", ConnectTimedOut, "no connection within 2.5 s"),
    (TimeoutError("timed out"), "send", SendTimedOut,
     "the device did not take the command within 2.5 s"),
    (TimeoutError("timed out"), "recv", ReplyTimedOut, "no reply within 2.5 s"),
    (TimeoutError("timed out"), "identify", ReplyTimedOut, "no reply within 2.5 s"),
    (tx_error.TimeoutError(), "connect", ConnectTimedOut, "no connection within 2.5 s"),
    (tx_error.TCPTimedOutError(osError=errno.ETIMEDOUT), "connect", ConnectTimedOut,
     "no connection within 2.5 s"),
])
def test_a_timeout_says_how_long_it_was(cause, phase, kind, text):
    error = mapped(cause, phase, timeout=2.5)
    assert type(error) is kind
    assert str(error) == f"dev:7777: {text}"


def test_a_timeout_of_unknown_length():
    assert str(mapped(TimeoutError())) == "dev:7777: no reply in time"


@pytest.mark.parametrize("phase", LATER_PHASES)
def test_a_connection_that_the_system_gave_up_is_lost_and_not_late(phase):
    error = mapped(TimeoutError(errno.ETIMEDOUT, "Connection timed out"), phase)
    assert type(error) is Disconnected


TWISTED_CONNECT = [
    tx_error.ConnectionRefusedError(), tx_error.NoRouteError(), tx_error.ConnectError(),
    tx_error.ConnectBindError(), tx_error.UnknownHostError(), tx_error.DNSLookupError("dev"),
    tx_error.UserError(), tx_error.BindError(), tx_error.SSLError(),
]


@pytest.mark.parametrize("cause", TWISTED_CONNECT, ids=lambda c: type(c).__name__)
def test_what_twisted_says_of_a_failed_connect(cause):
    error = mapped(Failure(cause), "connect")
    assert type(error) is ConnectFailed
    assert error.__cause__ is cause


@pytest.mark.parametrize("cause, text", [
    (tx_error.ConnectionDone(), "the device closed the connection"),
    (tx_error.ConnectionAborted(), "the connection was given up"),
    (tx_error.ConnectionLost(), "the connection was reset or lost"),
    (ConnectionResetError(errno.ECONNRESET, "x"), os.strerror(errno.ECONNRESET)),
    (tx_error.ConnectionRefusedError(osError=errno.ECONNREFUSED),
     os.strerror(errno.ECONNREFUSED)),
    (ValueError("odd"), "odd"),
    (ConnectionError(), "ConnectionError"),
    (OSError(12345678, "a number nobody knows"), "[Errno 12345678] a number nobody knows"),
])
def test_the_reason_is_a_short_text(cause, text):
    assert reason_of(cause) == text


@pytest.mark.parametrize("cause", [tx_error.ConnectionDone(), tx_error.ConnectionAborted(),
                                   tx_error.ConnectionLost(), ConnectionResetError(),
                                   BrokenPipeError(), RuntimeError("odd")],
                         ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("phase", LATER_PHASES)
def test_what_ends_a_connection_is_a_disconnect(cause, phase):
    assert type(mapped(Failure(cause), phase)) is Disconnected


@pytest.mark.parametrize("kind", KINDS)
def test_one_of_ours_stays_what_it_is(kind):
    error = kind("x", host="dev", port=1, phase="recv", sent="yes")
    assert mapped(error, "send") is error
    assert str(error) == "x"
    assert error.phase == "recv"


def test_one_of_the_pure_core_learns_which_device_it_was():
    error = FramingError("too long", phase="recv", sent="yes")
    assert mapped(Failure(error)) is error
    assert str(error) == "dev:7777: too long"
    assert (error.host, error.port) == ("dev", 7777)


def test_for_another_caller_there_is_another_exception():
    cause = ConnectionResetError(errno.ECONNRESET, "reset")
    first = mapped(cause, sent="yes")
    second = again(first, "no")
    assert second is not first
    assert type(second) is type(first)
    assert str(second) == str(first)
    assert (second.sent, first.sent) == ("no", "yes")
    assert (second.host, second.port, second.phase) == ("dev", 7777, "recv")
    assert second.__cause__ is cause
    assert second.errno == errno.ECONNRESET


def test_where_there_is_no_cause_the_first_error_is_the_cause():
    first = Disconnected("x", host="dev")
    assert again(first, "no").__cause__ is first


# what is shown

@pytest.mark.parametrize("host, name", [("dev", "dev:7"), ("10.0.0.1", "10.0.0.1:7"),
                                        ("fe80::1%eth0", "[fe80::1%eth0]:7")])
def test_the_name_of_an_address(host, name):
    assert address_name(host, 7) == name


@given(st.binary(max_size=500))
def test_bytes_of_a_device_are_shown_short_and_without_control_characters(data):
    text = show(bytearray(data))
    assert text.isprintable()
    assert len(text) < 300
    assert not {"{", "}"} & set(text)       # it may come to be taken for a format
    if len(data) <= errors.SHOWN_BYTES:
        assert ast.literal_eval(text) == data
    else:
        assert f"({len(data)} bytes)" in text


HOSTILE = "{log_logger.emit}\x1b[2J\n\udcff" + "x" * 100_000


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.parametrize("cause", [ValueError(HOSTILE), ConnectionError(HOSTILE),
                                   OSError(12345678, HOSTILE), Disconnected(HOSTILE), Mute(),
                                   FramingError(HOSTILE), UnicodeDecodeError(
                                       "ascii", b"{0}" * 9, 0, 1, HOSTILE)],
                         ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("phase", ["connect", *LATER_PHASES])
def test_what_somebody_else_raised_is_fit_for_a_log(cause, phase):
    error = mapped(cause, phase)
    for text in (str(error), str(again(error, "no")), errors.told(cause), reason_of(cause),
                 str(pickle.loads(pickle.dumps(error)))):
        assert len(text) < 1100 and "{" not in text and "}" not in text
        assert text.replace("\n    ", "").isprintable()
