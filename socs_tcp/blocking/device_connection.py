"""A connection on a socket of our own: half the system calls."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from threading import get_ident
from typing import Any

from ..core.errors import CLOSED
from .connection import GONE, RDHUP, READ_SIZE, Connection, EndOfConnection
from .device_socket import DeviceSocket

#: Seconds after which a reply is waited for with more care; the same in milliseconds.
FIRST_LOOK = 0.25
FIRST_LOOK_MS = int(FIRST_LOOK * 1000)


class DeviceConnection(Connection):
    """A connection on a `DeviceSocket`.

    A socket with a timeout polls before each of its operations. We wait by ourselves, and
    then read and write the descriptor: half the system calls, which pays for the look at
    the connection before each command. That is safe only with a `DeviceSocket`, which keeps its
    descriptor for as long as a call uses it.

    A reply is waited for in the read itself at first (`get`): three system calls a question, the
    look at the connection included. Not in the main thread: there, Python reads again after each
    signal, whatever the time, so that signals which come in quick succession would keep a call for
    ever. (In other threads it runs no handlers, and the system does not send them signals.)
    """

    __slots__ = ("_main",)

    SOCKET = DeviceSocket

    comm: DeviceSocket
    _fd: int

    def __init__(self, comm: DeviceSocket, *args: Any) -> None:
        super().__init__(comm, *args)
        comm.asides, comm.silence = self.asides, self.conversation.silence
        self._main = threading.main_thread().ident

    def closed(self) -> bool:
        return self.comm.closing

    def lost(self) -> bool:
        if self.dead or self.comm.closing:
            return True
        poll = self._poll       # (what is called as an attribute takes longer)
        events = poll(0)
        return bool(events) and (bool(events[0][1] & GONE) or (not RDHUP and self.at_end()))

    def quiet(self) -> bool:
        poll = self._poll
        return not (self.dead or self.comm.closing or poll(0))

    def wait(self, deadline: float) -> bool:
        if self.comm.closing:
            return True         # the read that follows says what is wrong
        return self._patience.wait(self._poll, deadline)

    def get(self, now: float, deadline: float, count: int = READ_SIZE) -> Any:
        comm = self.comm
        if deadline - now < FIRST_LOOK or comm.closing or self._telnet is not None:
            return Connection.get(self, now, deadline, count)
        try:
            if comm.waits is False or get_ident() == self._main:
                poll = self._poll
                if not poll(FIRST_LOOK_MS):
                    return Connection.get(self, now, deadline, count)
            elif comm.waits is None:
                comm.wait_in_reads()
            data = os.read(self._fd, count)
        except BlockingIOError:
            return Connection.get(self, now, deadline, count)
        if not data:
            raise EndOfConnection
        return data

    def read(self, count: int = READ_SIZE) -> bytes:
        if self.comm.closing:
            raise EndOfConnection
        try:
            data = os.read(self._fd, count)
        except BlockingIOError:
            data = self.comm.recv(count)    # the system took back what it announced
        if not data:
            raise EndOfConnection
        return data if self._telnet is None else self._without_telnet(data)

    def _write(self, data: bytes, deadline: float) -> None:
        if self.comm.closing:
            raise ConnectionAbortedError(CLOSED)
        try:
            done = os.write(self._fd, data)
        except BlockingIOError:
            done = 0
        if done != len(data):
            self._halfway = done > 0
            try:
                self._write_slowly(data[done:], deadline)
            finally:
                self._halfway = False

    def _write_slowly(self, data: bytes, deadline: float) -> None:
        """To a device that does not take it at once."""
        poll, left = select.poll(), memoryview(data)
        poll.register(self.comm, select.POLLOUT)
        while left:
            if not self._patience.wait(poll.poll, deadline):
                raise TimeoutError("timed out")
            if self.comm.closing:
                raise ConnectionAbortedError(CLOSED)
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(self._fd, left):]
                self._halfway = True

    def close(self) -> None:
        self.comm.finish()

    def finish(self) -> None:
        self.comm.finish()
