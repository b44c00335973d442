"""run.py makes its environment when it must, and only then."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parent.parent / "run.py"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run.py in an empty project, with a pip that only writes down what it was asked."""
    spec = importlib.util.spec_from_file_location("run", RUN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("setup.cfg", "setup.py", "pyproject.toml"):
        (tmp_path / name).write_text(name)
    venv = tmp_path / ".venv"
    for name, value in {"HERE": tmp_path, "VENV": venv, "PYTHON": venv / "bin" / "python",
                        "STAMP": venv / "installed.json"}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.chdir(tmp_path)      # which is undone at the end
    module.made, module.installed, module.pip_code = [], [], 0

    def create():
        module.made.append(list(venv.iterdir()) if venv.exists() else [])
        (venv / "bin").mkdir(parents=True)
        (venv / "bin" / "python").symlink_to(sys.executable)

    def call(command, **kwargs):
        if "install" not in command:
            return real_call(command, **kwargs)
        module.installed.append(command[-1])
        assert "--no-deps" in command or not module.STAMP.exists(), \
            "interrupted now, it would pass for complete"
        return module.pip_code

    real_call = subprocess.call
    monkeypatch.setattr(module, "create", create)
    monkeypatch.setattr(module, "pip", lambda: ["pip"])
    monkeypatch.setattr(module.subprocess, "call", call)
    return module


def test_it_is_made_once(run):
    run.make_environment("demo")
    run.make_environment("demo")
    assert (run.made, run.installed) == ([[]], [".[demo]"])


def test_another_command_adds_what_it_needs(run):
    run.make_environment("demo")
    run.make_environment("test")
    run.make_environment("demo")
    assert (len(run.made), run.installed) == (1, [".[demo]", ".[demo,test]"])


@pytest.mark.parametrize("name", ["setup.cfg", "setup.py", "pyproject.toml"])
def test_what_is_installed_follows_the_project(run, name):
    run.make_environment("test")
    (run.HERE / name).write_text("changed")
    run.make_environment("test")
    assert (len(run.made), run.installed) == (1, [".[test]", ".[test]"])


def test_one_that_was_interrupted_is_made_anew(run):
    run.VENV.mkdir()
    (run.VENV / "half").write_text("made")
    run.make_environment("demo")
    assert run.made == [[]]     # nothing of the old one was left
    assert json.loads(run.STAMP.read_text())["extras"] == ["demo"]


def test_one_whose_stamp_was_not_written_to_its_end_is_made_anew(run):
    run.make_environment("demo")
    run.STAMP.write_text('{"key"')
    run.make_environment("demo")
    assert len(run.made) == 2


def test_one_whose_python_is_gone_is_made_anew(run):
    run.make_environment("demo")
    run.PYTHON.unlink()
    run.PYTHON.symlink_to("/no/such/python")
    run.make_environment("demo")
    assert len(run.made) == 2


def test_a_failed_installation_is_said_and_tried_again(run, capsys):
    run.pip_code = 1
    assert run.main(["demo"]) == 1
    assert "pip failed with code 1" in capsys.readouterr().err
    run.pip_code = 0
    run.make_environment("demo")
    assert len(run.made) == 2


def test_an_unknown_command_is_refused(run, capsys):
    assert run.main(["dmo"]) == 2
    assert "no such command: dmo" in capsys.readouterr().err
    assert run.main([]) == 2
    assert run.main(["--help"]) == 0
    assert run.made == []


@pytest.mark.parametrize("command, module", [("demo", "socs_tcp"), ("test", "pytest"),
                                             ("docs", "sphinx")])
def test_commands_and_their_arguments(run, monkeypatch, command, module):
    started = []
    monkeypatch.setattr(run.os, "execve", lambda *args: started.append(args[1]))
    run.main([command, "-x", "--help"])
    assert started[0][1:3] == ["-m", module]
    assert started[0][-2:] == ["-x", "--help"]


@pytest.mark.parametrize("command, wanted", [("docs", False), ("demo", True), ("test", True),
                                             ("bench", True)])
def test_the_original_is_there_without_its_dependencies(run, monkeypatch, command, wanted):
    monkeypatch.setattr(run.os, "execve", lambda *args: None)
    monkeypatch.setattr(run, "ORIGINAL", ("no-such-package", "1.0"))
    run.main([command])
    assert ("no-such-package==1.0" in run.installed) == wanted


def test_an_original_that_is_there_is_left_alone(run, monkeypatch):
    run.make_environment("test")
    monkeypatch.setattr(run, "ORIGINAL", ("pytest", pytest.__version__))
    monkeypatch.setattr(run, "PYTHON", sys.executable)
    run.add_original()
    assert run.installed == [".[test]"]


def test_lint_runs_both_checks_and_fails_if_one_does(run, monkeypatch):
    commands = []

    def call(command, **kwargs):
        commands.append(command[2])
        return 1 if command[2] == "ruff" else 0

    monkeypatch.setattr(run.subprocess, "call", call)
    assert run.lint() == 1
    assert commands == ["ruff", "mypy"]
