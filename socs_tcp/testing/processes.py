"""Child processes that never outlive the program that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

#: Lines of a child's output that an error shows.
TAIL_LINES = 40

# Its standard input is a pipe of which only this program holds the other end: whatever ends
# this program, kill -9 included, its children and theirs end, too.
_LIFELINE = 'read -r _; kill -s KILL -- "-$1"'


@contextmanager
def no_interruption() -> Iterator[None]:
    """Finish what is inside before a SIGINT or SIGTERM is delivered.

    Between the start of a process and the assignment that remembers it, an exception would
    leave that process to itself. Only the main thread is ever interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _frame: came.append(number))
                for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)    # None: not set from Python
        for waiting in came:
            signal.raise_signal(waiting)


class ChildProcess:
    """A program in its own process group, with its output in a file.

    Its own group, so that Ctrl-C in a terminal reaches this program only, which then ends its
    children in order.

    Parameters
    ----------
    name : str
        Its name in errors.
    command : sequence of str
        The program and its arguments.
    output : Path
        The file for its standard output and errors; appended to.
    env : mapping, optional
        Its environment. Default: that of this program.
    cwd : Path, optional
        Its working directory. Default: that of this program.

    Notes
    -----
    For one thread at a time.
    """

    def __init__(self, name: str, command: Sequence[str], output: Path, *,
                 env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        self.name = name
        self.output_file = output
        try:
            with no_interruption():
                self._start(command, env, cwd)
        except (KeyboardInterrupt, SystemExit):     # it has started, and nobody will have it
            self.kill()
            raise

    def _start(self, command: Sequence[str], env: Mapping[str, str] | None,
               cwd: Path | None) -> None:
        with self.output_file.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=env, cwd=cwd, start_new_session=True)
        self._lifeline = subprocess.Popen(
            ["/bin/sh", "-c", _LIFELINE, "lifeline", str(self.pid)], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def __repr__(self) -> str:
        state = "running" if self.running else f"ended with {self.returncode}"
        return f"<ChildProcess {self.name} {self.pid} {state}>"

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Is it still running?"""
        return self.returncode is None

    @property
    def returncode(self) -> int | None:
        """Its exit code: negative after a signal, None while it runs."""
        if self._process.returncode is not None:
            return self._process.returncode
        # Seen but not collected: until `kill` its number stays taken, and with it the
        # group's, so that no signal of ours can ever reach a stranger.
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def output(self) -> str:
        """Everything it has written so far."""
        return self.output_file.read_text(errors="replace")

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The end of what it wrote, indented, for an error message."""
        text = self.output().splitlines()[-lines:]
        return "\n".join(f"    {line}" for line in text) or "    (no output)"

    def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for its end; True if it has ended."""
        give_up = time.monotonic() + timeout
        while self.running:
            if time.monotonic() > give_up:
                return False
            time.sleep(0.005)
        return True

    def stop(self, timeout: float = 10.0) -> bool:
        """Interrupt it as Ctrl-C does; kill it if it still runs after `timeout` seconds.

        Returns
        -------
        bool
            True if it ended without being killed.
        """
        try:
            self._signal_group(signal.SIGINT)
            return self.wait(timeout)
        finally:
            self.kill()

    def terminate(self, timeout: float = 3.0) -> bool:
        """Like `stop`, but let it end its own child processes."""
        try:
            self._process.terminate()
            return self.wait(timeout)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it and everything it started, at once. Harmless if it has ended."""
        self._signal_group(signal.SIGKILL)
        self._process.wait()
        self._lifeline.kill()       # before its end of the pipe: it must not kill any more
        self._lifeline.wait()
        if self._lifeline.stdin is not None:
            self._lifeline.stdin.close()

    def _signal_group(self, number: signal.Signals) -> None:
        if self._process.returncode is None:    # not collected yet
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)
