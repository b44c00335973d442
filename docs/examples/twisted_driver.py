"""A driver for Twisted code: Deferreds, no threads.

    python twisted_driver.py                    with a simulated power supply
    python twisted_driver.py 10.10.10.5 5025    with a real one (it is only asked)
"""

import sys

# driver
from twisted.internet.defer import inlineCallbacks

from socs_tcp import DeviceClient, LineFramer


class PowerSupply:
    def __init__(self, ip_address, port=5025, timeout=2, *, reactor=None):
        self.client = DeviceClient(
            ip_address, port, timeout, framer=LineFramer("\n"), reactor=reactor,
            identify="*IDN?",               # after a reconnect it must be the same device
            on_connect=self.set_up)
        self.link = self.client.link        # for DeviceAgentMixin.watch

    def set_up(self, device):
        return device.send("SYST:REM")      # after each connect, before anybody else

    @inlineCallbacks
    def get_data(self):
        volts = yield self.client.query("MEAS:VOLT?")
        amperes = yield self.client.query("MEAS:CURR?")
        return {"volts": float(volts), "amperes": float(amperes)}

    def set_voltage(self, volts):
        return self.client.send(f"VOLT {volts:.3f}")

    def close(self):
        return self.client.close()
# end


@inlineCallbacks
def talk(reactor, host, port, server=None):
    supply = PowerSupply(host, port, reactor=reactor)
    try:
        # without a bound it waits until there is a device, for ever if need be
        yield supply.client.when_connected().addTimeout(10, reactor)
        if server is not None:
            yield supply.set_voltage(1.5)
        print((yield supply.get_data()))
        if server is not None:
            server.faults.hang_up()
            print("after a hang-up:", (yield supply.get_data()))
            server.unplug()
            try:
                yield supply.get_data()
            except ConnectionError as exc:
                print(f"unplugged: {type(exc).__name__}: {exc}")
    finally:
        yield supply.close()


def simulated():
    import re

    from socs_tcp import LineFramer
    from socs_tcp.testing import DeviceServer, ScriptedDevice, on

    class Supply:
        volts = 0.0

        @on(re.compile(r"VOLT (\S+)"))
        def set_voltage(self, volts):
            self.volts = float(volts)

        @on("MEAS:VOLT?")
        def measured(self):
            return f"{self.volts:.3f}"

        def handle(self, command):
            return {b"*IDN?": "ACME,SUPPLY,1", b"MEAS:CURR?": "0.100"}.get(command)

    return DeviceServer(ScriptedDevice(Supply(), framer=LineFramer("\n")))


def try_it(words):
    from twisted.internet.task import react

    if words:
        react(talk, (words[0], int(words[1])))
    with simulated() as server:
        react(talk, (*server.address, server))


if __name__ == "__main__":
    try_it(sys.argv[1:])
