"""Each row of the table of faults in the design, on both faces."""

import socket
import time

import pytest
from contract_faces import NEVER, PATIENCE, wait_for

from socs_tcp import (
    ConnectFailed,
    Disconnected,
    FramingError,
    LineFramer,
    ReplyTimedOut,
    WrongDevice,
)
from socs_tcp.core.link import LinkState
from socs_tcp.testing.router.config import free_port

LATE = ["drop", "drain", lambda command, reply: reply == {b"A\r\n": b"alpha",
                                                          b"B\r\n": b"beta"}.get(command)]
LATE_IDS = ["drop", "drain", "match"]


def test_a_good_exchange(device, server):
    assert device.query(b"A") == b"alpha"
    assert device.query("B") == b"beta"
    assert device.link.state is LinkState.UP
    assert server.received == [b"A", b"B"]
    assert server.connections == 1


# is absent at construction

def test_a_device_that_is_absent_raises_nothing_at_construction(make, server, lines):
    server.unplug()
    device = make(server, connected=False)
    wait_for(lambda: device.link.down)
    assert device.comm is None
    wait_for(lambda: len([t for t in lines if t.startswith(device.link.name)]) == 1)


def test_a_device_that_is_absent_fails_the_query_and_is_found_when_it_is_there(make, server):
    server.unplug()
    device = make(server, connected=False)
    error = device.error(b"A")
    assert isinstance(error, ConnectFailed)
    assert (error.host, error.port, error.sent) == (*server.address, "no")
    assert "refused" in str(error)
    assert device.link.down
    server.plug_in()
    device.good(b"B", b"beta")
    assert device.link.up
    assert server.received == [b"B"]


def test_one_line_for_an_outage_however_often_it_is_polled(make, server, lines):
    device = make(server, min_interval=0.001)
    device.query(b"A")
    server.unplug()
    for _ in range(15):
        device.error(b"A")
    server.plug_in()
    device.good(b"A", b"alpha")
    told = [t.removeprefix(f"{device.link.name}: ") for t in lines
            if t.startswith(device.link.name)]
    kinds = [t.split(":")[0].split(" after ")[0] for t in told]
    assert kinds.count("link up") == 1
    # the hang-up, and then the first refusal: two kinds of failure
    assert kinds.count("link down") == 1
    assert kinds.count("link still down") <= 1


def test_a_name_that_does_not_resolve_is_a_failed_connect(make):
    device = make(("no-such-host.invalid", 4001), connected=False)
    error = device.error(b"A")
    assert isinstance(error, ConnectFailed)
    assert error.host == "no-such-host.invalid"
    assert "no-such-host.invalid:4001: " in str(error)
    assert device.link.down


# closes cleanly between two queries

def test_nothing_is_lost_when_the_device_hangs_up_between_two_queries(device, server):
    assert device.query(b"A") == b"alpha"
    server.faults.hang_up()
    assert device.query(b"B") == b"beta"
    assert server.received == [b"A", b"B"]
    assert server.connections == 2
    assert device.link.losses == 1


def test_nothing_is_lost_when_it_hangs_up_again_and_again(device, server):
    for _ in range(10):
        server.faults.hang_up()
        assert device.query(b"A") == b"alpha"
    assert server.received == [b"A"] * 10


def test_a_hang_up_and_no_way_back_is_an_error_and_not_an_empty_reply(device, server):
    device.query(b"A")
    server.unplug()
    error = device.error(b"B")
    assert isinstance(error, (ConnectFailed, Disconnected))
    assert error.sent == "no"
    assert device.link.down
    assert server.received == [b"A"]


# closes in mid-reply

def test_a_fragment_is_no_reply(device, server):
    server.faults.hang_up_mid_reply(3)
    error = device.error(b"A")
    assert isinstance(error, Disconnected)
    assert (error.host, error.port, error.phase, error.sent) == (*server.address, "recv", "yes")
    assert "in the middle of a reply" in str(error)
    assert "b'alp'" in str(error)
    assert device.link.down
    assert device.query(b"B") == b"beta"
    assert device.link.up
    assert server.received == [b"A", b"B"]


def test_a_fragment_is_no_frame_either(device, server):
    server.faults.hang_up_mid_reply(3)
    device.send(b"A")
    error = device.recv(0.3).exception(PATIENCE)
    # whether it is seen before or after the hang-up is up to chance
    assert isinstance(error, (Disconnected, ReplyTimedOut))


def test_a_hang_up_in_place_of_a_reply_is_an_error(device, server):
    server.faults.hang_up_mid_reply(0)
    error = device.error(b"A")
    assert isinstance(error, Disconnected)
    assert error.sent == "yes"


def test_what_is_safe_to_repeat_is_sent_once_more(device, server):
    server.faults.hang_up_mid_reply(2)
    assert device.query(b"A", safe_to_repeat=True) == b"alpha"
    assert server.received == [b"A", b"A"]


def test_it_is_sent_once_more_and_not_for_ever(device, server):
    server.faults.hang_up_mid_reply(2, times=None)
    error = device.error(b"A", safe_to_repeat=True)
    assert isinstance(error, Disconnected)
    assert server.received == [b"A", b"A"]


def test_what_could_not_be_repeated_may_have_reached_the_device(make):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        device = make(listener.getsockname(), connected=False)
        client, _address = listener.accept()
    # nobody listens any more
    with client:
        device.connected()
        answer = device.start("query", b"A", safe_to_repeat=True)
        assert client.recv(99) == b"A\r\n"
    error = answer.exception(PATIENCE)
    assert isinstance(error, ConnectFailed)
    assert error.sent in ("maybe", "yes")


# resets

def test_a_reset_while_waiting_is_a_disconnect_with_its_cause(device, server):
    server.faults.silence()
    answer = device.start("query", b"A")
    server.wait_for_commands(1)
    server.faults.reset()
    error = answer.exception(PATIENCE)
    assert type(error) is Disconnected
    assert error.__cause__ is not None
    assert "reset" in str(error)
    assert (error.host, error.port, error.sent) == (*server.address, "yes")
    assert device.link.down
    assert device.query(b"B") == b"beta"


def test_nothing_is_lost_when_the_device_resets_between_two_queries(device, server):
    assert device.query(b"A") == b"alpha"
    server.faults.reset()
    assert device.query(b"B") == b"beta"
    assert server.received == [b"A", b"B"]


# answers later than the timeout

@pytest.mark.parametrize("late_replies", LATE, ids=LATE_IDS)
def test_a_late_reply_never_answers_a_later_query(make, server, late_replies):
    device = make(server, late_replies=late_replies)
    server.faults.late(0.3)
    error = device.error(b"A", 0.1)
    assert type(error) is ReplyTimedOut
    assert isinstance(error, TimeoutError)
    assert "no reply within 0.1 s" in str(error)
    assert (error.phase, error.sent) == ("recv", "yes")
    assert device.link.down
    assert device.query(b"B") == b"beta"        # the late one comes while this one waits
    assert device.query(b"C") == b"gamma" if late_replies in ("drop", "drain") else True
    assert device.link.up
    assert server.connections == (2 if late_replies == "drop" else 1)
    assert server.received[:2] == [b"A", b"B"]
    assert device.link.timeouts == 1


@pytest.mark.parametrize("late_replies", LATE, ids=LATE_IDS)
def test_a_late_reply_that_is_already_there_never_answers_a_later_query(make, server,
                                                                       late_replies):
    device = make(server, late_replies=late_replies)
    server.faults.silence()
    device.error(b"A", 0.1)
    if late_replies != "drop":
        server.say("alpha")
        device.wait_unread(7)
    assert device.query(b"B") == b"beta"
    assert server.connections == (2 if late_replies == "drop" else 1)
    # with its terminator where it is discarded before the query, without where a frame is read
    assert device.link.bytes_discarded in ((0,) if late_replies == "drop" else (5, 7))


@pytest.mark.parametrize("late_replies", LATE, ids=LATE_IDS)
def test_the_rest_of_a_reply_never_answers_a_later_query(make, server, late_replies):
    device = make(server, late_replies=late_replies)
    assert device.query(b"B") == b"beta"        # (the next one waits for no silence)
    server.faults.split(2, pause=0.5)
    error = device.error(b"A", 0.2)
    assert type(error) is ReplyTimedOut
    assert "an unfinished reply, b'al', within 0.2 s" in str(error)
    assert device.query(b"B") == b"beta"


@pytest.mark.parametrize("late_replies", LATE, ids=LATE_IDS)
def test_a_reply_that_never_comes_does_not_stop_the_device_for_ever(make, server, late_replies):
    device = make(server, late_replies=late_replies, timeout=0.2)
    server.faults.silence()
    device.error(b"A")
    answers = [device.start("query", b"B") for _ in range(1)]
    assert all(a.exception(PATIENCE) is not None or a.result() == b"beta" for a in answers)
    device.good(b"B", b"beta")
    assert device.link.up


# answers in two pieces, or two replies glued

@pytest.mark.parametrize("places", [1, 3, 5, 6, range(1, 7)], ids=str)
def test_a_reply_in_pieces_is_one_reply(device, server, places):
    server.faults.split(places, pause=0.02)
    assert device.query(b"A") == b"alpha"
    assert device.query(b"B") == b"beta"


def test_two_replies_glued_are_two_replies(device, server):
    server.say(("one", "two"))
    assert device.recv().result(PATIENCE) == b"one"
    assert device.recv().result(PATIENCE) == b"two"


def test_what_is_glued_behind_a_reply_does_not_answer_the_next_query(device, server):
    server.faults.garbage(after="late\r\n")
    assert device.query(b"A") == b"alpha"
    assert device.query(b"B") == b"beta"
    assert device.link.bytes_discarded == 6


# accepts and hangs up, again and again

def test_a_device_that_accepts_and_hangs_up_is_not_hammered(make, server):
    server.faults.accept_and_hang_up()
    began = time.monotonic()
    device = make(server, min_interval=0.2, connected=False)
    while server.connections < 5:
        assert isinstance(device.error(b"A"), (Disconnected, ConnectFailed))
        assert device.link.down
    # the first, a free retry, and then one each 0.2 s
    assert server.connections <= 2 + (time.monotonic() - began) / 0.2
    server.faults.heal()
    device.good(b"A", b"alpha")
    assert device.link.up
    assert server.received == [b"A"]


def test_a_connection_alone_does_not_bring_the_link_up(make, server):
    device = make(server)
    device.query(b"A")
    server.faults.hang_up_mid_reply(0)
    device.error(b"A")
    states = []
    device.link.observe(lambda _link, change: states.append(change.new))
    server.faults.silence()
    device.error(b"A", 0.2)
    assert LinkState.UP not in states
    assert device.link.down
    device.good(b"A", b"alpha")
    assert states[-1] is LinkState.UP


# vanishes

def test_a_device_that_vanishes_is_noticed_within_the_timeout(make, server, lasting):
    device = make(server, timeout=NEVER)
    device.query(b"A")
    server.faults.black_hole()
    with lasting(0.25):
        error = device.error(b"A", 0.3)
    assert type(error) is ReplyTimedOut
    assert device.link.down
    with lasting(0.25):
        device.error(b"A", 0.3)
    server.faults.heal()
    wait_for(lambda: device.start("query", b"B", 0.3).exception(PATIENCE) is None)
    assert device.link.up
    assert server.received[-1] == b"B"      # (it may hear the last A as it is healed)


def test_an_idle_connection_is_watched_by_the_system(make, server):
    sock = make(server, keepalive=7).socket()
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    idle, interval, count = (sock.getsockopt(socket.IPPROTO_TCP, option) for option in (
        socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT))
    assert 0 < idle + interval * count <= 7
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_without_keepalive_the_system_keeps_its_ways(make, server):
    sock = make(server, keepalive=None).socket()
    assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# sends an endless line

def test_an_endless_line_is_an_error_at_the_limit(make, server):
    device = make(server, framer=LineFramer(max_length=1000))
    server.faults.endless_line()
    error = device.error(b"A")
    assert type(error) is FramingError
    assert "no end of the reply within 1000 bytes" in str(error)
    assert (error.host, error.port) == server.address
    assert device.link.down
    server.wait_for_clients(0)              # the connection is dropped
    assert device.link.bytes_received < 300_000
    device.good(b"B", b"beta")


def test_memory_stays_bounded_while_nobody_asks(device, server):
    size = 8 << 20
    server.say(b"x" * size)
    sock = device.socket()
    wait_for(lambda: device.link.bytes_received > 65536 or device.name == "blocking")
    answers = [device.start("query", b"A", 0.3).exception(PATIENCE) for _ in range(3)]
    assert all(a is None or isinstance(a, ConnectionError) for a in answers)
    # It was not all read; or it was, by a device that asks slower than it comes, and thrown away.
    assert device.link.bytes_received < size or device.link.bytes_discarded >= size
    assert sock.fileno() < 0 or device.link.bytes_discarded > 0
    device.good(b"B", b"beta")


# sends unasked-for data

def test_unasked_data_is_discarded_before_the_next_query_and_counted(device, server):
    server.say("HELLO")
    device.wait_unread(7)
    assert device.query(b"A") == b"alpha"
    assert device.link.bytes_discarded == 7
    assert server.connections == 1


def test_a_banner_does_not_answer_the_first_query(make):
    from socs_tcp.testing import DeviceServer, ScriptedDevice
    with DeviceServer(ScriptedDevice({"A": "alpha"}, banner="Welcome\r\n")) as server:
        device = make(server)
        device.wait_unread(9)
        assert device.query(b"A") == b"alpha"
        assert device.link.bytes_discarded == 9


# is used by two at once

def test_each_of_several_users_gets_his_own_answer(make):
    from socs_tcp.testing import DeviceServer
    with DeviceServer(lambda command: b"re " + command) as server:
        device = make(server)
        asked = [f"{user}.{i}".encode() for i in range(60) for user in range(4)]
        answers = [device.start("query", msg) for msg in asked]
        assert [a.result(PATIENCE) for a in answers] == [b"re " + msg for msg in asked]
        assert device.link.exchanges == 240
        assert server.connections == 1


def test_users_do_not_share_the_failure_of_one(make, server):
    device = make(server)
    server.faults.late(0.2)
    first = device.start("query", b"A", 0.1)
    server.wait_for_commands(1)
    second = device.start("query", b"B")
    assert isinstance(first.exception(PATIENCE), ReplyTimedOut)
    assert second.result(PATIENCE) == b"beta"


# is another device after the reconnect

def test_another_device_after_the_reconnect_is_not_used(make, server):
    device = make(server, identify="*IDN?", min_interval=0.02)
    assert device.query(b"A") == b"alpha"
    server.faults.reboot(identity="TWO")
    error = device.error(b"A")
    assert type(error) is WrongDevice
    assert (error.host, error.port, error.phase, error.sent) == (
        *server.address, "identify", "no")
    assert "b'TWO', expected b'ONE'" in str(error)
    assert device.link.down
    assert isinstance(device.error(b"A"), WrongDevice)
    assert server.received.count(b"A") == 1
    server.faults.reboot(identity="ONE")
    device.good(b"B", b"beta")
    assert device.link.up


def test_the_wrong_device_from_the_start(make, server):
    device = make(server, identify=("*IDN?", "OTHER"), connected=False)
    assert isinstance(device.error(b"A"), WrongDevice)
    assert device.comm is None
    assert device.link.down
    assert b"A" not in server.received


def test_the_right_device_from_the_start(make, server):
    device = make(server, identify=("*IDN?", "ONE"))
    assert device.link.state is LinkState.UP
    assert device.query(b"A") == b"alpha"
    assert server.received == [b"*IDN?", b"A"]


def test_a_device_that_does_not_identify_itself_is_not_used(make, server):
    server.faults.silence(None)
    device = make(server, identify="*IDN?", timeout=0.2, connected=False)
    error = device.error(b"A")
    assert isinstance(error, ReplyTimedOut)
    assert error.sent == "no"
    assert device.link.down
    server.faults.heal()
    device.good(b"A", b"alpha")


def test_nobody_listens(make):
    device = make(("127.0.0.1", free_port()), connected=False)
    assert isinstance(device.error(b"A"), ConnectFailed)
