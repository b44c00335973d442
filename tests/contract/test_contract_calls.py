"""What calls promise, on both faces: time, order, places, counters."""

import threading

import pytest
from contract_faces import NEVER, PATIENCE, wait_for

from socs_tcp import (
    DeviceConnectionError,
    Disconnected,
    LengthFramer,
    PromptFramer,
    ReplyTimedOut,
)
from socs_tcp.testing import DeviceServer, ScriptedDevice

# send and recv apart

def test_send_and_recv_apart(device, server):
    device.send(b"A")
    assert device.recv().result(PATIENCE) == b"alpha"
    assert server.received == [b"A"]


def test_a_frame_that_comes_unasked(device, server):
    frame = device.recv()
    server.say("HELLO")
    assert frame.result(PATIENCE) == b"HELLO"


def test_a_frame_that_does_not_come_is_a_timeout(make, server, lasting):
    device = make(server, timeout=NEVER)
    with lasting(0.15):
        error = device.recv(0.2).exception(PATIENCE)
    assert type(error) is ReplyTimedOut
    assert server.clients == 1


@pytest.mark.parametrize("fault", ["black_hole", "hang_up_mid_reply"])
def test_a_command_whose_answer_does_not_come_was_sent(device, server, fault):
    """Who sends and receives in two steps must not take it for safe to repeat."""
    getattr(server.faults, fault)()
    device.send(b"A")
    error = device.recv(0.2).exception(PATIENCE)
    assert (error.phase, error.sent) == ("recv", "yes")


def test_a_reply_that_recv_gave_up_on_does_not_answer_a_later_query(device, server):
    server.faults.late(0.3)
    device.send(b"A")
    assert isinstance(device.recv(0.1).exception(PATIENCE), ReplyTimedOut)
    assert device.query(b"B") == b"beta"


# time

def test_all_of_a_call_is_done_within_its_timeout(make, server, lasting):
    device = make(server, timeout=NEVER)
    server.faults.split(range(1, 12), pause=0.1)
    with lasting(0.25):
        error = device.error(b"LONG", 0.3)
    assert type(error) is ReplyTimedOut


def test_waiting_for_ones_turn_counts(make, server, lasting):
    device = make(server, timeout=NEVER)
    server.faults.late(1.5)
    first = device.start("query", b"A")
    server.wait_for_commands(1)
    with lasting(0.15):
        error = device.error(b"B", 0.2)
    assert type(error) is ReplyTimedOut
    assert error.sent == "no"
    assert first.result(PATIENCE) == b"alpha"
    assert device.query(b"C") == b"gamma"
    assert server.received == [b"A", b"C"]


def test_the_message_names_the_time_of_this_call_and_not_of_another(make, server):
    device = make(server, timeout=3.0)
    server.faults.hang_up()
    server.faults.silence()
    assert "within 0.2 s" in str(device.error(b"A", 0.2))


def test_the_message_does_not_name_the_time_of_the_preparation(make, server):
    device = make(server, on_connect=lambda dev: dev.query(b"C", 0.25))
    server.faults.hang_up()
    server.faults.at_exchange(2).silence()
    assert "within 0.3 s" in str(device.error(b"A", 0.3))


def test_preparing_the_connection_counts(make, server, lasting):
    device = make(server, identify="*IDN?", timeout=NEVER)
    server.faults.hang_up()
    server.faults.silence(None)
    with lasting(0.15):
        error = device.error(b"A", 0.2)
    assert error.sent == "no"
    assert b"A" not in server.received


def test_requests_that_expired_do_not_burst_out_when_the_device_is_back(make, server):
    device = make(server, min_interval=0.5)
    server.unplug()
    expired = [device.start("query", msg, 0.1) for msg in (b"A", b"B", b"C") for _ in range(3)]
    errors = [answer.exception(PATIENCE) for answer in expired]
    assert all(isinstance(e, DeviceConnectionError) and e.sent == "no" for e in errors)
    server.plug_in()
    device.good(b"LONG", b"0123456789")
    assert set(server.received) == {b"LONG"}


def test_a_request_that_can_wait_finds_the_device_back(make, server):
    device = make(server, min_interval=0.3)
    server.unplug()
    for _ in range(3):
        device.error(b"B")
    server.plug_in()
    assert device.query(b"A") == b"alpha"
    assert server.received == [b"A"]


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_time_that_makes_no_sense_is_refused(device, timeout):
    with pytest.raises(ValueError, match="timeout must be more than 0"):
        device.query(b"A", timeout)


@pytest.mark.parametrize("host, kwargs, kind", [
    ("", {}, ValueError), (None, {}, TypeError), ("dev", {"framer": b"\n"}, TypeError),
    ("dev", {"on_connect": "INIT"}, TypeError), ("dev", {"late_replies": "match"}, ValueError),
    ("dev", {"timeout": 0}, ValueError), ("dev", {"identify": 5}, TypeError)])
def test_a_parameter_that_makes_no_sense_is_refused(make, host, kwargs, kind):
    with pytest.raises(kind):
        make((host, 4001), connected=False, **kwargs)


@pytest.mark.parametrize("msg", [None, 5, ["A"]])
def test_a_message_that_is_none_is_refused(device, msg):
    with pytest.raises(TypeError, match="must be bytes or str"):
        device.query(msg)


# preparing a connection

def test_on_connect_prepares_each_connection_before_anybody_else_uses_it(make, server):
    device = make(server, on_connect=lambda dev: dev.query(b"C"))
    assert device.link.up
    device.query(b"A")
    server.faults.hang_up()
    device.query(b"B")
    assert server.received == [b"C", b"A", b"C", b"B"]


def test_on_connect_comes_after_identify(make, server):
    device = make(server, identify="*IDN?", on_connect=lambda dev: dev.query(b"C"))
    device.query(b"A")
    assert server.received == [b"*IDN?", b"C", b"A"]


def test_where_on_connect_fails_the_device_is_not_used(make, server):
    server.faults.silence(None)
    device = make(server, on_connect=lambda dev: dev.query(b"C", 0.1), connected=False,
                  timeout=1.0)
    error = device.error(b"A")
    assert isinstance(error, ReplyTimedOut)
    assert (error.phase, error.sent) == ("identify", "no")
    assert device.link.down
    assert b"A" not in server.received
    server.faults.heal()
    device.good(b"A", b"alpha")


def test_where_on_connect_refuses_the_device_the_link_is_down(make, server):
    def refuse(_device):
        raise ConnectionError("not this one")
    device = make(server, on_connect=refuse, connected=False)
    error = device.error(b"A")
    assert isinstance(error, DeviceConnectionError)
    assert "not this one" in str(error)
    assert device.link.down
    assert server.received == []


# what is counted

def test_the_link_counts(device, server):
    device.query(b"A")
    device.query(b"B")
    server.faults.silence()
    device.error(b"C", 0.1)
    device.good(b"A", b"alpha")
    link = device.link
    assert (link.connects, link.exchanges, link.timeouts) == (2, 3, 1)
    assert link.bytes_sent == 4 * 3
    assert link.bytes_received == 7 + 6 + 7
    assert link.bytes_discarded == 0
    assert 0 < link.last_rtt <= link.worst_rtt < 5
    assert link.failures == 0
    assert link.error is None


def test_the_link_counts_losses(device, server):
    device.query(b"A")
    server.faults.hang_up()
    device.query(b"A")
    server.faults.hang_up_mid_reply()
    device.error(b"A")
    assert device.link.losses == 2


def test_changes_are_told_in_order_with_their_reasons(device, server):
    seen = []
    device.link.observe(lambda _link, change: seen.append(change))
    device.query(b"A")
    server.faults.hang_up_mid_reply()
    device.error(b"A")
    device.good(b"A", b"alpha")
    wait_for(lambda: len(seen) == 4)
    assert [change.new.value for change in seen] == ["up", "down", "proving", "up"]
    assert "in the middle of a reply" in seen[1].reason
    assert isinstance(seen[1].error, Disconnected)
    assert seen[3].reason.startswith("a good reply after ")


def test_an_observer_may_wait_for_another_thread_that_asks_the_link(device, server):
    """It would hang if a lock were held while it is called."""
    done = []

    def observer(link, change):
        thread = threading.Thread(target=lambda: done.append((link.down, change.down)))
        thread.start()
        thread.join(PATIENCE)
    device.query(b"A")
    device.link.observe(observer)
    server.faults.hang_up_mid_reply()
    device.error(b"A")
    wait_for(lambda: done)
    assert done[0] == (True, True)


# other ways to end a reply



def test_a_device_that_prompts(make):
    framer = PromptFramer(rb"\r\n> ")
    script = ScriptedDevice({"A": "one\r\ntwo"}, framer=framer, prompt="\r\n> ")
    with DeviceServer(script) as server:
        device = make(server, framer=framer)
        device.wait_unread(4)
        server.faults.split(range(1, 12), pause=0.005)
        assert device.query(b"A") == b"one\r\ntwo"
        assert device.query(b"A") == b"one\r\ntwo"


def test_a_device_that_speaks_modbus(make):
    framer = LengthFramer(6, lambda header: int.from_bytes(header[4:6], "big"))
    script = ScriptedDevice(lambda command: command[:5] + b"\x04" + b"\x01\x03\x00\x2a",
                            framer=framer)
    with DeviceServer(script) as server:
        device = make(server, framer=framer)
        server.faults.split(range(1, 9), pause=0.005)
        for number in range(3):
            reply = device.query(bytes([0, number, 0, 0, 0, 2, 1, 3]))
            assert reply == bytes([0, number, 0, 0, 0, 4, 1, 3, 0, 42])


# the end

def test_close_ends_what_waits(make, server):
    device = make(server, timeout=None)
    server.faults.silence()
    waiting = device.start("query", b"A")
    server.wait_for_commands(1)
    queued = device.start("query", b"B")
    device.start("close").result(PATIENCE)
    for answer in (waiting, queued):
        error = answer.exception(PATIENCE)
        assert type(error) is Disconnected
        assert "closed by this program" in str(error)
    server.wait_for_clients(0)
    assert server.received == [b"A"]


def test_after_close_everything_says_so_at_once(make, server):
    device = make(server, timeout=NEVER)
    device.start("close").result(PATIENCE)
    device.start("close").result(PATIENCE)
    for error in (device.error(b"A"), device.recv().exception(PATIENCE),
                  device.start("send", b"A\r\n").exception(PATIENCE)):
        assert type(error) is Disconnected
        assert "closed by this program" in str(error)
    assert device.comm is None
    assert device.link.state.value == "closed"
    assert server.connections == 1


def test_close_while_the_device_is_away(make, server):
    server.unplug()
    device = make(server, connected=False, min_interval=PATIENCE, timeout=None)
    wait_for(lambda: device.link.down)
    waiting = [device.start("query", b"A") for _ in range(3)]
    device.start("close").result(PATIENCE)
    assert all(isinstance(a.exception(2), DeviceConnectionError) for a in waiting)


# cancelling: only a Deferred can

@pytest.mark.parametrize("late_replies", ["drop", "drain", lambda command, reply:
                                          (command, reply) != (b"B\r\n", b"alpha")],
                         ids=["drop", "drain", "match"])
def test_a_cancelled_query_frees_its_place_and_its_reply_reaches_nobody(make_twisted, server,
                                                                        late_replies):
    device = make_twisted(server, late_replies=late_replies)
    server.faults.late(0.2)
    first = device.start("query", b"A")
    server.wait_for_commands(1)
    second = device.start("query", b"B")
    device.cancel(first)
    assert first.exception(PATIENCE) is not None
    assert second.result(PATIENCE) == b"beta"
    assert server.received == [b"A", b"B"]
    assert server.connections == (2 if late_replies == "drop" else 1)


def test_a_query_that_was_cancelled_before_its_turn_is_never_sent(make_twisted, server):
    device = make_twisted(server)
    server.faults.late(0.2)
    first = device.start("query", b"A")
    server.wait_for_commands(1)
    second, third = device.start("query", b"B"), device.start("query", b"C")
    device.cancel(second)
    assert second.exception(PATIENCE) is not None
    assert (first.result(PATIENCE), third.result(PATIENCE)) == (b"alpha", b"gamma")
    assert server.received == [b"A", b"C"]


def test_a_cancelled_recv_leaves_the_frame_to_the_next(make_twisted, server):
    device = make_twisted(server)
    first, second = device.recv(), device.recv()
    wait_for(lambda: hasattr(second, "deferred"))
    device.cancel(first)
    assert first.exception(PATIENCE) is not None
    server.say("HELLO")
    assert second.result(PATIENCE) == b"HELLO"


def test_the_trace_shows_what_was_said_with_the_error(make, server):
    device = make(server)
    device.link.keep_trace(10)
    device.query(b"A")
    server.faults.silence()
    error = device.error(b"B", 0.2)
    said = [line.split(" ", 1)[1] for line in error.__notes__[0].splitlines()[1:]]
    assert said == [r"> b'A\r\n'", r"< b'alpha\r\n'", r"> b'B\r\n'", "! no reply within 0.2 s"]
