"""Operations end when they are told to, and neither device nor router disturbs the other."""

import os
import statistics
import time

import pytest
from e2e_instrument import AGENTS, AT_ONCE, PATIENCE, PERIOD, TIMEOUT

#: Seconds between two readings of an operation that is to be stopped while it waits.
LONG = 60
#: Seconds of the healthy run; an hour of quiet is for other places than CI.
HEALTHY_SECONDS = float(os.environ.get("E2E_HEALTHY_SECONDS", "10"))


def test_stopped_while_it_waits_between_attempts(instrument):
    instrument.a.server.unplug()
    instrument.start("acq", period=LONG)
    instrument.until_degraded("acq", PATIENCE)
    assert instrument.stop("acq") < LONG / 5
    assert instrument.session("acq")["success"] is True


@pytest.mark.parametrize("fault", ["unplug", "black hole"])
def test_stopped_while_a_call_is_under_way(instrument, fault):
    instrument.start_well()
    if fault == "unplug":
        instrument.a.server.unplug()
    else:
        instrument.a.server.faults.black_hole()
    instrument.until_degraded("acq", PATIENCE)
    assert instrument.stop("acq") < PATIENCE
    assert instrument.session("acq")["success"] is True


def test_a_lost_device_leaves_the_agent_its_place_on_the_router(instrument):
    def place():
        return instrument.client._client.call(
            "wamp.registration.lookup", f"observatory.{instrument.instance_id}.ops")

    before = place()
    for op in ("acq", "acq_b"):
        instrument.start_well(op)
    instrument.a.server.unplug()
    instrument.b.server.faults.black_hole()
    instrument.until_degraded("acq", PATIENCE)
    instrument.until_degraded("acq_b", PATIENCE)
    # So long that several calls time out and several attempts fail. Were it the reactor that
    # waits for them, hardly a question would be answered before a timeout is over.
    took, give_up = [], time.monotonic() + 3 * TIMEOUT
    while time.monotonic() < give_up:
        asked = time.monotonic()
        assert instrument.session("acq")["degraded"]
        took.append(time.monotonic() - asked)
    assert statistics.median(took) < TIMEOUT / 2, "calls to the device keep the reactor busy"
    assert place() == before


def test_readings_reach_the_feed(instruments, crossbar_router):
    feeds = {face: f"{i.instance_id}.feeds.readings" for face, i in instruments.items()}
    crossbar_router.start_agent(AGENTS / "listener.py", "listener",
                                args=["--feeds", *feeds.values()])
    listener = crossbar_router.client("listener")
    try:
        for instrument in instruments.values():
            instrument.start_well()
            assert instrument.readings("acq") >= 2
        give_up = time.monotonic() + PATIENCE
        while True:
            listener.tell.start()
            heard = listener.tell.wait(timeout=PATIENCE).session["data"]
            if all(heard.get(feed, 0) >= 3 for feed in feeds.values()):
                break
            assert time.monotonic() < give_up, heard
    finally:
        for instrument in instruments.values():
            instrument.mend()
        crossbar_router.agents["listener"].kill()


def test_no_false_alarm_in_a_healthy_run(instruments):
    ops = ["acq", "acq_b", "idle", "both"]
    for instrument in instruments.values():
        for op in ops:
            instrument.start(op, period=PERIOD)
    began = time.monotonic()
    while time.monotonic() < began + HEALTHY_SECONDS:
        for instrument in instruments.values():
            for op in ops:
                session = instrument.session(op)
                assert not session["degraded"], session
        time.sleep(0.05)
    for instrument in instruments.values():
        for op in ops:
            assert instrument.messages(op, "is down") == []
        # as many as there were questions, and not far fewer than fit in
        assert instrument.readings("acq") > HEALTHY_SECONDS / PERIOD / 5
        instrument.mend()


def test_a_lost_router_is_no_fault_of_the_device(instruments, crossbar_router):
    before = {}
    for face, instrument in instruments.items():
        instrument.start_well()
        before[face] = instrument.session("acq")["session_id"], instrument.readings("acq")
    crossbar_router.stop()
    # They go on reading meanwhile.
    for instrument in instruments.values():
        count = instrument.a.server.commands
        instrument.a.server.wait_for_commands(count + 5, timeout=PATIENCE)
    crossbar_router.start()
    for face, instrument in instruments.items():
        instrument._client = None
        session = instrument.client.acq.status().session
        assert (session["session_id"], session["status"]) == (before[face][0], "running")
        assert not session["degraded"]
        assert instrument.messages("acq", "is down") == []
        assert instrument.readings("acq") >= before[face][1] + 4
        # ... and the device's own faults are told as before.
        instrument.a.server.unplug()
        instrument.until_degraded("acq", AT_ONCE)
        instrument.mend()
