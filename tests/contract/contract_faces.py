"""Both faces behind one set of names, so that one set of tests holds for both.

A call of a test goes to a thread of its own (`BlockingFace`) or to a reactor in a thread of
its own (`TwistedFace`); ``start`` gives a future, and the other methods wait for it.
"""

import inspect
import select
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

from twisted.internet.defer import ensureDeferred
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.threads import blockingCallFromThread

from socs_tcp import DeviceClient, LineFramer, TCPInterface

#: Seconds within which anything that is to happen at all must happen.
PATIENCE = 10.0
#: Seconds after which no test is there any more.
NEVER = 600.0


def wait_for(condition, what="", patience=PATIENCE):
    """Until ``condition()`` is true; looked at about every millisecond."""
    pause = threading.Event()
    until = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > until:
            what = what or inspect.getsource(condition)
            raise AssertionError(f"not within {patience:g} s: {what}")
        pause.wait(0.001)
    return found


class ReactorThread:
    """A reactor that is not the installed one, in a thread of its own."""

    def __init__(self):
        self.reactor = EPollReactor()
        self._thread = threading.Thread(
            target=self.reactor.run, kwargs={"installSignalHandlers": False},
            name="contract-reactor", daemon=True)
        self._thread.start()
        self.call(lambda: None)

    def call(self, function):
        """Do it in the reactor's thread; wait for its Deferred, if it returns one."""
        return blockingCallFromThread(self.reactor, function)

    def stop(self):
        self.reactor.callFromThread(self.reactor.stop)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


class Face:
    """What both faces have in common."""

    device: object

    @property
    def link(self):
        return self.device.link

    @property
    def comm(self):
        return self.device.comm

    def start(self, name, *args, **kwargs):
        """Call a method of the device; a future for its result."""
        raise NotImplementedError

    def query(self, msg, timeout=None, **kwargs):
        return self.start("query", msg, timeout, **kwargs).result(PATIENCE)

    def send(self, msg, **options):
        """A whole command: only the Twisted face adds the terminator by itself."""
        return self.start("send", msg + b"\r\n", **options).result(PATIENCE)

    def error(self, msg, timeout=None, **kwargs):
        """What a query fails with."""
        error = self.start("query", msg, timeout, **kwargs).exception(PATIENCE)
        assert error is not None, f"{msg!r} was answered"
        return error

    def good(self, msg, expected):
        """Query until the answer is there: for a device that is about to be back."""
        def is_good():
            future = self.start("query", msg)
            if future.exception(PATIENCE) is not None:
                return False
            assert future.result() == expected
            return True
        wait_for(is_good, f"a good reply to {msg!r}")


class BlockingFace(Face):
    """`TCPInterface`, called from worker threads."""

    name = "blocking"

    def __init__(self, _reactor_thread, host, port, timeout=2.0, framer=None, **kwargs):
        self._pool = ThreadPoolExecutor(8)
        self.device = TCPInterface(host, port, timeout, framer=framer or LineFramer(), **kwargs)

    def start(self, name, *args, **kwargs):
        return self._pool.submit(getattr(self.device, name), *args, **kwargs)

    def recv(self, timeout=None):
        return self.start("recv_frame", timeout)

    @contextmanager
    def reserve(self):
        with self.device.reserve() as talk:
            yield SimpleNamespace(
                query=talk.query, send=lambda msg, **options: talk.send(msg + b"\r\n", **options),
                recv=lambda: talk.recv().removesuffix(b"\r\n"))

    def loop(self, into, most=None):
        """Loop over `frames`, until there are so many; a future for its end."""
        def run():
            for frame in self.device.frames():
                into.append(frame)
                if len(into) == most:
                    break
        return self._pool.submit(run)

    def socket(self):
        return self.device.comm

    def connected(self):
        assert self.device.comm is not None

    def wait_unread(self, _count):
        """Until something has come that nobody asked for."""
        assert select.select([self.device.comm], [], [], PATIENCE)[0]

    def close(self):
        self.device.close()
        self._pool.shutdown()


class TwistedFace(Face):
    """`DeviceClient`, called in its reactor's thread."""

    name = "twisted"

    def __init__(self, reactor_thread, host, port, timeout=2.0, **kwargs):
        self._thread = reactor_thread
        self._seen = 0      # bytes that `wait_unread` has waited for
        self.device = self._thread.call(lambda: DeviceClient(
            host, port, timeout, reactor=reactor_thread.reactor, **kwargs))

    def start(self, name, *args, **kwargs):
        future = Future()
        self._thread.reactor.callFromThread(self._start, future, name, args, kwargs)
        return future

    def _start(self, future, name, args, kwargs):
        try:
            deferred = getattr(self.device, name)(*args, **kwargs)
        except Exception as exc:
            future.set_exception(exc)
            return
        future.deferred = deferred
        deferred.addCallbacks(future.set_result,
                              lambda failure: future.set_exception(failure.value))

    def cancel(self, future):
        wait_for(lambda: hasattr(future, "deferred"))
        self._thread.call(future.deferred.cancel)

    def in_reactor(self, function):
        return self._thread.call(function)

    def recv(self, timeout=None):
        return self.start("recv", timeout)

    @contextmanager
    def reserve(self):
        talk = self._thread.call(self.device.reserve)

        def calls(method):
            return lambda *args, **options: self._thread.call(lambda: method(*args, **options))
        try:
            yield SimpleNamespace(query=calls(talk.query), send=calls(talk.send),
                                  recv=calls(talk.recv))
        finally:
            self._thread.call(talk.release)

    def loop(self, into, most=None):
        future = Future()

        async def run():
            async for frame in self.device.frames():
                into.append(frame)
                if len(into) == most:
                    break
        self._thread.reactor.callFromThread(
            lambda: ensureDeferred(run()).addCallbacks(
                future.set_result, lambda failure: future.set_exception(failure.value)))
        return future

    def socket(self):
        return self.device.comm.transport.getHandle()

    def connected(self):
        self.start("when_connected").result(PATIENCE)

    def wait_unread(self, count):
        seen = self._seen
        self._seen += count
        wait_for(lambda: self.link.bytes_received >= seen + count, f"{count} bytes")

    def close(self):
        self._thread.call(self.device.close)
