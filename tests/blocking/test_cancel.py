"""The end of all waiting."""

import os
import select
import signal
import threading

import pytest

from socs_tcp.blocking.cancel import Cancel, Waker

BOUND = 10


def readable(waker):
    return bool(select.select([waker], [], [], 0)[0])


def test_it_goes_one_way():
    cancel = Cancel()
    assert not cancel.is_set()
    assert not cancel.wait(0)
    cancel.set()
    cancel.set()
    assert cancel.is_set()
    assert cancel.wait(0)
    assert cancel.wait()


def test_it_ends_a_wait_in_another_thread():
    cancel, ended = Cancel(), []
    thread = threading.Thread(target=lambda: ended.append(cancel.wait(BOUND)))
    thread.start()
    cancel.set()
    thread.join(BOUND)
    assert ended == [True]


@pytest.mark.parametrize("seconds", [-1, 0, 1e-3, 1e-9])
def test_a_wait_that_nobody_ends(seconds):
    assert not Cancel().wait(seconds)


def test_a_wait_may_be_longer_than_the_system_can_count():
    cancel = Cancel()
    threading.Timer(0, cancel.set).start()
    assert cancel.wait(1e300)


def test_each_callback_is_called_once():
    cancel, called = Cancel(), []
    with cancel.calling(lambda: called.append(1)), cancel.calling(lambda: called.append(2)):
        assert not called
        cancel.set()
        cancel.set()
        assert sorted(called) == [1, 2]


def test_where_it_is_set_already_a_callback_is_called_at_once():
    cancel, called = Cancel(), []
    cancel.set()
    with cancel.calling(lambda: called.append(1)):
        assert called == [1]


def test_after_its_context_a_callback_is_not_called():
    cancel, called = Cancel(), []
    with cancel.calling(lambda: called.append(1)):
        pass
    cancel.set()
    assert not called


def test_a_signal_handler_may_set_it_wherever_it_interrupts():
    for _ in range(50):
        cancel = Cancel()
        old = signal.signal(signal.SIGALRM, lambda *args, cancel=cancel: cancel.set())
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0002)
            assert cancel.wait(BOUND)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)


def test_a_waker_is_readable_until_it_is_cleared():
    waker = Waker()
    assert not readable(waker)
    waker.wake()
    waker.wake()
    assert readable(waker)
    waker.clear()
    assert not readable(waker)
    waker.clear()
    waker.close()


def test_waking_never_blocks():
    waker = Waker()
    for _ in range(70000):      # more than a pipe takes
        waker.wake()
    assert readable(waker)
    waker.close()


def test_a_waker_that_is_closed_touches_nobody_elses_descriptor():
    waker = Waker()
    waker.close()
    read, write = os.pipe()     # the same numbers
    waker.wake()
    waker.close()
    assert not select.select([read], [], [], 0)[0]
    os.close(read)
    os.close(write)
