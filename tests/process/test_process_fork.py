"""The process forks, and the object is copied: the connection stays its owner's."""

import contextlib
import copy
import gc
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from process_device import CALLS

from socs_tcp import DeviceClient, LineFramer
from socs_tcp.agent.degraded import Degraded
from socs_tcp.core import log_budget
from socs_tcp.serial import SerialOverTCP
from socs_tcp.tcp import TCPInterface
from socs_tcp.testing import DeviceServer
from tests.storms.deferreds import own_reactor

BOUND = 10


@pytest.fixture
def interface(device):
    with TCPInterface("127.0.0.1", device.port, BOUND, framer=LineFramer(b"\n")) as interface:
        assert interface.query("T?") == b"ok"
        yield interface


@contextlib.contextmanager
def held_by_a_thread(*locks):
    """Another thread has these locks meanwhile, as one that a forked child lacks."""
    held, over = threading.Event(), threading.Event()

    def hold():
        with contextlib.ExitStack() as stack:
            for lock in locks:
                stack.enter_context(lock)
            held.set()
            over.wait(BOUND)
    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(BOUND)
        yield
    finally:
        over.set()
        thread.join(BOUND)


def test_a_drop_is_seen_by_the_device_although_a_child_lives_on(interface, device):
    child = os.fork()
    if not child:       # in the child: nothing of pytest
        signal.pause()
        os._exit(0)
    try:
        interface.close()
        assert device.ended.acquire(timeout=BOUND)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("stuck", [False, True])
def test_a_drop_of_a_client_is_seen_although_a_child_lives_on(stuck):
    """Also where the device takes nothing, and the connection is aborted."""
    with own_reactor() as real, socket.create_server(("127.0.0.1", 0)) as listener:
        client = DeviceClient("127.0.0.1", listener.getsockname()[1], BOUND,
                              reactor=real.reactor)
        assert real.until(lambda: client.comm is not None, BOUND)
        far = listener.accept()[0]
        far.settimeout(BOUND)
        if stuck:
            client.send(b"x" * (16 << 20)).addErrback(lambda failure: None)
            real.turn(0)
        child = os.fork()
        if not child:       # in the child: nothing of pytest
            signal.pause()
            os._exit(0)
        try:
            closed = client.close()
            assert real.until(lambda: closed.called, BOUND)
            with contextlib.suppress(ConnectionResetError):
                while far.recv(1 << 20):
                    pass
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            far.close()


@pytest.mark.parametrize("how", ["close", "del"])
def test_a_child_that_leaves_does_not_end_the_connection_of_its_parent(interface, device, how):
    child = os.fork()
    if not child:       # in the child: nothing of pytest
        try:
            if how == "close":
                interface.close()
            else:
                interface.comm = None
                gc.collect()
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert interface.query("T?") == b"ok"
    assert interface.link.losses == 0
    assert not device.ended.acquire(blocking=False)


def in_a_child(use):
    """What `use` returns in a forked child, as text."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:       # in the child: nothing of pytest
        try:
            os.write(writing, repr(use()).encode())
        except BaseException as exc:
            os.write(writing, repr(exc).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as said:
        text = said.read().decode()
    os.waitpid(child, 0)
    return text


@pytest.mark.parametrize("held", [False, True])
def test_a_child_has_a_connection_of_its_own(held):
    """Also where another thread of the parent is in the middle of a call."""
    with DeviceServer({"T?": "ok"}) as device, TCPInterface(
            device.host, device.port, BOUND, framer=LineFramer()) as interface:
        assert interface.query("T?") == b"ok"
        failures = []

        def ask():
            try:
                interface.query("never answered")
            except ConnectionError as exc:
                failures.append(exc)
        with contextlib.ExitStack() as stack:
            if held:
                thread = threading.Thread(target=ask)
                stack.callback(thread.join)
                stack.callback(interface.close)
                thread.start()
                device.wait_for_commands(2, timeout=BOUND)
            assert in_a_child(lambda: interface.query("T?")) == "b'ok'"
            assert device.connections == 2
            assert interface.link.losses == 0 and not failures
            if not held:
                assert interface.query("T?") == b"ok"
                assert device.connections == 2


def test_a_child_waits_for_no_thread_of_its_parent():
    """Which another thread held as the process forked, or was busy with for seconds."""
    heard, alarms = [], []
    with DeviceServer({"T?": "ok"}) as device, TCPInterface(
            device.host, device.port, BOUND, framer=LineFramer(),
            on_unasked=alarms.append) as interface:
        assert interface.query("T?") == b"ok"
        link = interface.link
        session = Mock(session_id=0, status="running", messages=[])
        degraded = Degraded.of(SimpleNamespace(sessions={"acq": session}), Mock())
        degraded.watch(interface, None)
        link.observe(lambda _link, change: heard.append(change.new.value))

        def use():
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(BOUND)         # where it hangs, it ends with nothing said
            answer = interface.query("T?")
            link.failed(ConnectionError("gone"))
            link.tell()
            listeners.frames.append(b"alarm")
            listeners.tell()
            return answer, heard, alarms, session.degraded
        listeners = interface._TCPInterface__session.alarms
        with held_by_a_thread(link._lock, log_budget._waker._lock, listeners._lock,
                              degraded._lock):
            link._telling = True
            answer = in_a_child(use)
            link._telling = False
    assert answer == "(b'ok', ['down'], [b'alarm'], True)"


def test_a_child_sends_beside_its_own_call():
    """A thread of its parent was sending beside another call as the process forked."""
    with DeviceServer({"T?": "ok"}) as device, TCPInterface(
            device.host, device.port, BOUND, framer=LineFramer(), gap=0.001) as interface:
        beside = interface._TCPInterface__beside
        def use():
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(BOUND)         # where it hangs, it ends with nothing said
            heard = []
            listener = threading.Thread(target=lambda: heard.append(interface.recv_frame()))
            listener.start()
            while not interface._TCPInterface__session.gate.may_pass(False):
                time.sleep(0.001)
            interface.send("T?\r\n")
            listener.join(BOUND)
            return heard
        with held_by_a_thread(beside._lock):
            answer = in_a_child(use)
    assert answer == "[b'ok']"


def test_a_child_reads_a_serial_port_that_a_thread_of_its_parent_reads():
    with DeviceServer({"T?": "ok"}) as device, \
            SerialOverTCP(device.host, device.port, BOUND) as port:
        port.write(b"T?\r\n")
        assert port.readline() == b"ok\r\n"
        port.timeout = None
        read = []
        thread = threading.Thread(target=lambda: read.append(port.read(3)))
        thread.start()
        device.wait_for(lambda: not port._incoming._lock.acquire(blocking=False)
                        or port._incoming._lock.release())

        def use():
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(BOUND)
            port.write(b"T?\r\n")
            return port.readline()
        answer = in_a_child(use)
        device.say(b"!")
        thread.join(BOUND)
    assert answer == "b'ok\\r\\n'"
    assert read == [b"!\r\n"]


@pytest.fixture
def client():
    """One with a reservation, on a reactor of our own."""
    with own_reactor() as real, DeviceServer({"T?": "ok"}) as device:
        client = DeviceClient(device.host, device.port, BOUND, reactor=real.reactor)
        talks = []
        client.reserve().addCallback(talks.append)
        assert real.until(lambda: talks, BOUND)
        yield real, device, client, talks[0]
        closed = client.close()
        assert real.until(lambda: closed.called, BOUND)


@pytest.mark.parametrize("call", CALLS)
def test_a_client_is_refused_in_a_child(client, call):
    """It would speak on the connection of its parent, or take that from its reactor."""
    real, device, client, talk = client
    told = in_a_child(lambda: CALLS[call](client))
    assert told.startswith('RuntimeError("a DeviceClient belongs to the process'), told
    assert "spawn" in told
    talk.release()
    answers = []
    client.query("T?").addBoth(answers.append)
    assert real.until(lambda: answers, BOUND)
    assert answers == [b"ok"] and device.received == [b"T?"]
    assert client.link.losses == 0 and device.connections == 1


@pytest.mark.parametrize("urgent", [False, True])
def test_a_reservation_sends_nothing_in_a_child(client, urgent):
    real, device, _client, talk = client
    in_a_child(lambda: talk.send("CHILD", urgent=urgent))
    answers = []
    talk.query("T?").addBoth(answers.append)
    assert real.until(lambda: answers, BOUND)
    assert answers == [b"ok"] and device.received == [b"T?"]
    talk.release()


def test_a_daemon_is_no_such_child():
    """``twistd`` forks before its reactor runs, and the child is the one that goes on."""
    with own_reactor() as real, DeviceServer({"T?": "ok"}) as device:
        client = DeviceClient(device.host, device.port, BOUND, reactor=real.reactor)

        def go_on():
            answers = []
            client.query("T?").addBoth(answers.append)
            assert real.until(lambda: answers, BOUND)
            return answers
        assert in_a_child(go_on) == "[b'ok']"


def test_a_child_of_a_running_reactor_makes_no_client(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("""
import os
from twisted.internet import reactor
from socs_tcp import DeviceClient

def fork():
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        reactor.stop()
        return
    try:
        DeviceClient("127.0.0.1", 1)
    except RuntimeError as exc:
        print(exc, flush=True)
    finally:
        os._exit(0)

reactor.callWhenRunning(fork)
reactor.run()
""")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True,
                          timeout=60)
    assert done.stdout.startswith("a DeviceClient belongs to the process"), done


@pytest.mark.parametrize("take", [pickle.dumps, copy.deepcopy])
@pytest.mark.parametrize("face", ["blocking", "twisted", "link"])
def test_a_device_cannot_go_to_another_process(interface, client, face, take):
    """As an argument of a process that is started with ``spawn``, say."""
    thing = {"blocking": interface, "twisted": client[2], "link": interface.link}[face]
    with pytest.raises(TypeError, match="make it in the process that uses it") as error:
        take({"device": thing})
    assert str(error.value).startswith("127.0.0.1:")


def test_a_copy_that_goes_does_not_end_the_connection_of_the_original(interface, device):
    copied = copy.copy(interface)
    del copied
    gc.collect()
    assert interface.query("T?") == b"ok"
    assert interface.link.losses == 0
