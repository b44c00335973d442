"""What a client sees of `degraded`: a real router, real agents, a real OCSClient."""

import time

import pytest
from e2e_instrument import (
    AFTER_ANSWER,
    AFTER_SILENCE,
    AT_ONCE,
    MIN_INTERVAL,
    PATIENCE,
    PERIOD,
    TIMEOUT,
)


@pytest.mark.parametrize("fault", ["unplug", "hang up and refuse", "reset and refuse"])
def test_a_lost_connection_while_polling(instrument, fault):
    instrument.start_well()
    server = instrument.a.server
    began = time.monotonic()
    if fault == "unplug":
        server.unplug()
    else:
        server.faults.refuse()
        server.faults.reset() if fault.startswith("reset") else server.faults.hang_up()
    assert instrument.until_degraded("acq", AT_ONCE) - began < AT_ONCE
    # refused reconnects change nothing
    instrument.until(
        "acq", lambda s: s["degraded"] and time.monotonic() > began + 2 * MIN_INTERVAL,
        PATIENCE)

    mended = time.monotonic()
    server.faults.heal()
    server.plug_in()
    assert instrument.until_well("acq", mended) < AFTER_ANSWER
    assert len(instrument.messages("acq", "is down")) == 1
    assert len(instrument.messages("acq", "is up")) == 1
    before = instrument.readings("acq")
    instrument.until("acq", lambda s: s["data"]["count"] > before, PATIENCE)


@pytest.mark.parametrize("fault", ["hang_up", "reset"])
def test_a_short_loss_is_told_too(instrument, fault):
    """Back at once, before a client could look; the messages tell."""
    instrument.start_well()
    getattr(instrument.a.server.faults, fault)()
    instrument.until("acq", lambda s: any("is up" in text for _, text in s["messages"]), PATIENCE)
    assert len(instrument.messages("acq", "is down")) == 1
    assert not instrument.session("acq")["degraded"]
    instrument.readings("acq")


@pytest.mark.parametrize("fault", ["black hole", "late"])
def test_no_answer_in_time(instrument, fault):
    instrument.start_well()
    faults = instrument.a.server.faults
    began = time.monotonic()
    if fault == "black hole":
        faults.black_hole()
    else:
        faults.late(TIMEOUT * 1.3, times=None)
    seen = instrument.until_degraded("acq", AFTER_SILENCE)
    assert TIMEOUT < seen - began < AFTER_SILENCE
    # It accepts connections and takes questions. That is not enough.
    connections = instrument.a.server.connections
    instrument.until(
        "acq", lambda s: s["degraded"] and instrument.a.server.connections >= connections + 2,
        PATIENCE)
    assert instrument.messages("acq", "is up") == []

    faults.heal()
    assert instrument.until_reading_well("acq") < AFTER_ANSWER
    instrument.readings("acq")


def test_a_device_that_accepts_and_hangs_up(instrument):
    instrument.start_well()
    faults = instrument.a.server.faults
    faults.accept_and_hang_up()
    faults.hang_up()
    instrument.until_degraded("acq", AT_ONCE)
    connections = instrument.a.server.connections
    instrument.until(
        "acq", lambda s: s["degraded"] and instrument.a.server.connections >= connections + 2,
        PATIENCE)
    assert instrument.messages("acq", "is up") == []
    mended = time.monotonic()
    faults.heal()
    assert instrument.until_well("acq", mended) < AFTER_ANSWER


@pytest.mark.parametrize("fault", ["unplug", "hang_up", "reset"])
def test_a_loss_while_nobody_is_calling(instrument, fault):
    instrument.start("idle")
    assert not instrument.session("idle")["degraded"]
    server = instrument.a.server
    began = time.monotonic()
    server.unplug() if fault == "unplug" else getattr(server.faults, fault)()
    assert instrument.until_degraded("idle", AT_ONCE) - began < AT_ONCE
    # The Twisted face reconnects by itself; that proves nothing, and nobody asks anything.
    server.plug_in()
    if instrument.face == "twisted":
        server.wait_for_clients(1, timeout=PATIENCE)
    assert instrument.session("idle")["degraded"]

    asked = time.monotonic()
    instrument.start("measure", readings=1)
    assert instrument.until_well("idle", asked) < AFTER_ANSWER
    instrument.until("measure", lambda s: s["status"] == "done", PATIENCE)
    assert instrument.messages("idle", "is up")


def test_an_operation_started_while_the_device_is_down(instrument):
    instrument.start_well()
    instrument.stop("acq")
    instrument.a.server.unplug()
    instrument.start("idle")
    instrument.until_degraded("idle", AT_ONCE)
    assert instrument.messages("idle", "is down")
    instrument.start("acq", period=PERIOD)
    instrument.until_degraded("acq", AT_ONCE)
    mended = time.monotonic()
    instrument.a.server.plug_in()
    assert instrument.until_well("acq", mended) < AFTER_ANSWER
    assert instrument.until_well("idle", mended) < AFTER_ANSWER


def test_one_of_two_devices_fails(instrument):
    instrument.start_well("acq")
    instrument.start_well("acq_b")
    instrument.start("both")
    instrument.b.server.unplug()
    instrument.until_degraded("acq_b", AT_ONCE)
    instrument.until_degraded("both", AT_ONCE)
    before = instrument.readings("acq")
    instrument.until("acq", lambda s: s["data"]["count"] >= before + 5, PATIENCE)
    assert not instrument.session("acq")["degraded"]
    assert instrument.messages("acq", "is down") == []
    mended = time.monotonic()
    instrument.b.server.plug_in()
    assert instrument.until_well("acq_b", mended, instrument.b) < AFTER_ANSWER
    assert instrument.until_well("both", mended, instrument.b) < AFTER_ANSWER


def test_a_task_goes_on_after_a_loss(instrument):
    instrument.start("measure", readings=20)
    instrument.until("measure", lambda s: s["data"].get("count", 0) >= 3, PATIENCE)
    began = time.monotonic()
    instrument.a.server.unplug()
    instrument.until_degraded("measure", AT_ONCE)
    # so long that readings fail
    instrument.until(
        "measure", lambda s: s["degraded"] and time.monotonic() > began + 2 * MIN_INTERVAL,
        PATIENCE)
    mended = time.monotonic()
    instrument.a.server.plug_in()
    assert instrument.until_well("measure", mended) < AFTER_ANSWER
    instrument.until("measure", lambda s: s["status"] == "done", PATIENCE)
    assert instrument.session("measure")["success"] is True
    assert instrument.readings("measure") == 20
