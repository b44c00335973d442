"""Commands as real processes: in a pipe, as servers, and on a terminal."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time

import pexpect
import pyte

BOUND = 30      # seconds; a process takes most of one to start on a busy machine


def command_line(text):
    return [sys.executable, "-m", "socs_tcp", *shlex.split(text)]


def run(text, **kwargs):
    return subprocess.run(command_line(text), check=False, capture_output=True, text=True,
                          timeout=BOUND, **kwargs)


class Served:
    """A command that listens, with what it prints and what is typed to it."""

    def __init__(self, text):
        self.process = subprocess.Popen(command_line(text), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, bufsize=1)
        self.first = self.process.stdout.readline()
        match = re.search(r" on (.+):(\d+);", self.first)
        assert match, self.first + self.process.stdout.read()
        self.host, self.port = match[1], int(match[2])

    def type(self, line):
        self.process.stdin.write(line + "\n")
        return self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.process.kill()
        self.process.communicate()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=BOUND)
        return self.process.returncode, rest


class Terminal:
    """A command on a terminal of its own, and what a person sees there.

    `lines` is what stands on the screen, drawn by a terminal emulator: what was cleared, or
    drawn over, is not there.
    """

    CTRL_C, CTRL_D, TAB, UP = "\x03", "\x04", "\t", "\x1b[A"

    def __init__(self, text, *, rows=24, columns=80, **environment):
        self._screen = pyte.HistoryScreen(columns, rows, history=1000)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        command, *arguments = command_line(text)
        self.process = pexpect.spawn(
            command, arguments, dimensions=(rows, columns), timeout=BOUND,
            env={**os.environ, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1",
                 **environment})
        self.process.delaybeforesend = None

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.process.close(force=True)

    def type(self, text):
        self.process.send(text)

    def enter(self, line):
        self.type(line + "\r")

    def resize(self, rows, columns):
        self.process.setwinsize(rows, columns)
        self._screen.resize(rows, columns)

    @property
    def lines(self):
        """The lines on the screen, the empty ones left out."""
        return [line.rstrip() for line in self._screen.display if line.strip()]

    def read(self):
        """Take what was written; False at the end."""
        try:
            data = self.process.read_nonblocking(65536, timeout=0.05)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += data
        self._stream.feed(data)
        return True

    def see(self, condition, what=""):
        """Wait until `condition`, a text on the screen or a function of its lines, is there."""
        wanted = condition if callable(condition) else \
            (lambda lines: any(condition in line for line in lines))
        give_up = time.monotonic() + BOUND
        alive = True
        while not wanted(self.lines):
            assert alive and time.monotonic() < give_up, \
                f"not seen: {what or condition!r}; the screen:\n" + "\n".join(self.lines)
            alive = self.read()
        return self.lines

    def end(self):
        """Wait for the end; the exit code."""
        give_up = time.monotonic() + BOUND
        while self.read():
            assert time.monotonic() < give_up, "\n".join(self.lines)
        self.process.wait()
        return self.process.exitstatus
