"""Other threads of the process: one that uses a client, and ten that are busy."""

import threading

import pytest
from process_device import BOUND, CALLS

from socs_tcp import DeviceClient, LineFramer
from tests.storms.deferreds import own_reactor


@pytest.fixture
def connected(device):
    with own_reactor() as real:
        client = DeviceClient("127.0.0.1", device.port, 5.0, reactor=real.reactor,
                              framer=LineFramer(b"\n"))
        assert real.until(lambda: client.link.connects, BOUND)
        yield real, client
        closed = client.close()
        assert real.until(lambda: closed.called, BOUND)


@pytest.mark.parametrize("call", CALLS)
def test_a_client_that_is_used_in_another_thread_says_so(connected, call):
    real, client = connected
    raised = []

    def use():
        try:
            CALLS[call](client)
        except Exception as exc:
            raised.append(exc)
    thread = threading.Thread(target=use)
    thread.start()
    thread.join(BOUND)
    error, = raised
    assert type(error) is RuntimeError
    assert "belongs to the thread of its reactor" in str(error)
    assert "use reactor.callFromThread" in str(error)
    # and nothing has happened to the client
    answers = []
    client.query("T?").addBoth(answers.append)
    assert real.until(lambda: answers, BOUND)
    assert answers == [b"ok"]


def test_ten_long_operations_do_not_stand_between_a_client_and_its_name(device):
    """They fill the reactor's thread pool, as blocking operations of OCS do."""
    over = threading.Event()
    with own_reactor() as real:
        pool = real.reactor.getThreadPool()
        pool.start()
        for _ in range(pool.max):
            pool.callInThread(over.wait, BOUND)
        try:
            client = DeviceClient("localhost", device.port, BOUND / 2, reactor=real.reactor,
                                  framer=LineFramer(b"\n"))
            answers = []
            client.query("T?").addBoth(answers.append)
            assert real.until(lambda: answers, BOUND)
            assert answers == [b"ok"]
            closed = client.close()
            assert real.until(lambda: closed.called, BOUND)
            assert len(pool.working) == pool.max, "none of them is free yet"
        finally:
            over.set()
            pool.stop()
