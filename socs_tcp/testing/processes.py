"""Child processes that never outlive the program that started them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

#: Lines of a child's output that an error shows.
TAIL_LINES = 40

# The child's standard input is a pipe of which only we hold the other end. A shell in
# the child's process group waits for its end and then kills the whole group: whatever
# ends this program, kill -9 included, its children and theirs end, too.
_LIFELINE = 'exec 3<&0 </dev/null; (read -r _ <&3; kill -s KILL 0) & exec "$@" 3<&-'


class ChildProcess:
    """A program in a process group of its own, with its output in a file.

    A group of its own, so that Ctrl-C in a terminal reaches this program only, which
    then ends its children in order.

    Parameters
    ----------
    name : str
        What errors call it.
    command : sequence of str
        The program and its arguments.
    output : Path
        The file for its standard output and errors; appended to.
    env : mapping, optional
        Its environment; this program's by default.
    cwd : Path, optional
        Its working directory; this program's by default.

    Notes
    -----
    To be used by one thread at a time.
    """

    def __init__(self, name: str, command: Sequence[str], output: Path, *,
                 env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        self.name = name
        self.output_file = output
        with output.open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _LIFELINE, "lifeline", *command], stdin=subprocess.PIPE,
                stdout=log, stderr=subprocess.STDOUT, env=env, cwd=cwd, start_new_session=True)

    def __repr__(self) -> str:
        state = "running" if self.running else f"ended with {self._process.returncode}"
        return f"<ChildProcess {self.name} {self._process.pid} {state}>"

    @property
    def pid(self) -> int:
        """Its process id, which is that of its group, too."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Has it not ended yet?"""
        return self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def output(self) -> str:
        """All that it wrote so far."""
        return self.output_file.read_text(errors="replace")

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The end of what it wrote, indented, for an error message."""
        text = self.output().splitlines()[-lines:]
        return "\n".join(f"    {line}" for line in text) or "    (no output)"

    def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for its end. Has it ended?"""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, unless it has ended."""
        # The lifeline is in the group, too: as long as we hold it, the number is the group's.
        lifeline = self._process.stdin
        if lifeline is not None and not lifeline.closed:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def stop(self, timeout: float = 10.0) -> bool:
        """Interrupt it as Ctrl-C does, wait up to `timeout` seconds, then kill it.

        Returns
        -------
        bool
            Did it end by itself?
        """
        try:
            if self.running:
                self.signal(signal.SIGINT)
            return self.wait(timeout)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it and all it started, at once. Harmless when it has ended."""
        lifeline = self._process.stdin
        if lifeline is None or lifeline.closed:
            return          # ended before; the number may be another group's by now
        self.signal(signal.SIGKILL)
        self._process.wait()
        lifeline.close()
