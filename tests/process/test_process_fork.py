"""The process forks, and the object is copied: the connection stays its owner's."""

import contextlib
import copy
import gc
import os
import signal
import socket
import threading

import pytest

from socs_tcp import DeviceClient, LineFramer
from socs_tcp.tcp import TCPInterface
from socs_tcp.testing import DeviceServer
from tests.storms.deferreds import own_reactor

BOUND = 10


@pytest.fixture
def interface(device):
    with TCPInterface("127.0.0.1", device.port, BOUND, framer=LineFramer(b"\n")) as interface:
        assert interface.query("T?") == b"ok"
        yield interface


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


def test_a_copy_that_goes_does_not_end_the_connection_of_the_original(interface, device):
    copied = copy.copy(interface)
    del copied
    gc.collect()
    assert interface.query("T?") == b"ok"
    assert interface.link.losses == 0
