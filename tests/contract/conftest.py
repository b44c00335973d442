"""The contract of both faces: each test here is run with `TCPInterface` and `DeviceClient`."""

import contextlib
import time

import pytest
from contract_faces import BlockingFace, ReactorThread, TwistedFace
from hand_device import HandDevice
from twisted.logger import globalLogPublisher

from socs_tcp.testing import DeviceServer

ANSWERS = {"*IDN?": "ONE", "A": "alpha", "B": "beta", "C": "gamma", "LONG": "0123456789"}


@pytest.fixture(scope="session")
def reactor_thread():
    thread = ReactorThread()
    yield thread
    thread.stop()


@pytest.fixture
def server():
    with DeviceServer(dict(ANSWERS)) as server:
        yield server


@pytest.fixture
def hand():
    """Makes a device by hand."""
    made = []

    def hand(*scripts):
        made.append(HandDevice(*scripts))
        return made[-1]
    yield hand
    for device in made:
        device.close()


@pytest.fixture(params=[BlockingFace, TwistedFace], ids=lambda face: face.name)
def make(request, reactor_thread):
    """Makes a device of the face under test, connected unless told otherwise."""
    with contextlib.ExitStack() as stack:
        def make(server, *, connected=True, **kwargs):
            kwargs.setdefault("min_interval", 0.05)
            face = request.param(reactor_thread, *_address(server), **kwargs)
            stack.callback(face.close)
            if connected:
                face.connected()
                if isinstance(server, DeviceServer):
                    server.wait_for_clients(1)
            return face
        yield make


@pytest.fixture
def make_twisted(reactor_thread):
    """As `make`, for what only Deferreds can do."""
    with contextlib.ExitStack() as stack:
        def make(server, **kwargs):
            face = TwistedFace(reactor_thread, *_address(server), **kwargs)
            stack.callback(face.close)
            face.connected()
            return face
        yield make


def _address(server):
    return server.address if hasattr(server, "address") else server


@pytest.fixture
def device(make, server):
    return make(server)


@pytest.fixture
def lines():
    """What is logged of links: texts that begin with an address."""
    seen = []

    def observer(event):
        seen.append(event.get("text", ""))
    globalLogPublisher.addObserver(observer)
    yield seen
    globalLogPublisher.removeObserver(observer)


@pytest.fixture
def lasting():
    """``with lasting(seconds)``: the block takes at least so long.

    How long it takes at most is up to the machine. What would wait for something else is found
    out by `PATIENCE`: that something else is `NEVER`.
    """
    @contextlib.contextmanager
    def lasting(least):
        began = time.monotonic()
        yield
        took = time.monotonic() - began
        assert took >= least, f"it took {took:.3f} s, not {least}"
    return lasting
