"""An OCS agent without a router: the real `OCSAgent`, in the test's own process.

Importing this imports ``ocs`` and installs a reactor; the pytest plugin does it only when
one of its fixtures needs it.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from autobahn.wamp.types import ComponentConfig
from ocs.ocs_agent import OCSAgent, OpSession
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, succeed
from twisted.python.threadpool import ThreadPool

reactor: Any = _reactor

#: Messages that are remembered.
REMEMBERED = 1000
#: Seconds of one turn of the reactor, when nothing happens.
TURN = 0.005


class _DaemonThread(threading.Thread):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, daemon=True)


class LocalAgent(OCSAgent):
    """A real `OCSAgent` that never joins a router.

    Operations are registered, started and stopped as usual, and have real sessions; blocking
    ones run in worker threads. The reactor does not run by itself: `wait_for`, `stop_and_wait`
    and `close` turn it, in the thread of the test, which must be the main thread. Messages to a
    feed are checked as usual, and kept in `published`.

    Parameters
    ----------
    instance_id : str

    Attributes
    ----------
    published : deque of (str, dict)
        The last 1000 messages: the feed's name, and the message. Any thread.

    Raises
    ------
    RuntimeError
        If the reactor is running already.
    """

    def __init__(self, instance_id: str = "local-agent") -> None:
        if reactor.running:
            raise RuntimeError("the reactor runs already, and a LocalAgent turns it by itself: "
                               "leave out what runs it (pytest-twisted, say: -p no:twisted)")
        site = argparse.Namespace(instance_id=instance_id, address_root="observatory",
                                  access_policy=None, log_dir=None, working_dir=None)
        super().__init__(ComponentConfig("test_realm", {}), site,
                         address=f"observatory.{instance_id}", class_name=type(self).__name__)
        self.published: deque[tuple[str, Any]] = deque(maxlen=REMEMBERED)
        self._all_sessions: list[Any] = []
        # The reactor's own pool starts only when it runs, and ends with the program.
        self._pool_before, self._pool = reactor.threadpool, ThreadPool(0, 20, "local-agent")
        # An operation that does not stop must not keep the program from ending.
        self._pool.threadFactory = _DaemonThread
        reactor.threadpool = self._pool
        self._pool.start()

    # what OCS calls

    def start(self, op_name: str, params: Any = None, password: str | None = None) -> Any:
        """Start an operation, as a client would: ``(status, message, session)``."""
        result = super().start(op_name, params, password)
        self._remember(self.sessions.get(op_name))
        return result

    def publish_to_feed(self, feed_name: str, message: Any, from_reactor: Any = None) -> None:
        """Publish to a feed that was registered. Any thread of the agent's operations."""
        if feed_name in self.feeds:
            self.published.append((feed_name, message))
        super().publish_to_feed(feed_name, message, from_reactor)

    def publish(self, topic: str, *args: Any, **kwargs: Any) -> None:
        """There is no router to publish to."""

    # what a test calls, in the main thread

    def new_session(self, op_name: str = "acq", status: str = "running") -> Any:
        """A real `OpSession`, for a test that plays the operation itself."""
        session = OpSession(self.next_session_id, op_name, app=self)
        self.next_session_id += 1
        self.sessions[op_name] = session
        self._remember(session)
        if status != "starting":
            session.set_status(status)
        return session

    def _remember(self, session: Any) -> None:
        if session is not None and session not in self._all_sessions:
            self._all_sessions.append(session)

    def run(self, operation: Callable[..., Any], params: Any = None, *,
            stop: Callable[..., Any] | None = None, blocking: bool = True) -> Any:
        """Register `operation` as a process under its own name, start it, and return its session.

        Parameters
        ----------
        operation : callable
            Gets ``(session, params)``, as usual.
        params : dict, optional
        stop : callable, optional
            What stops it. Default: it sets the session's status to ``stopping``, as most agents
            do.
        blocking : bool
            False for one that runs in the reactor and returns a Deferred.
        """
        name = operation.__name__
        before = self.sessions.get(name)
        if before is not None and before.status != "done":
            raise RuntimeError(f"{name} runs already")
        self.register_process(name, operation, stop or _set_stopping, blocking=blocking,
                              stopper_blocking=blocking and stop is not None)
        _, text, _ = self.start(name, params)
        if self.sessions[name] is None:
            raise RuntimeError(text)
        return self.sessions[name]

    def stop_and_wait(self, session: Any, timeout: float = 5.0) -> bool:
        """Stop the operation of `session`, wait for its end; return its success."""
        # OCS cannot stop what has not begun yet.
        self.wait_for(lambda: session.status != "starting", timeout)
        if session.status == "running":
            stop = self.abort if session.op_name in self.tasks else self.stop
            stop(session.op_name)
        self.wait_for(lambda: session.status == "done", timeout)
        return bool(session.success)

    def wait_for(self, condition: Callable[[], object], timeout: float = 5.0) -> None:
        """Turn the reactor until ``condition()`` is true.

        Raises
        ------
        TimeoutError
            If it is not true within `timeout` seconds.
        """
        until = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError(f"not true within {timeout:g} s: {self._told()}")
            reactor.iterate(TURN)

    def close(self, timeout: float = 5.0) -> None:
        """Stop all operations, wait for their end, leave no thread and no timer behind."""
        try:
            started = [s for s in self._all_sessions if getattr(s, "d", None) is not None]
            for session in started:
                self.stop_and_wait(session, timeout)
            # A worker may still wait for something to be done in the reactor.
            self.wait_for(lambda: not self._pool.working, timeout)
            self._pool.stop()
        finally:
            for session in self._all_sessions:
                session.purger.addErrback(lambda _: None)
                session.purger.cancel()
            reactor.threadpool = self._pool_before

    def _told(self) -> str:
        """What the sessions are like, for a test that failed."""
        return "; ".join(
            f"{s.op_name} is {s.status}{', degraded' if s.degraded else ''}, "
            f"its last messages: {[text for _, text in s.messages[-3:]]}"
            for s in self._all_sessions) or "no session"


def _set_stopping(session: Any, params: Any) -> Deferred[tuple[bool, str]]:
    session.set_status("stopping")
    return succeed((True, "told to stop"))
