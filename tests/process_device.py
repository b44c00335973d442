"""A device for what is done to a process: it answers each line with ``ok``."""

import contextlib
import socket
import threading

BOUND = 10


class Device:
    """Answers each line with ``ok``; in threads of its own."""

    def __init__(self, wrap=lambda sock: sock):
        self.wrap = wrap
        self.mute = False
        self.ended = threading.Semaphore(0)     # one more for each connection that ended
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self.listener.accept()[0],),
                                 daemon=True).start()

    def _serve(self, sock):
        with contextlib.suppress(OSError), self.wrap(sock) as far:
            while data := far.recv(4096):
                if not self.mute:
                    far.sendall(b"ok\n" * data.count(b"\n"))
        self.ended.release()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


#: Each way to use a `DeviceClient`.
CALLS = {
    "query": lambda client: client.query("T?"),
    "send": lambda client: client.send("T?"),
    "recv": lambda client: client.recv(),
    "recv_frames": lambda client: client.recv_frames(2),
    "reserve": lambda client: client.reserve(),
    "when_connected": lambda client: client.when_connected(),
    "reconnect": lambda client: client.reconnect(),
    "close": lambda client: client.close(),
}
