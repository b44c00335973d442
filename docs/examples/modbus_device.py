"""A binary device: Modbus/TCP, whose header says how long a message is.

    python modbus_device.py                    with a simulated flow meter
    python modbus_device.py 10.10.10.5 502     with a real device: its input registers 0 and 1
"""

import itertools
import struct
import sys

# driver
from socs_tcp import LengthFramer, TCPInterface

HEADER = struct.Struct(">HHHB")         # transaction, protocol, bytes that follow, unit
READ_INPUT_REGISTERS = 4


def bytes_that_follow(header):
    return int.from_bytes(header[4:6], "big")


def same_transaction(command, reply):
    return command[:2] == reply[:2]


class FlowMeter(TCPInterface):
    def __init__(self, ip_address, port=502, timeout=2, unit=1):
        super().__init__(
            ip_address, port, timeout,
            framer=LengthFramer(6, bytes_that_follow),
            late_replies=same_transaction)      # a late reply is passed over, not a reason to
        self.unit = unit                        # reconnect: it carries its own number
        self._numbers = itertools.cycle(range(1, 0x10000))

    def registers(self, first, count):
        request = struct.pack(">BHH", READ_INPUT_REGISTERS, first, count)
        header = HEADER.pack(next(self._numbers), 0, 1 + len(request), self.unit)
        reply = self.query(header + request)    # the whole frame, with its header
        function, *rest = reply[HEADER.size:]
        if function != READ_INPUT_REGISTERS:
            raise ValueError(f"Modbus exception {rest[0]}")
        return struct.unpack(f">{count}H", bytes(rest[1:]))

    def get_data(self):
        flow, temperature = self.registers(0, 2)
        return {"litres_per_minute": flow / 100, "celsius": temperature / 10}
# end


def answer(request):
    """What a simulated device says to the request of two registers."""
    transaction, protocol, _, unit = HEADER.unpack(request[:HEADER.size])
    body = struct.pack(">BBHH", READ_INPUT_REGISTERS, 4, 1234, 215)
    return HEADER.pack(transaction, protocol, 1 + len(body), unit) + body


def try_it(words):
    from socs_tcp import ReplyTimedOut
    from socs_tcp.testing import DeviceServer, ScriptedDevice

    if words:
        with FlowMeter(words[0], int(words[1])) as meter:
            print(meter.registers(0, 2))
        return 0
    framer = LengthFramer(6, bytes_that_follow)
    with DeviceServer(ScriptedDevice(answer, framer=framer)) as server, \
            FlowMeter(*server.address, timeout=0.5) as meter:
        print(meter.get_data())
        server.faults.split(range(1, 13))       # byte by byte
        print(meter.get_data())
        server.faults.late(0.7)
        try:
            meter.get_data()
        except ReplyTimedOut as exc:
            print(exc)
        print(meter.get_data())                 # the late reply is passed over
        print(f"connections: {server.connections}")
    return 0


if __name__ == "__main__":
    sys.exit(try_it(sys.argv[1:]))
