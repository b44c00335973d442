"""What is wrong in SOCS' drivers themselves: it shows on SOCS' own class and on ours.

Each is described in ``docs/socs_drivers.rst``. If one of these tests fails with a newer
SOCS, the flaw may be mended, and the document is to be changed.
"""

import gc
import sys

import pytest
from socs_drivers import DRIVERS, hasten
from socs_scenarios import LATE, SLOW, bench


@pytest.fixture
def on(side, monkeypatch):
    """Makes a `Bench` of a driver, by its name, and closes it after the test."""
    benches = []

    def make(name):
        hasten(monkeypatch, DRIVERS[name].module)
        benches.append(bench(DRIVERS[name]))
        it = benches[-1].__enter__()
        it.side = side
        it.make()
        return it
    yield make
    for one in benches:
        one.__exit__(None, None, None)


# PTC: power() goes round the class

def test_ptc_power_is_lost_without_an_error_after_a_hang_up(on):
    it = on("PTC")
    it.device.power("on")
    assert [query[-1] for query in it.server.received] == [0x01]
    it.server.faults.hang_up()
    it.outage_is_seen()
    it.device.power("off")      # nothing is raised ...
    it.settle()
    assert it.server.commands == 1      # ... and nothing came


def test_ptc_power_raises_what_no_agent_catches(on):
    it = on("PTC")
    it.server.faults.silence()
    with pytest.raises(TimeoutError) as caught:
        it.device.power("on")
    assert not isinstance(caught.value, ConnectionError)
    it.device.comm.close()
    it.device.comm = None       # as it is where the compressor was absent at the start
    with pytest.raises(AttributeError):
        it.device.power("on")


def test_ptc_takes_the_second_piece_of_a_reply_for_data(on):
    it = on("PTC")
    _, good = it.device.get_data()
    it.server.faults.split(at=30, pause=SLOW)
    flagged, _ = it.device.get_data()
    assert flagged      # the first piece: too short
    it.server.wait_for(it.readable)
    flagged, data = it.device.get_data()
    assert not flagged      # the second: long enough, and each value is another one
    assert 60 < good["Coolant_In_Temp"] < 70
    assert data["Coolant_In_Temp"] != good["Coolant_In_Temp"]


# PMX: close()

def test_pmx_cannot_be_closed_while_it_is_not_connected(on):
    it = on("PMX")
    it.server.unplug()
    it.outage_is_seen()
    it.asks(3)
    assert it.device.comm is None
    with pytest.raises(AttributeError):
        it.device.close()


def test_pmx_works_again_after_close(on):
    it = on("PMX")
    it.device.close()
    assert it.recovers() == "right"


# PCR500MA and PMX: the answers are numbers, and nothing says what they are

def test_a_late_reply_becomes_another_quantity_unless_it_is_there_before_the_next_command(on, side):
    it = on("PCR500MA")
    source = it.device
    it.server.device.set_answer("MEAS:CURR:AC?", "0.004")
    it.server.device.set_answer("MEAS:FREQ?", "60.0")
    it.server.faults.late(LATE)
    with pytest.raises(ConnectionError):
        source.meas_freq()
    it.server.wait_for(it.readable)
    it.server.faults.late(SLOW)
    # 60 Hz, as amperes
    assert source.meas_current_ac() == (60.0 if side == "original" else 0.004)


# TPG366: _send_mnemonic calls itself until the gauge acknowledges

def test_tpg366_recurses_while_the_gauge_refuses(on):
    it = on("TPG366")
    it.settle()
    it.instrument.refusing = True
    it.server.faults.split(at=1, pause=0.005, times=None)     # two pieces: one is "drained"
    depth, frame = 0, sys._getframe()
    while frame:
        depth, frame = depth + 1, frame.f_back
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 60)
    try:
        with pytest.raises(RecursionError):
            it.device.read_pressure_all()
    finally:
        sys.setrecursionlimit(limit)
    assert it.server.commands > 20


# DS378: __del__ asks for an attribute that was never set, and hides that of the class

def test_ds378_is_not_closed_when_it_is_forgotten(on, monkeypatch):
    it = on("DS378")
    it.server.wait_for_clients(1)
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda it: told.append(str(it.exc_value)))
    it.device.recv = None       # the bench's own, which holds the device
    it.device = None
    gc.collect()
    assert told == ["'DS378' object has no attribute '_com'"]


# GalilAxis and DLCSmart: they select comm before they send

@pytest.mark.parametrize("name", ["GalilAxis", "DLCSmart"])
def test_a_stage_or_laser_that_was_absent_at_the_start_needs_a_restart(on, name):
    it = on(name)
    it.device.comm.close()
    it.device.comm = None
    assert it.asks(2) == ["TypeError", "TypeError"]


# DLCSmart: read_all takes any ConnectionError for the end of the reply

def test_dlcsmart_hides_that_the_laser_does_not_answer(on):
    it = on("DLCSmart")
    it.server.faults.silence()
    assert it.device.param_ref("frequency:frequency-act") == ""
    it.server.faults.silence()
    assert it.ask() == "ValueError"


def test_dlcsmart_hides_a_hang_up_in_mid_reply(on):
    it = on("DLCSmart")
    it.server.device.set_answer("(param-ref 'frequency:frequency-act)", "194.25\n> ")
    it.server.faults.hang_up_mid_reply(at=3)
    if it.side == "original":
        assert it.ask() == "endless loop"
    else:
        assert it.device.get_actual_frequency() == 194.0    # a reading that was never made


# LS372: it talks in its constructor

def test_ls372_cannot_be_made_while_the_bridge_is_absent(side):
    with bench(DRIVERS["LS372"]) as it:
        it.server.unplug()
        with pytest.raises(ConnectionError):
            it.make()
        assert it.device is None
