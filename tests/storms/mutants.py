"""Broken builds: each is one small change to a copy of the package, which the tests must notice.

``python -m tests.storms mutants`` tells which were caught and by what, and which were not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
COPIED = ("socs_tcp", "tests", "pyproject.toml")
#: Seconds for the tests of one broken build, which may well hang.
PATIENCE = 150

STORMS, CONTRACT, LOST = "tests/storms", "tests/contract", "tests/netns"
FUZZ = "tests/fuzz"


@dataclass(frozen=True)
class Mutant:
    """One thing that is not done, or done wrongly."""

    name: str
    file: str
    old: str
    new: str
    suite: str = STORMS
    only: str = ""          # for ``pytest -k``


BLOCKING, TWISTED = "blocking", "twisted"

MUTANTS = (
    # the blocking face
    Mutant("keep the connection after a timeout", "blocking/exchange.py",
           "            if give_up:\n                session.drop(call.allowed)\n", "",
           suite="tests/blocking"),
    Mutant("do not hold the lock", "blocking/gate.py", "threading.RLock()", "_NoLock()",
           only=BLOCKING),
    Mutant("take a piece for the reply", "blocking/connection.py",
           "            found = conversation.heard(data, now)\n", "            return data\n",
           only=BLOCKING),
    Mutant("wait past the deadline", "blocking/exchange.py",
           "            reply = connection.reply(turn, call.deadline)\n",
           "            reply = connection.reply(turn, call.deadline + 5)\n", only=BLOCKING),
    Mutant("repeat what is not safe", "blocking/queries.py",
           "calls.ask_twice if safe_to_repeat else", "calls.ask_twice if True else",
           only=BLOCKING),
    Mutant("close() leaves a waiter", "blocking/session.py",
           "            connection.shut()\n", "            pass\n", only=BLOCKING),
    Mutant("an interrupt forgets what is owed", "blocking/exchange.py",
           "            if conversation.interrupted(turn) or not written:\n"
           "                session.drop(call.allowed)\n", "", suite="tests/blocking"),
    Mutant("the debt of a connection is forgotten", "blocking/dialer.py",
           "            self._debt = debt\n", "            pass\n",
           suite=CONTRACT, only=BLOCKING),
    Mutant("a signal handler may ask in mid-exchange", "blocking/gate.py",
           "if outer is None or not outer.lent:", "if outer is None:", suite="tests/blocking"),
    Mutant("a socket is closed under a call", "blocking/device_socket.py",
           "            if self._gate.busy():\n                return\n", "",
           suite="tests/blocking"),
    Mutant("a socket that is closed twice is closed under a call", "blocking/device_socket.py",
           "        if self._gate.busy():\n            if not",
           "        if self._gate.busy() and not self.closing:\n            if not",
           suite="tests/blocking"),
    Mutant("a closed device leaves the timer of its log", "core/observed.py",
           "                    self._log.close()\n", "                    pass\n",
           suite="tests/core/test_log_budget.py"),
    Mutant("a preparation that on_connect made light of has passed", "blocking/dialer.py",
           "if connection.dead or connection.error is not None or connection.closed():",
           "if False:", suite="tests/blocking"),
    Mutant("keep a connection that matches nothing (Twisted)", "core/pending.py",
           "        return self.unmatched > 1\n", "        return False\n"),
    Mutant("a preparation goes on without its connection", "deferred/preparation.py",
           "self._device.clock.callLater(0, self._under_way.cancel)", "pass"),
    # the Twisted face
    Mutant("keep the connection after a timeout (Twisted)", "core/pending.py",
           "            return self._late == \"drop\"\n", "            return False\n",
           suite="tests/core/test_conversation.py"),
    Mutant("cancel without a tombstone", "core/pending.py",
           "            return self._late == \"drop\"\n",
           "            self.turns.remove(turn)\n            return self._late == \"drop\"\n",
           only=TWISTED),
    Mutant("keep what came unasked", "core/conversation.py",
           "        if self.decoder.waiting and not self.turns:\n", "        if False:\n",
           suite="tests/core/test_conversation.py"),
    Mutant("what has come is not looked at", "deferred/connection.py",
           "        self.look()\n        conv", "        pass\n        conv",
           suite="tests/deferred"),
    Mutant("the timer is not set again", "deferred/queue.py",
           "            self._alarm.set(earliest)\n", "            pass\n", only=TWISTED),
    Mutant("a lost connection leaves a waiter", "deferred/queue.py",
           "if request not in repeated:\n                request.fail(again(error, request.sent))",
           "if request not in repeated:\n                pass", only=TWISTED),
    Mutant("close() leaves a waiter (Twisted)", "deferred/manager.py",
           "self.queue.fail_waiting(lambda request: failures.closed(device, request.sent))",
           "pass", only=TWISTED),
    Mutant("close() goes on trying", "deferred/dialer.py",
           "        self._factory.stopTrying()\n", "", only=TWISTED),
    Mutant("a connection that is given up stays open", "deferred/connection.py",
           "            transport.loseConnection()\n", "            pass\n", only=TWISTED),
    Mutant("send before the answer to the last", "core/pending.py",
           "        return live < most\n", "        return True\n", only=TWISTED),
    Mutant("repeat what is not safe (Twisted)", "deferred/queue.py",
           "[r for r in flight if r.safe_to_repeat and r.deferred is not None]",
           "[r for r in flight if r.deferred is not None]", only=TWISTED),
    Mutant("take any reply for a match (Twisted)", "core/pending.py",
           "            return bool(self._late(turn.data, frame))", "            return True",
           only=TWISTED),
    Mutant("send while a reply is owed", "core/pending.py",
           "turn.kind != \"query\" or (turn.given_up and self.in_order)",
           "turn.kind != \"query\""),
    # the core
    Mutant("ask at once after a connect", "core/silence.py",
           "        self._wanted = max(settle, self.debt.seconds)\n",
           "        self._wanted = 0.0\n",
           only="commands"),
    Mutant("ask at once after a command", "core/silence.py",
           "        self._since = self.ended    # as in `broken`; one call less\n"
           "        if self._wanted < self._settle:     # noqa: PLR1730\n"
           "            self._wanted = self._settle\n"
           "        self.free_until = NEVER\n", "",
           suite="tests/contract/test_contract_step.py"),
    Mutant("a reply may look like anything", "core/pending.py",
           "            return turn.fits(frame)\n", "            return True\n",
           suite="tests/core/test_conversation.py"),
    Mutant("the link is up on a mere connect", "core/states.py",
           "(_S.DOWN, _E.CONNECTED): _S.PROVING", "(_S.DOWN, _E.CONNECTED): _S.UP"),
    Mutant("the link stays up after a failure", "core/states.py",
           "    (_S.UP, _E.FAILED): _S.DOWN,\n", ""),
    Mutant("a device that hangs up is hammered", "core/policy.py",
           "return -math.inf if failures < 2 else last_attempt + min_interval",
           "return -math.inf", only=BLOCKING),
    Mutant("an endless line is read on", "core/lines.py",
           "        if (end if after else stop - self._longest + 1) - start > self.max_length:\n"
           "            raise self.too_long(buffer[start:stop])\n", ""),
    Mutant("an endless line waits for its turn", "core/decoder.py",
           "        if not waiting:\n            return None\n",
           "        if not 0 < waiting <= 4096:\n            return None\n"),
    Mutant("a terminator cut in two is missed", "core/ends.py",
           "buffer.endswith(text, start, after)", "buffer.endswith(text, scanned, after)",
           suite=FUZZ),
    Mutant("another device is taken for ours", "core/identity.py", "        if not right:\n",
           "        if False:\n", suite=CONTRACT),
    Mutant("a dead idle connection is not probed", "core/sockets.py",
           "    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)\n",
           "    return\n", suite=LOST),
)

_NO_LOCK = '''

class _NoLock:
    def acquire(self, *args, **kwargs):
        return True

    def release(self):
        pass

    def _is_owned(self):
        return True

    __enter__ = acquire

    def __exit__(self, *exc_info):
        pass
'''


def broken_copy(folder: Path, mutant: Mutant | None) -> None:
    """A copy of what is needed, with the change in it."""
    for name in COPIED:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, folder / name,
                            ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
        elif source.exists():
            shutil.copy(source, folder / name)
    if mutant is None:
        return
    path = folder / "socs_tcp" / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        raise LookupError(f"{mutant.file} has {text.count(mutant.old)} places for "
                          f"{mutant.name!r}: bring storms/mutants.py up to date")
    text = text.replace(mutant.old, mutant.new)
    path.write_text(text + _NO_LOCK if "_NoLock" in mutant.new else text)


def verdict(mutant: Mutant | None) -> tuple[str, str]:
    """'caught', 'survived' or 'broken', and by what."""
    with tempfile.TemporaryDirectory(prefix="storms-") as name:
        folder = Path(name)
        try:
            broken_copy(folder, mutant)
        except LookupError as exc:
            return "broken", str(exc)
        environment = {**os.environ, "PYTHONPATH": name, "PYTHONDONTWRITEBYTECODE": "1"}
        suites = [STORMS, CONTRACT, FUZZ] if mutant is None else [mutant.suite]
        command = [sys.executable, "-m", "pytest", "-xq", "--timeout=60", "-p", "no:cacheprovider",
                   f"--ignore={STORMS}/test_mutants.py", *suites]     # (it looks at the source)
        if mutant is not None and mutant.only:
            command += ["-k", mutant.only]
        try:
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True,
                                  text=True, check=False, timeout=PATIENCE * (mutant is None) * 2
                                  + PATIENCE)
        except subprocess.TimeoutExpired:
            return "caught", f"the tests do not end within {PATIENCE} s"
        failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
        if done.returncode == 0:
            return "survived", done.stdout.splitlines()[-1]
        if done.returncode == 1 and failed:
            return "caught", failed[0].removeprefix("FAILED ").split(" - ")[0]
        if "Timeout" in done.stdout + done.stderr:
            return "caught", "a test that hangs"
        return "broken", (done.stdout + done.stderr)[-400:]


def run(only: str = "", control: bool = True) -> int:
    """Try all; returns how many were not caught."""
    chosen: list[Mutant | None] = [m for m in MUTANTS if only in m.name]
    if control and not only:
        chosen.insert(0, None)
    bad = 0
    for mutant in chosen:
        started = time.monotonic()
        result, by = verdict(mutant)
        wanted = "caught" if mutant is not None else "survived"
        bad += result != wanted
        name = f"{mutant.file}: {mutant.name}" if mutant else "unchanged"
        mark = "" if result == wanted else "   <-- NOT AS IT MUST BE"
        print(f"{result:9}{name}  [{time.monotonic() - started:.0f} s; {by}]{mark}", flush=True)
    print(f"{len(chosen) - bad} of {len(chosen)} as they must be")
    return bad
