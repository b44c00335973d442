"""A device that streams frames as fast as they are taken. Prints its port, ends with its stdin.

A receiver sends one line, ``SIZE TOTAL``: frames of SIZE bytes, TOTAL bytes in all. Each frame
suits every framer: it begins with its length and ends with CR LF and a prompt.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys

SIZES = (1024, 65536, 1 << 20)
#: A frame begins with how many bytes follow, in so many digits.
HEADER = 10
TRAILER = b"\r\n"
#: Bytes of whole frames that are laid out in memory, to be sent again and again.
BLOCK = 1 << 24


def frame_of(size: int) -> bytes:
    """One frame of `size` bytes in all."""
    header = b"%0*d" % (HEADER, size - HEADER)
    return header + b"x" * (size - HEADER - len(TRAILER)) + TRAILER


def block_of(size: int) -> int:
    """Many frames in a file in memory."""
    fd = os.memfd_create("frames")
    with open(fd, "wb", closefd=False) as block:
        block.write(frame_of(size) * (BLOCK // size))
    return fd


def serve_one(conn: socket.socket, blocks: dict[int, int]) -> None:
    size, total = map(int, conn.recv(100).split())
    block, length = blocks[size], BLOCK // size * size
    with contextlib.suppress(ConnectionError):
        while total > 0:
            offset, end = 0, min(length, total)
            while offset < end:
                offset += os.sendfile(conn.fileno(), block, offset, end - offset)
            total -= offset
        conn.recv(1)        # the receiver hangs up when it has all


def main() -> None:
    blocks = {size: block_of(size) for size in SIZES}   # before anybody's clock runs
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        conn, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            serve_one(conn, blocks)
            os._exit(0)
        conn.close()


if __name__ == "__main__":
    main()
