"""Simulated devices and proxies behind real sockets, in a thread of their own."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self, TypeAlias

from ..faults.faults import Faults
from ..simulation.simulation import Simulation
from ..sockets import bind
from .loop import Loop
from .peer import READ, Peer

Run: TypeAlias = Callable[[Callable[[], None]], None]


class SocketHost:
    """What `DeviceServer` and `FaultProxy` have in common: a listener, clients, a thread.

    It listens when the constructor returns. `close` it, or use it with ``with``.

    Attributes
    ----------
    host : str
    port : int
        Where it listens. It keeps the port while it is unplugged.
    faults : Faults
    """

    def __init__(self, simulation: Callable[[Run], Simulation], host: str, port: int,
                 receive_buffer: int | None = None) -> None:
        # The thread of the loop only.
        self._peers: list[Peer] = []
        self._tell_traffic: Callable[[int, str, bytes | str], None] | None = None
        self._listening = False
        self._listener = bind(host, port, receive_buffer)
        self.host, self.port = self._listener.getsockname()[:2]
        self._loop = Loop(f"simulated-device-{self.port}", self._wait, self._turn, self._failed)
        self._simulation = simulation(self._run)
        self.faults: Faults = self._simulation.faults
        self._loop.start()
        self._loop.run(self._look)

    # what a test sees and does, in any thread

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as `socket.create_connection` takes them."""
        return self.host, self.port

    @property
    def received(self) -> list[bytes]:
        """The last 1000 commands, without terminators; a copy. Any thread."""
        journal = self._simulation.journal
        return journal.read(lambda: list(journal.received))

    @property
    def negotiated(self) -> list[bytes]:
        """The last 1000 telnet commands from clients; a copy. Any thread."""
        journal = self._simulation.journal
        return journal.read(lambda: list(journal.negotiated))

    @property
    def commands(self) -> int:
        """The number of commands received. Any thread."""
        return self._simulation.journal.commands

    @property
    def connections(self) -> int:
        """The number of connections accepted so far. Any thread."""
        return self._simulation.journal.connections

    @property
    def clients(self) -> int:
        """The number of clients connected now. Any thread."""
        return self._simulation.journal.clients

    def wait_for(self, condition: Callable[[], object], timeout: float = 5.0) -> None:
        """Wait until ``condition()`` is true. It is called in this thread, and no lock is held.

        Raises
        ------
        TimeoutError
            If it is not true within `timeout` seconds; the message says what the device has seen.
        """
        self._simulation.journal.wait_for(condition, timeout, self.__repr__)

    def wait_for_clients(self, count: int = 1, timeout: float = 5.0) -> None:
        """Wait until this many clients are connected. Any thread."""
        self.wait_for(lambda: self.clients == count, timeout)

    def wait_for_commands(self, count: int, timeout: float = 5.0) -> None:
        """Wait until this many commands have been received since the start. Any thread."""
        self.wait_for(lambda: self.commands >= count, timeout)

    def unplug(self) -> None:
        """Hang up on all clients, and refuse connections until `plug_in`. Any thread."""
        self._run(self._simulation.unplug)

    def plug_in(self) -> None:
        """Listen again, on the same port. Any thread."""
        self._run(self._simulation.plug_in)

    def tell_traffic(self, callback: Callable[[int, str, bytes | str], None]) -> None:
        """Report all traffic of the clients that connect from now on.

        Parameters
        ----------
        callback : callable
            Gets the number of the connection; then ``>`` and what the client sent, ``<`` and what
            it received, or ``!`` and what happened, in words. Called in the thread that runs the
            device: it must not block.
        """
        def begin() -> None:
            self._tell_traffic = callback
        self._run(begin)

    def close(self) -> None:
        """End the thread and close all sockets. A second call does nothing. Any thread."""
        self._loop.stop(self._close_all)

    def check(self) -> None:
        """Raise the first error of the device's script, if there was one. Any thread."""
        self._simulation.check()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None,
                 tb: TracebackType | None) -> None:
        told = repr(self)
        self.close()
        if exc is None:
            self.check()
        else:
            exc.add_note(told)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.host}:{self.port}: {self._simulation!r}>"

    def _run(self, what: Callable[[], None]) -> None:
        """Do `what` in the loop's thread, with every client known that is connected now."""
        if self._loop.here:
            what()
            return

        def accept_first() -> None:
            self._accept(READ)
            what()
        self._loop.run(accept_first)

    # the thread of the loop

    def _wait(self) -> float:
        return self._simulation.wake_at - self._simulation.clock()

    def _failed(self, error: BaseException) -> None:
        self._simulation.journal.failed(error)

    def _turn(self) -> None:
        simulation = self._simulation
        if simulation.clock() >= simulation.wake_at:
            simulation.tick()
        if simulation.dirty:
            self._look()

    def _look(self) -> None:
        """Look at the listener and at all clients."""
        simulation = self._simulation
        while True:
            simulation.dirty = False
            self._look_at_listener()
            for peer in tuple(self._peers):
                peer.move()
            if not simulation.dirty:
                return

    def _look_at_listener(self) -> None:
        wanted = not self._simulation.refusing
        if wanted == self._listening:
            return
        if wanted:
            self._listener.listen(128)
        else:
            self._accept(READ)      # who has connected is in; not so who tries from now on
            # Shutting a listener down leaves it bound: the port remains ours, and nobody
            # else, not even a client's own end, can take it in the meantime.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listening = wanted
        self._loop.watch(self._listener.fileno(), READ if wanted else 0, self._accept)

    def _accept(self, events: int) -> None:
        # The event may be older than the end of the listening.
        while self._listening:
            try:
                sock, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            peer = self._peer(sock)
            if self._tell_traffic is not None:
                peer.tell = partial(self._tell_traffic, self.connections + 1)
                peer.tell("!", "a client connected")
            self._peers.append(peer)
            self._simulation.admit(peer.line)
            peer.move()

    def _peer(self, sock: socket.socket) -> Peer:
        """What serves a client that has connected."""
        raise NotImplementedError

    def _gone(self, peer: Peer) -> None:
        self._peers.remove(peer)
        self._simulation.leave(peer.line)

    def _close_all(self) -> None:
        self._simulation.unplugged = True       # whatever is due now: never listen again
        for peer in tuple(self._peers):
            peer.close()
        self._loop.watch(self._listener.fileno(), 0, self._accept)
        self._listening = False
        self._listener.close()
