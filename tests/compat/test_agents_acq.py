"""What an operator sees: the acquisition of two of SOCS' agents, unchanged, in an outage.

The agents run in this thread. What they publish and what they log moves the story on.
"""

import importlib
from types import SimpleNamespace
from unittest import mock

import pytest
from socs_drivers import DRIVERS, hasten
from socs_scenarios import TIMEOUT, bench

#: Readings before the outage, failed ones during it, readings after it.
BEFORE, DURING, AFTER = 2, 2, 2


class Session(SimpleNamespace):
    """A session that remembers what `degraded` was set to."""

    def __init__(self):
        super().__init__(told=[], data={}, status="running", degraded=False)

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "degraded":
            self.told.append(value)


class Story:
    """An agent's acquisition: readings, an outage, readings, and the end."""

    def __init__(self, it, agents, monkeypatch):
        hasten(monkeypatch, agents)
        # The agents leave it at the 3 or 10 seconds of the driver.
        monkeypatch.setattr(agents, it.spec.name, lambda *args, **options:
                            it.spec.driver(*args, **options, timeout=TIMEOUT))
        self.it = it
        self.session = Session()
        self.published = []
        self.errors = 0

    def begin(self, agent_class, **arguments):
        ocs_agent = mock.MagicMock()
        ocs_agent.publish_to_feed.side_effect = self.publish
        ocs_agent.log.error.side_effect = self.error
        self.agent = agent_class(ocs_agent, port=self.it.server.port, **arguments)
        return self.agent

    def acquire(self, device, outage, params):
        """Returns what `acq` returns; lets out what it raises."""
        self.it.device, self.outage = device, outage
        return self.agent.acq(self.session, params)

    def publish(self, feed, message):
        self.published.append(message["data"])
        if len(self.published) == BEFORE:
            self.outage()
            self.it.outage_is_seen()
        if len(self.published) == BEFORE + AFTER:
            self.agent.take_data = False

    def error(self, text):
        self.errors += 1
        if self.errors == DURING:
            self.it.server.plug_in()


@pytest.fixture
def acquire_from_source(side, monkeypatch):
    """Run the acquisition of an AC source; gives the story with an outage of your choice."""
    agents = importlib.import_module("socs.agents.kikusui_pcr500ma.agent")
    with bench(DRIVERS["PCR500MA"]) as it:
        for name, value in {"MEAS:CURR:AC?": "0.5", "MEAS:POW:AC?": "7.0", "MEAS:FREQ?": "60.0",
                            "OUTP?": "1"}.items():
            it.server.device.set_answer(name, value)
        story = Story(it, agents, monkeypatch)
        agent = story.begin(agents.PCR500MAAgent, ip_addr=it.server.host)

        def acquire(outage):
            params = {"sampling_frequency": 1000}
            if side == "ours":
                assert story.acquire(agent._dev, lambda: outage(it.server), params)[0] is True
            else:       # and with it ends the operation
                with pytest.raises(ValueError, match="could not convert string to float: ''"):
                    story.acquire(agent._dev, lambda: outage(it.server), params)
            return story
        yield acquire


def test_an_ac_source_is_unplugged_and_plugged_in(acquire_from_source, side):
    story = acquire_from_source(lambda server: server.unplug())
    if side == "original":      # nobody was told that the device is gone
        assert (len(story.published), story.errors, story.session.told) == (BEFORE, 0, [])
        return
    assert story.errors >= DURING
    assert story.session.told == [True] * story.errors + [False]
    assert [data["f_AC"] for data in story.published] == [60.0] * (BEFORE + AFTER)


def test_an_ac_source_hangs_up_once(acquire_from_source, side):
    story = acquire_from_source(lambda server: server.faults.hang_up())
    assert (story.errors, story.session.told) == (0, [])
    assert len(story.published) == (BEFORE if side == "original" else BEFORE + AFTER)


def test_a_compressor_hangs_up_once(side, monkeypatch, capsys):
    """The original takes b'' for a bad reply: that is printed, and the session is fine."""
    agents = importlib.import_module("socs.agents.cryomech_cpa.agent")
    with bench(DRIVERS["PTC"]) as it:
        story = Story(it, agents, monkeypatch)
        agent = story.begin(agents.PTCAgent, ip_address=it.server.host, f_sample=1000)
        agent.init(story.session, {"auto_acquire": False})
        story.acquire(agent.ptc, it.server.faults.hang_up, {"test_mode": False})
    assert (story.errors, story.session.told) == (0, [])
    assert len(story.published) == BEFORE + AFTER
    bad = "Compressor output could not be converted to numbers" in capsys.readouterr().out
    assert bad == (side == "original")
