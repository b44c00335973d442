"""The demonstration: it keeps its word, notices when not, and leaves nothing behind."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from e2e_instrument import PATIENCE

from socs_tcp.cli.demo import cast, scenes
from socs_tcp.cli.demo.device import CountingSource
from socs_tcp.cli.main import main


@pytest.fixture
def agents(crossbar_router):
    """The agents of the demonstration, as it starts them: ours, the original, SOCS' own."""
    with ExitStack() as stack:
        started = [part.start(crossbar_router, stack)
                   for part in (*cast.CAST, cast.agent_of_socs())]
        watched = [on_the_router() for on_the_router in started]
        for one in watched:
            one.start(scenes.PERIOD)
        yield watched
        for one in watched:
            one.agent.kill()


def test_we_keep_our_promises_and_the_original_cannot(agents):
    """All scenes, shortened; the same judge for all. (SOCS' own agent has a timeout of three
    seconds: ``.ci/check_install.py`` plays the others with it.)"""
    stage = scenes.Stage(agents, print)
    assert stage.watch(PATIENCE, lambda: all(agent.readings > 2 for agent in agents))
    broken = {}
    for scene in scenes.SCENES:
        idle = scene.period != scenes.PERIOD
        scene = dataclasses.replace(  # noqa: PLW2901
            scene, lasts={"hang-up, polling": 1.0, "late answers": 3.0}.get(scene.name, 1.6),
            watch_after=scene.watch_after / 2, period=3.0 if idle else scene.period)
        stage.agents = agents[:2] if scene.silent else agents
        for agent, seen in zip(stage.agents, stage.play(scene), strict=True):
            promises = scenes.broken_promises(scene, agent, seen)
            if agent.name == "original":
                broken[scene.name] = " ".join(promises)
            else:
                assert promises == [], agent.name
    assert "degraded was false" in broken["late answers"]
    assert "wrong readings" in broken["late answers"]
    assert "degraded was never true" in broken["hang-up, idle"]


def processes_of(directory):
    """Processes that work in `directory`, or were started with it as their TMPDIR."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:        # crossbar writes its title over its environment, so look twice
            if os.readlink(process / "cwd").startswith(str(directory)) \
                    or f"TMPDIR={directory}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("moment, number, code", [
    ("starting a crossbar router", signal.SIGTERM, 143),
    ("1/4 hang-up", signal.SIGINT, 130),
])
def test_interrupted_it_leaves_nothing_behind(tmp_path, moment, number, code):
    env = dict(os.environ, TMPDIR=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-m", "socs_tcp", "demo"], env=env, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with process.stdout:
        said = []
        for line in process.stdout:
            said.append(line)
            if moment in line:
                break
        assert moment in said[-1], "".join(said)
        if "1/4" in moment:
            # itself, two of crossbar, three agents; and what ends these if it is killed
            assert len(processes_of(tmp_path)) == 10
        process.send_signal(number)
        said += process.stdout.readlines()
    assert process.wait(PATIENCE) == code, "".join(said)
    assert "Traceback" not in "".join(said)
    give_up = time.monotonic() + PATIENCE
    while left := processes_of(tmp_path):
        assert time.monotonic() < give_up, left
        time.sleep(0.02)
    assert list(tmp_path.iterdir()) == []


def test_it_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr("socs_tcp.testing.router.crossbar.importlib.util.find_spec",
                        lambda name: None)
    assert main(["demo"]) == 2
    assert "pip install 'socs_tcp[demo]'" in capsys.readouterr().err


def test_without_socs_it_says_what_the_third_row_needs(monkeypatch):
    monkeypatch.setattr(cast, "SOCS", "no_such_package")
    assert cast.agent_of_socs() is None
    assert "pip install --no-deps socs" in cast.about(cast.CAST)


def test_a_reading_of_the_source_that_answers_another_question():
    source = CountingSource()
    source.server.close()
    read = {"I_AC": 17.1, "V_AC": 17.2, "P_AC": 17.3, "f_AC": 17.4, "output": 1}
    assert source.judge(read)[:2] == (17, True)
    shifted = {"I_AC": 16.4, "V_AC": 17.1, "P_AC": 17.2, "f_AC": 17.3, "output": 1}
    assert source.judge(shifted)[:2] == (16, False)


def test_help_tells_what_it_does_and_how_it_ends(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "hang up" in text and "exit codes" in text
