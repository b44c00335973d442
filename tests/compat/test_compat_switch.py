"""install() and uninstall(), each time in a process of its own."""

from textwrap import dedent

from socs_processes import SAID, lines_of, run


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
    assert lines == ["True", "['Mine', 'PTC', 'TCPInterface', 'Queries', 'object'] True",
                     "None down"]


def test_it_is_said_once_however_often_it_is_called():
    done = run("-c", dedent("""
        import sys, txaio
        import socs.agents.cryomech_cpa.drivers, socs.agents.hwp_pmx.drivers.PMX_ethernet
        from socs_tcp.compat import install
        install()
        sys.stderr.write("NOW LOGGING\\n")
        txaio.use_twisted()
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
