"""The switch, each time in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

SAID = "socs.tcp.TCPInterface is socs_tcp.TCPInterface from now on"
SHOW = "from socs.tcp import TCPInterface; print(TCPInterface.__module__)"
OURS, THEIRS = "socs_tcp.tcp", "socs.tcp"


def run(*args, **environment):
    """Run this Python; returns what became of it, with its output as text."""
    env = {key: value for key, value in os.environ.items()
           if key != "PYTHONPATH" and not key.startswith("COV_CORE")}
    return subprocess.run([sys.executable, *map(str, args)], env=env | environment, timeout=60,
                          # not where the package can be imported from without being installed
                          cwd=Path(__file__).parent, capture_output=True, text=True, check=False)


def lines_of(code, **environment):
    """The lines that a program prints; it must end well."""
    done = run("-c", dedent(code), **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def compat(*args, **environment):
    return run("-m", "socs_tcp.compat", *args, **environment)


@pytest.fixture
def script(tmp_path):
    def write(code, name="script.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(dedent(code))
        return path
    return write


# install() and uninstall()

def test_drivers_imported_later_are_ours():
    assert lines_of("""
        import socs_tcp.compat
        print(socs_tcp.compat.installed())
        socs_tcp.compat.install()
        from socs.agents.cryomech_cpa.drivers import PTC
        import socs.tcp, socs_tcp
        print(socs_tcp.compat.installed(), socs.tcp.TCPInterface is socs_tcp.TCPInterface)
        print(PTC.__bases__ == (socs_tcp.TCPInterface,))
        """) == ["False", "True True", "True"]


def test_drivers_imported_before_are_ours():
    lines = lines_of("""
        from socs.agents.cryomech_cpa import drivers
        from socs.tcp import TCPInterface as my_own_name
        import socs_tcp, socs_tcp.compat
        class Mine(drivers.PTC):
            pass
        socs_tcp.compat.install()
        print(drivers.TCPInterface is my_own_name is socs_tcp.TCPInterface)
        print([c.__name__ for c in Mine.__mro__], issubclass(Mine, socs_tcp.TCPInterface))
        device = Mine("127.0.0.1", 1, timeout=1)
        print(device.comm, device.link.state.value)
        """)
    assert lines == ["True", "['Mine', 'PTC', 'TCPInterface', 'object'] True", "None down"]


def test_it_is_said_once_however_often_it_is_called():
    done = run("-c", dedent("""
        import sys, txaio
        import socs.agents.cryomech_cpa.drivers, socs.agents.hwp_pmx.drivers.PMX_ethernet
        from socs_tcp.compat import install
        install()
        sys.stderr.write("NOW LOGGING\\n")
        txaio.start_logging(level="info")
        install()
        """))
    assert done.returncode == 0, done.stderr
    # On stderr as nobody had begun logging, and in the log that began afterwards.
    before, after = done.stderr.split("NOW LOGGING")
    assert before.count(SAID) == 1
    assert "socs 0.6.4" in before and "drivers imported before: PTC, PMX" in before
    assert (after + done.stdout).count(SAID) == 1


def test_uninstall_gives_everything_back():
    assert lines_of("""
        import socs.tcp, socs_tcp
        from socs.agents.cryomech_cpa import drivers as before
        theirs = [socs.tcp.TCPInterface]    # in a list: not a name that is exchanged
        from socs_tcp.compat import install, installed, uninstall
        class User(socs_tcp.TCPInterface):
            pass
        uninstall()
        install()
        from socs.agents.hwp_pmx.drivers import PMX_ethernet as later
        uninstall()
        print(installed(), socs.tcp.TCPInterface is theirs[0])
        for drivers, driver in (before, before.PTC), (later, later.PMX):
            print(drivers.TCPInterface is theirs[0], driver.__bases__ == (theirs[0],))
        print(socs_tcp.tcp.TCPInterface is theirs[0], User.__bases__[0].__module__)
        install()
        print(installed(), later.PMX.__bases__ == (socs_tcp.TCPInterface,))
        """) == ["False True", "True True", "True True", "False socs_tcp.tcp", "True True"]


def test_devices_made_before_are_refused_and_nothing_is_changed():
    lines = lines_of("""
        import socs.tcp
        from socs.agents.cryomech_cpa.drivers import PTC
        from socs_tcp.compat import install, installed
        device = PTC("127.0.0.1", 1, timeout=1)
        device.cycle = device
        try:
            install()
        except RuntimeError as exc:
            print(exc)
        print(installed(), PTC.__bases__[0].__module__, socs.tcp.TCPInterface.__module__)
        del device      # it is in a cycle, and still need not hinder
        install()
        print(installed())
        """)
    assert lines[-3].startswith("1 device(s) were made on socs.tcp.TCPInterface already")
    assert lines[-2:] == ["False socs.tcp socs.tcp", "True"]


def test_what_tests_patch_in_socs_reaches_the_drivers():
    assert lines_of("""
        from unittest import mock
        from socs.Lakeshore.Lakeshore372 import LS372
        import socs_tcp.compat
        socs_tcp.compat.install()
        with mock.patch("socs.tcp.TCPInterface._connect", mock.MagicMock()) as connect, \\
                mock.patch.object(LS372, "__init__", LS372.__bases__[0].__init__):
            device = LS372("nowhere.invalid", 7777, 1)
            print(connect.call_args.args, device.comm is connect.return_value)
            device.send(b"SCAN?")
            print(device.comm.sendall.call_args.args)
            device.comm.recv.return_value = b"01,1"
            print(device.recv())
        """) == ["(('nowhere.invalid', 7777),) True", "(b'SCAN?',)", "b'01,1'"]


def test_importing_it_imports_neither_socs_nor_ocs_nor_a_reactor():
    assert lines_of("""
        import sys, socs_tcp.compat, socs_tcp.compat.command
        print({"socs", "ocs", "twisted.internet.reactor"} & set(sys.modules))
        """) == ["set()"]


def test_without_socs_the_error_says_what_to_do():
    (line,) = lines_of("""
        import sys
        sys.modules["socs"] = None      # as if it were not there
        import socs_tcp.compat
        try:
            socs_tcp.compat.install()
        except ImportError as exc:
            print(exc)
        """)
    assert "pip install socs" in line


def test_a_broken_socs_is_told_with_its_reason(script):
    path = script("raise RuntimeError('half installed')", "socs/__init__.py").parent.parent
    (line,) = lines_of("""
        import socs_tcp.compat
        try:
            socs_tcp.compat.install()
        except ImportError as exc:
            print(exc)
        """, PYTHONPATH=str(path))
    assert "half installed" in line


# the command

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
