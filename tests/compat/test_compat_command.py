"""``python -m socs_tcp.compat COMMAND``."""

from pathlib import Path

import pytest
from socs_processes import OURS, SAID, SHOW, THEIRS, compat, run


def test_a_script_is_run_with_its_arguments_and_its_exit_code(script):
    path = script(f"""
        import sys
        {SHOW}
        print(__name__, sys.argv[1:])
        sys.exit(3)
        """)
    done = compat(path, "-m", "--help")
    assert done.stdout.split("\n")[:2] == [OURS, "__main__ ['-m', '--help']"]
    assert done.returncode == 3
    assert done.stderr.count(SAID) == 1


def test_a_module_is_run_as_python_runs_it():
    done = compat("-m", "timeit", "-n", "1", "-r", "1", SHOW)
    assert done.stdout.split("\n")[0] == OURS, done.stderr


def test_ocs_agent_cli_runs_an_agent_on_ours(script):
    agent = script(f"""
        def main(args=None):
            {SHOW}
            print(args)
        """, "some_agent.py")
    done = compat("ocs-agent-cli", "--agent", agent, "--entrypoint", "main",
                  "--instance-id", "cryomech")
    assert done.stdout.split("\n")[-3:-1] == [OURS, "['--instance-id', 'cryomech']"], done.stderr


def test_child_processes_are_reached_and_may_have_a_python_path(script):
    """As HostManager starts agents: sys.executable -m ..., with this environment."""
    path = script("import there, subprocess, sys\n"
                  f"subprocess.run([sys.executable, '-c', {'import there;' + SHOW!r}])")
    script("print('there')", "elsewhere/there.py")
    done = compat(path, PYTHONPATH=str(path.parent / "elsewhere"))
    assert done.stdout.split() == ["there", "there", OURS], done.stderr


def test_a_process_without_socs_is_not_disturbed():
    code = ("import sys; print([m for m in sys.modules if m.split('.')[0] in"
            " ('socs', 'socs_tcp', 'twisted')])")
    done = compat("python", "-c", code)
    assert done.stdout == "[]\n"
    assert done.stderr == ""


def test_the_sitecustomize_of_the_site_is_still_run(script):
    path = script("print('customized')", "site/sitecustomize.py").parent
    done = compat("python", "-c", f"import sitecustomize; print(sitecustomize.__file__); {SHOW}",
                  PYTHONPATH=str(path))
    # once by the Python that finds the command, and once by the command
    assert done.stdout.split() == ["customized", "customized", str(path / "sitecustomize.py"),
                                   OURS]


def test_a_child_that_cannot_have_ours_says_so_and_goes_on(script):
    """For instance the Python of another environment, in which socs_tcp is not installed."""
    path = script("raise ImportError('no such thing here')", "lost/socs_tcp/__init__.py")
    parent = script(f"""
        import os, subprocess, sys
        os.environ["PYTHONPATH"] += os.pathsep + {str(path.parent.parent)!r}
        subprocess.run([sys.executable, "-c", {SHOW!r}])
        """)
    done = compat(parent)
    assert done.stdout.split() == [THEIRS]
    assert "remains SOCS' own" in done.stderr and "no such thing here" in done.stderr


def test_a_command_that_is_not_there():
    done = compat("no-such-command")
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == "socs_tcp.compat: cannot run no-such-command: No such file or directory\n"


@pytest.mark.parametrize(("args", "code"), [((), 2), (("-m",), 2), (("--help",), 0)])
def test_how_it_is_used(args, code):
    done = compat(*args)
    assert done.returncode == code
    assert "usage: python -m socs_tcp.compat" in (done.stderr if code else done.stdout)


def test_the_command_without_socs_says_what_to_do():
    done = run("-c", "import sys; sys.modules['socs'] = None\n"
               "from socs_tcp.compat.command import main; main(['true'])")
    assert done.returncode == 1
    assert "pip install socs" in done.stderr


def test_the_python_path_gets_our_directory_once():
    from socs_tcp.compat.command import CHILDREN, python_path
    assert (CHILDREN / "sitecustomize.py").is_file()
    once = python_path("/a:/b")
    assert once == f"{CHILDREN}:/a:/b" == python_path(once)
    assert Path(python_path(None)) == CHILDREN
