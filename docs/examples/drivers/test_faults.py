"""All that happens to a device, with each of the drivers. A wrong reading is none of it."""

import pytest
from conftest import DRIVERS, TIMEOUT


def until_told(rig):
    rig.wait_for(lambda: rig.session.degraded)


def unplug(rig):
    rig.proxy.unplug()
    until_told(rig)
    rig.proxy.plug_in()


def late(rig):
    rig.proxy.faults.late(2 * TIMEOUT, times=2)
    rig.wait_for(lambda: rig.proxy.faults.injected["late"] == 2)


def half(rig):
    rig.proxy.faults.hang_up_mid_reply()
    rig.wait_for(lambda: rig.proxy.faults.injected["hang_up_mid_reply"])


def reset(rig):
    rig.proxy.faults.reset()


def black_hole(rig):
    rig.proxy.faults.black_hole()
    until_told(rig)
    rig.proxy.faults.heal()


def garbage(rig):
    rig.proxy.faults.garbage(before=b"\x00\xffjunk?", after=b"\r\x07")
    rig.wait_for(lambda: rig.proxy.faults.injected["garbage"])


def reboot(rig):
    rig.server.faults.reboot(downtime=0.2)


@pytest.mark.parametrize("fault", [unplug, late, half, reset, black_hole, garbage, reboot],
                         ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("name", DRIVERS)
def test_it_goes_on(make, name, fault):
    rig = make(name)
    fault(rig)
    before = len(rig.readings())
    rig.wait_for(lambda: len(rig.readings()) >= before + 3 and not rig.session.degraded)
    assert rig.session.status == "running"
    assert [r for r in rig.readings() if r != rig.module.EXPECTED] == []
