"""A network that is really lost; see `storms.lost_network`."""

import subprocess

import pytest

from tests.storms import lost_network

MISSING = lost_network.missing()

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"{MISSING}; NO NETWORK WAS LOST in these tests")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["link", "firewall"])
def test_a_lost_network_is_noticed_and_healed_in_time(how):
    rows = lost_network.experiment(how)
    assert len(rows) == 4
    for row in rows:
        assert row["noticed"] <= row["notice_bound"] + lost_network.SLACK, row
        assert row["healed"] <= row["heal_bound"] + lost_network.SLACK, row


def test_nothing_of_the_network_is_left():
    with pytest.raises(ZeroDivisionError), lost_network.Wire() as wire:
        raise ZeroDivisionError
    left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    assert wire.device not in left.stdout
    assert wire.client not in left.stdout
