"""The pytest plugin, in a pytest of its own."""

import textwrap

from test_sim_docs import run_tests


def run(tmp_path, code, *options):
    (tmp_path / "test_it.py").write_text(textwrap.dedent(code))
    return run_tests(tmp_path, *options)


def test_what_the_devices_saw_is_shown_when_a_test_fails(tmp_path):
    done = run(tmp_path, """
        import socket
        from socs_tcp.testing import RandomFaults

        def test_bad(device_server, fault_proxy):
            server = device_server({"A": "1"})
            proxy = fault_proxy(*server.address)
            proxy.faults.draw_from(RandomFaults(12345, rate=0.1))
            with socket.create_connection(server.address) as sock:
                sock.sendall(b"A\\r\\n")
                sock.recv(9)
            assert False

        def test_good(device_server):
            device_server({"never": "shown"})
        """)
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "Simulated devices" in done.stdout
    assert "1 commands, the last: b'A'" in done.stdout
    assert "RandomFaults(12345, rate=0.1" in done.stdout
    assert "never" not in done.stdout


def test_a_wrong_terminator_is_to_be_seen(tmp_path):
    done = run(tmp_path, """
        import socket
        from socs_tcp import LineFramer

        def test_bad(device_server):
            server = device_server({"A": "1"}, framer=LineFramer(";"))
            with socket.create_connection(server.address) as sock:
                sock.sendall(b"A\\n")
                server.wait_for(lambda: "unfinished" in repr(server))
            assert False
        """)
    assert r"0 commands, the last: none; unfinished: b'A\n'" in done.stdout, done.stdout


def test_a_mistake_in_a_script_fails_the_test(tmp_path):
    done = run(tmp_path, """
        import socket

        def test_it(device_server):
            server = device_server(lambda command: 1 / 0)
            with socket.create_connection(server.address) as sock:
                sock.sendall(b"A\\r\\n")
                try:
                    sock.recv(9)
                except ConnectionResetError:
                    pass
        """)
    assert "1 passed, 1 error" in done.stdout, done.stdout
    assert "ZeroDivisionError" in done.stdout


def test_all_is_closed_after_each_test(tmp_path):
    done = run(tmp_path, """
        import os, threading
        import pytest

        seen = []

        @pytest.mark.parametrize("time", range(3))
        def test_it(device_server, fault_proxy, ocs_agent, time):
            for _ in range(3):
                server = device_server({})
                fault_proxy(*server.address)

            def acq(session, params):
                while session.status == "running":
                    pass
                return True, "done"
            session = ocs_agent.run(acq)
            ocs_agent.wait_for(lambda: session.status == "running")

        def test_nothing_is_left():
            from twisted.internet import reactor
            assert threading.active_count() == 1
            assert reactor.getDelayedCalls() == []
            files = [os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                     if os.path.exists(f"/proc/self/fd/{n}")]
            assert not [f for f in files if "socket" in f and "self" not in f][2:]
        """)
    assert "4 passed" in done.stdout, done.stdout


def test_an_agent_without_a_router(tmp_path):
    done = run(tmp_path, """
        import threading
        import pytest
        from ocs.ocs_agent import OCSAgent, OpSession
        from twisted.internet.defer import Deferred

        def test_it_is_the_real_one(ocs_agent):
            assert isinstance(ocs_agent, OCSAgent)

        def test_a_blocking_operation(ocs_agent):
            ocs_agent.register_feed("feed", record=True)

            def acq(session, params):
                assert threading.current_thread() is not threading.main_thread()
                session.add_message(f"started with {params}")
                message = {"timestamp": 1.0, "block_name": "b", "data": {"T": 4.2}}
                ocs_agent.publish_to_feed("feed", message)
                ocs_agent.publish_to_feed("other", message)
                while session.status == "running":
                    session.data = {"T": 4.2}
                return True, "ended"

            session = ocs_agent.run(acq, {"a": 1})
            assert isinstance(session, OpSession)
            ocs_agent.wait_for(lambda: session.data and len(session.messages) > 2)
            assert session.encoded()["status"] == "running"
            assert ocs_agent.stop_and_wait(session)
            texts = [text for _, text in session.messages]
            assert "started with {'a': 1}" in texts and texts[-2:] == [
                "ended", 'Status is now "done".']
            assert [name for name, _ in ocs_agent.published] == ["feed"]

        def test_an_operation_that_crashes(ocs_agent):
            def acq(session, params):
                raise ValueError("my mistake")
            session = ocs_agent.run(acq)
            assert not ocs_agent.stop_and_wait(session)
            assert "my mistake" in session.messages[-2][1]

        def test_a_non_blocking_operation_with_a_stop_of_its_own(ocs_agent):
            stopped = Deferred()

            def acq(session, params):
                assert threading.current_thread() is threading.main_thread()
                return stopped

            def stop(session, params):
                session.set_status("stopping")
                stopped.callback((True, "stopped"))
                return Deferred()
            session = ocs_agent.run(acq, stop=stop, blocking=False)
            ocs_agent.wait_for(lambda: session.status == "running")
            assert ocs_agent.stop_and_wait(session)

        def test_a_task(ocs_agent):
            ocs_agent.register_task("task", lambda session, params: (True, str(params)))
            assert ocs_agent.start("task", {"x": 1})[0] == 0
            assert ocs_agent.stop_and_wait(ocs_agent.sessions["task"])

        def test_an_operation_is_started_but_once(ocs_agent):
            def acq(session, params):
                while session.status == "running":
                    pass
                return True, ""
            ocs_agent.run(acq)
            with pytest.raises(RuntimeError, match="acq runs already"):
                ocs_agent.run(acq)

        def test_an_operation_that_does_not_stop_fails_the_test_and_no_more(ocs_agent):
            def acq(session, params):
                threading.Event().wait()
            session = ocs_agent.run(acq)
            with pytest.raises(TimeoutError, match="acq is stopping"):
                ocs_agent.close(timeout=0.05)
            session.status = "done"         # or the fixture would wait for it, too
            ocs_agent._pool = ocs_agent._pool.__class__(0, 1)

        def test_a_session_to_play_with(ocs_agent, ocs_session):
            assert ocs_session.status == "running"
            assert ocs_session.app is ocs_agent
            assert ocs_agent.sessions["acq"] is ocs_session
            ocs_session.add_message("hello")
            assert ocs_session.messages[-1][1] == "hello"

        def test_a_wait_is_bounded(ocs_agent, ocs_session):
            ocs_session.degraded = True
            with pytest.raises(TimeoutError, match="acq is running, degraded"):
                ocs_agent.wait_for(lambda: False, timeout=0.02)
        """)
    assert "9 passed" in done.stdout, done.stdout + done.stderr


def test_a_run_that_uses_no_fixture_does_not_notice_the_plugin(tmp_path):
    done = run(tmp_path, """
        import sys

        BEFORE = set(sys.modules)

        def test_nothing_of_ours_is_there():
            ours = {m for m in BEFORE if m.split(".")[0] == "socs_tcp"}
            assert ours <= {"socs_tcp", "socs_tcp.testing", "socs_tcp.testing.pytest_plugin"}
            assert not {"twisted", "txaio", "ocs", "autobahn"} & BEFORE

        def test_txaio_is_the_users_to_choose():
            import txaio
            txaio.use_asyncio()
            from socs_tcp import Link, TCPInterface
            Link("x")._log.error("a line without a framework of ours")
            assert txaio.using_asyncio and not txaio.using_twisted
        """)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_fixtures_are_there(tmp_path):
    done = run(tmp_path, "", "--fixtures")
    for fixture in ("device_server", "fault_proxy", "ocs_agent", "ocs_session",
                    "crossbar_router"):
        assert f"\n{fixture}" in done.stdout
