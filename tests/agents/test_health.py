"""The health check ends with 0, or with 1 and a reason; the agents here are answers."""

import threading

import pytest
from ocs import site_config

from socs_tcp.agents import health


class Client:
    def __init__(self, answer):
        self.answer = answer

    def get_api(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, threading.Event):
            self.answer.wait(30)
            raise RuntimeError("too late anyway")
        return self.answer


@pytest.fixture
def check(monkeypatch, capsys):
    def check(answer, *args):
        monkeypatch.setattr(site_config, "get_control_client",
                            lambda instance_id, args: Client(answer))
        return health.main(["--instance-id", "psu1", *args]), capsys.readouterr()
    return check


def test_an_agent_that_answers_is_healthy(check):
    code, said = check({"agent_class": "TCPDeviceAgent", "instance_pid": 7})
    assert code == 0 and said.out == "psu1 answers: TCPDeviceAgent, process 7\n"


@pytest.mark.parametrize("answer, reason", [
    (RuntimeError("no such procedure"), "RuntimeError: no such procedure"),
    (OSError("no route"), "OSError: no route"),
    (ValueError("not JSON"), "ValueError: not JSON"),
    ({"agent_class": "?"}, "KeyError: 'instance_pid'"),
    (None, "TypeError"),
])
def test_whatever_is_wrong_is_told_and_ends_with_1(check, answer, reason):
    code, said = check(answer)
    assert code == 1 and said.out == ""
    assert said.err.startswith(f"psu1 does not answer: {reason}") and "Traceback" not in said.err


def test_one_that_hangs_ends_with_1_and_says_so(check):
    never = threading.Event()
    try:
        code, said = check(never, "--timeout", "0.05")
    finally:
        never.set()
    assert code == 1
    assert "psu1 does not answer: TimeoutError: no answer within 0.05 s: the agent, the" \
        in said.err


@pytest.mark.parametrize("args", [["--timeout", "0"], ["--timeout", "x"], ["--timeout", "nan"]])
def test_a_time_that_makes_no_sense_is_refused(check, args):
    with pytest.raises(SystemExit) as left:
        check(None, *args)
    assert left.value.code == 2


def test_without_a_name_it_says_what_to_set(monkeypatch, capsys):
    monkeypatch.delenv("INSTANCE_ID", raising=False)
    with pytest.raises(SystemExit):
        health.main([])
    assert "set INSTANCE_ID" in capsys.readouterr().err


@pytest.mark.parametrize("answer", [
    {"agent_class": "\x1b[2J" * 999, "instance_pid": 7}, RuntimeError("\x1b[2J" * 9999)])
def test_what_a_router_says_drives_no_terminal(check, answer):
    _code, said = check(answer)
    assert "\\x1b[2J" in said.out + said.err
    assert (said.out + said.err).strip().isprintable()
    assert len(said.out + said.err) < 500
