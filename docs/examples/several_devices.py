"""Several devices in one agent, and in one process.

    python several_devices.py                                   two simulated devices
    python several_devices.py 10.10.10.5 7777 10.10.10.6 7778   three readings of real ones
"""

import sys
import time
from contextlib import closing

# agent
from socs_tcp import DeviceAgentMixin, LineFramer, TCPInterface


class CryostatAgent(DeviceAgentMixin):
    def __init__(self, agent, thermometer, gauge):
        self.agent = agent
        self.thermometer = thermometer
        self.gauge = gauge
        self.watch(thermometer, ops=["acq_temperature"])    # only this one depends on it
        self.watch(gauge, ops=["acq_pressure"])
        agent.register_feed("cryostat", record=True)

    def acq_temperature(self, session, params):
        """acq_temperature()

        **Process** - Read the temperature.
        """
        return self._acquire(session, self.thermometer, "T?", "kelvin")

    def acq_pressure(self, session, params):
        """acq_pressure()

        **Process** - Read the pressure.
        """
        return self._acquire(session, self.gauge, "P?", "mbar")

    def _acquire(self, session, device, command, name):
        for value in self.poll(session, lambda: float(device.query(command)), period=0.2):
            session.data = {name: value}
            self.agent.publish_to_feed("cryostat", {
                "block_name": name, "timestamp": time.time(), "data": session.data})
        return True, "Acquisition ended."
# end


def try_it(words):
    """Run the agent without a router. It is the real OCSAgent; only nobody can call it."""
    from socs_tcp.testing import DeviceServer
    from socs_tcp.testing.local_agent import LocalAgent

    if words:
        addresses = [(words[0], int(words[1])), (words[2], int(words[3]))]
    else:
        simulated = DeviceServer({"T?": "4.2"}), DeviceServer({"P?": "1.3E-6"})
        addresses = [server.address for server in simulated]
    devices = [TCPInterface(host, port, timeout=1, framer=LineFramer())
               for host, port in addresses]
    with closing(LocalAgent()) as ocs_agent:
        cryostat = CryostatAgent(ocs_agent, *devices)
        temperature = ocs_agent.run(cryostat.acq_temperature)
        pressure = ocs_agent.run(cryostat.acq_pressure)
        ocs_agent.wait_for(lambda: temperature.data and pressure.data)
        print(f"data: {temperature.data}, {pressure.data}")
        if not words:
            simulated[1].unplug()
            ocs_agent.wait_for(lambda: pressure.degraded)
            print(f"the gauge is unplugged; temperature degraded: {temperature.degraded}, "
                  f"pressure degraded: {pressure.degraded}")
            assert not temperature.degraded
            simulated[1].plug_in()
            ocs_agent.wait_for(lambda: not pressure.degraded)
        for session in (temperature, pressure):
            ocs_agent.stop_and_wait(session)
    for device in devices:
        device.close()
    if not words:
        for server in simulated:
            server.close()
    return 0


if __name__ == "__main__":
    sys.exit(try_it(sys.argv[1:]))
