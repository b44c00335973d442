"""Runs pytest again and again, each time in a child that need not import what never changes.

One question a line: the arguments, where the output goes, and the longest time. One answer a line:
the exit code, or null for a run that did not end.
"""

import json
import os
import signal
import sys
import time
from importlib import import_module

#: What most tests import, none of it ours, nor the reactor: that has descriptors.
NEVER_CHANGES = (
    "asyncio", "coverage", "hypothesis.strategies", "hypothesis.internal.observability", "ocs",
    "pytest", "pytest_timeout", "ssl", "twisted.internet.defer", "twisted.internet.endpoints",
    "twisted.internet.protocol", "twisted.internet.task", "twisted.internet.testing",
    "twisted.logger", "txaio", "unittest.mock",
    "_pytest.assertion.rewrite",
)


def run(args, output):
    """In the child: pytest, and nothing of the parent's."""
    os.setsid()
    with open(os.devnull) as nothing, open(output, "w") as written:
        os.dup2(nothing.fileno(), 0)
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
    import pytest
    code = pytest.main(args)
    sys.stdout.flush()
    os._exit(code)


def wait(child, longest):
    """Its exit code; None if it had to be ended."""
    deadline = time.monotonic() + longest
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def main():
    for name in NEVER_CHANGES:
        import_module(name)
    assert not {"socs_tcp", "twisted.internet.reactor"} & set(sys.modules)
    for line in sys.stdin:
        args, output, longest = json.loads(line)
        child = os.fork()
        if not child:
            try:
                run(args, output)
            finally:
                os._exit(70)
        print(json.dumps(wait(child, longest)), flush=True)


if __name__ == "__main__":
    main()
