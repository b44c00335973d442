"""An agent that was told to stop ends, whatever its threads are waiting for."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

#: Seconds from the end of the operations to the end of the process. OCS takes 3 s before
#: them; containers and systemd wait for 10 s or more until they kill.
GRACE = 3.0


def end_in_time(grace: float = GRACE) -> None:
    """Let the process end `grace` seconds after its reactor began to stop, at the latest.

    The reactor waits for its threads when it stops. One of them may be in a look-up: with
    dead name servers that takes a minute, and nothing can interrupt it.
    """
    from twisted.internet import reactor as installed  # noqa: PLC0415 (importing installs one)
    reactor: Any = installed

    def begin() -> None:
        timer = threading.Timer(grace, _leave)
        timer.daemon = True
        timer.start()
    reactor.addSystemEventTrigger("before", "shutdown", begin)


def _leave() -> None:
    names = ", ".join(t.name for t in threading.enumerate()
                      if t not in (threading.main_thread(), threading.current_thread()))
    print(f"the process ends now, without waiting any longer for its threads: {names}",
          file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
