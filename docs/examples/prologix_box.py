"""Several GPIB instruments behind one Prologix-like GPIB-Ethernet box.

    python prologix_box.py                          with a simulated box, two instruments
    python prologix_box.py 10.10.10.5 1234 4 6      who are the instruments 4 and 6?
"""

import re
import sys

# driver
from socs_tcp import LineFramer, TCPInterface


class PrologixBox(TCPInterface):
    """One connection, which all instruments behind the box share. Any thread."""

    def __init__(self, ip_address, port=1234, timeout=5):
        super().__init__(ip_address, port, timeout,
                         framer=LineFramer(("\r\n", "\n"), send_terminator="\n"),
                         on_connect=self.set_up)

    def set_up(self, box):
        # A box that was power cycled has forgotten all of this.
        box.send("++mode 1\n++auto 0\n++eoi 1\n")


class Instrument:
    """One instrument behind a box."""

    def __init__(self, box, address):
        self.box = box
        self.address = address
        self.link = box.link            # for DeviceAgentMixin.watch

    def query(self, command):
        # One message, so that no other thread's ++addr can come in between.
        return self.box.query(f"++addr {self.address}\n{command}\n++read eoi")

    def write(self, command):
        self.box.send(f"++addr {self.address}\n{command}\n")
# end


def simulated():
    from socs_tcp.testing import DeviceServer, ScriptedDevice, on

    class Box:
        """Two instruments that answer *IDN? when they are told to talk."""

        def __init__(self):
            self.address = self.said = None

        @on(re.compile(r"\+\+addr (\d+)"))
        def choose(self, address):
            self.address = address

        @on("++read eoi")
        def read(self):
            said, self.said = self.said, None
            return said

        def handle(self, command):
            if command == b"*IDN?":
                self.said = f"ACME,INSTRUMENT,{self.address}"

    return DeviceServer(ScriptedDevice(Box, framer=LineFramer("\n")))


def try_it(words):
    if words:
        with PrologixBox(words[0], int(words[1])) as box:
            for address in words[2:]:
                print(address, Instrument(box, address).query("*IDN?").decode())
        return 0
    with simulated() as server, PrologixBox(*server.address, timeout=1) as box:
        supply, counter = Instrument(box, 4), Instrument(box, 6)
        print(supply.query("*IDN?").decode(), counter.query("*IDN?").decode())
        server.faults.reboot()          # the box is power cycled
        print(supply.query("*IDN?").decode(), counter.query("*IDN?").decode())
        assert server.received.count(b"++mode 1") == 2
    return 0


if __name__ == "__main__":
    sys.exit(try_it(sys.argv[1:]))
