"""Which level an operation asks for, where the site has an access policy and where not."""

import argparse

import pytest
from test_tcp_device import TEXT, make  # noqa: F401

from socs_tcp.agents.access import LEVELS, Access, levels


class Agent:
    def __init__(self, policy):
        self.access_config = argparse.Namespace(policy=policy)


class Session:
    def __init__(self, cred_level):
        self.cred_level = cred_level


def test_to_change_a_device_asks_for_more_than_to_look():
    access = Access(Agent("director"), LEVELS)
    assert {n: access.level(n) for n in LEVELS} == {
        "acq": 1, "query": 1, "raw": 2, "set": 2, "run": 2, "reconnect": 1}


def test_without_a_policy_everybody_may_do_everything():
    access = Access(Agent("none"), levels("set=3 raw=3"))
    assert {access.level(n) for n in LEVELS} == {1}
    assert access.refusal(Session(1), "raw") == ""


@pytest.mark.parametrize("has, wants, refused", [(0, 1, True), (1, 2, True), (2, 2, False),
                                                 (3, 2, False), (4, 3, False), (2, 3, True)])
def test_who_has_too_low_a_level_is_told(has, wants, refused):
    access = Access(Agent("director"), levels(f"raw={wants}"))
    assert bool(text := access.refusal(Session(has), "raw")) == refused
    assert not refused or "requires credential level" in text


def test_the_argument_changes_what_it_names():
    assert levels("") == LEVELS
    assert levels("set=3,acq=2") == {**LEVELS, "set": 3, "acq": 2}


@pytest.mark.parametrize("text", ["set", "set=4", "set=0", "set=x", "sett=2", "set=2=3", "=2"])
def test_an_argument_that_makes_no_sense_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is not one of acq, query, raw, set"):
        levels(text)


def test_a_raw_command_needs_its_level_and_a_query_does_not(make):  # noqa: F811
    a = make(TEXT + "raw_commands: true\n", policy="director")
    data, (success, text) = a.run("query", cred_level=1, command="E?")
    assert not success and "requires credential level 2-ADVANCED" in text and not data
    assert a.device.heard == []
    assert a.run("query", cred_level=1, name="error")[1][0]
    assert a.run("query", cred_level=2, command="E?")[1][0]
