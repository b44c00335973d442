"""The readout of a scale, by Modbus/TCP: a framer and ten lines.

A library of the protocol (pymodbus) brings a client of its own, with a connection, a lock and
retries of its own; of those we have better ones. What is left of Modbus for one readout is this.
"""

import itertools
import struct
import time

# driver
from socs_tcp import DeviceAgentMixin, LengthFramer, TCPInterface

HEADER = struct.Struct(">HHHB")         # transaction, protocol, bytes that follow, unit
READ_HOLDING_REGISTERS = 3


def bytes_that_follow(header):
    return int.from_bytes(header[4:6], "big")


def same_transaction(command, reply):
    return command[:2] == reply[:2]


class Scale(TCPInterface):
    def __init__(self, host, port=502, timeout=2, unit=1):
        super().__init__(host, port, timeout, late_replies=same_transaction,
                         framer=LengthFramer(6, bytes_that_follow, max_length=260))
        self.unit = unit
        self._numbers = itertools.cycle(range(1, 0x10000))

    def registers(self, first, count):
        request = struct.pack(">BHH", READ_HOLDING_REGISTERS, first, count)
        header = HEADER.pack(next(self._numbers), 0, 1 + len(request), self.unit)
        reply = self.query(header + request)[HEADER.size:]
        if reply[:2] != bytes([READ_HOLDING_REGISTERS, 2 * count]):
            raise ValueError(f"registers {first} ...: exception {reply[1:2].hex()}")
        return struct.unpack(f">{count}H", reply[2:])

    def get_data(self):
        words = self.registers(6, 4)        # net, then gross; of each the low word first
        net, gross = struct.unpack(">ff", struct.pack(">4H", *(words[i] for i in (1, 0, 3, 2))))
        return {"net_kg": round(net, 3), "gross_kg": round(gross, 3)}
# end of driver


# agent
class ScaleAgent(DeviceAgentMixin):
    def __init__(self, agent, host, port, timeout=2, period=1):
        self.agent, self.period = agent, period
        self.scale = Scale(host, port, timeout)
        self.watch(self.scale)
        agent.register_feed("weight", record=True)

    def acq(self, session, params):
        """acq()

        **Process** - Read the weights, and publish them.
        """
        for reading in self.poll(session, self.scale.get_data, self.period):
            session.data = reading
            self.agent.publish_to_feed("weight", {
                "block_name": "weight", "timestamp": time.time(), "data": reading})
        return True, "Acquisition ended."
# end


def weights(net, gross):
    """Both as they lie in the registers 6 to 9."""
    high_first = struct.unpack(">4H", struct.pack(">ff", net, gross))
    return [high_first[i] for i in (1, 0, 3, 2)]


def Simulated(request):
    """What the readout says to a request."""
    transaction, protocol, _, unit = HEADER.unpack(request[:HEADER.size])
    body = bytes([READ_HOLDING_REGISTERS, 8]) + struct.pack(">4H", *weights(71.25, 80.5))
    return HEADER.pack(transaction, protocol, 1 + len(body), unit) + body


AGENT, FRAMER = ScaleAgent, LengthFramer(6, bytes_that_follow)
EXPECTED = {"net_kg": 71.25, "gross_kg": 80.5}
