"""How many descriptors this process has open."""

import gc
import os


def open_fds() -> int:
    """All of them, as things stand."""
    return len(os.listdir("/proc/self/fd"))


def open_fds_at_first() -> int:
    """Without what other tests have left to the garbage collector."""
    gc.collect()
    return open_fds()
