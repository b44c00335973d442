"""A clock and a function generator, each behind a GPIB-Ethernet box of the Prologix kind."""

import re
import time

# driver
from socs_tcp import DeviceAgentMixin, LineFramer, TCPInterface


class GPIBInstrument(TCPInterface):
    def __init__(self, host, address, port=1234, timeout=5):
        self.address, self.identity = address, None     # before super().__init__, which connects
        super().__init__(host, port, timeout, gap=0.05, on_connect=self.set_up,
                         framer=LineFramer(("\r\n", "\n"), send_terminator="\n"))

    def set_up(self, device):
        device.send(f"++mode 1\n++auto 0\n++addr {self.address}\n*CLS\n")
        self.identity = self.ask("*IDN?", "[^,]*(,[^,]*){3}")

    def ask(self, command, looks_like):
        return self.query(f"{command}\n++read eoi", match=re.compile(looks_like.encode())).decode()


class Clock(GPIBInstrument):
    def get_data(self):
        reply = self.ask("FREQ?;STDC?;RUNS?;TIMB?", r"[-+.\dE]+;-?\d;[01];[0-3]")
        freq, stdc, runs, timb = reply.split(";")
        return {"Frequency": float(freq), "Standard_CMOS_Output": int(stdc),
                "Running_State": int(runs), "Timebase": int(timb)}


class FunctionGenerator(GPIBInstrument):
    def set_frequency(self, hz):
        self.ask(f"SOUR:FREQ {hz:.3f};*OPC?", "1")      # and so we know that it is done

    def set_amplitude(self, volts):
        self.ask(f"SOUR:VOLT {volts:.3f};*OPC?", "1")

    def set_output(self, on):
        self.ask(f"OUTP:STAT {on:d};*OPC?", "1")
# end of driver


class ClockAgent(DeviceAgentMixin):
    def __init__(self, agent, host, port, timeout=5, period=1):
        self.agent, self.period = agent, period
        self.clock = Clock(host, 5, port, timeout)
        self.watch(self.clock)
        agent.register_feed("srs_clock", record=True)

    def acq(self, session, params):
        """acq()

        **Process** - Read frequency and outputs, and publish them.
        """
        for reading in self.poll(session, self.clock.get_data, self.period):
            session.data = reading
            self.agent.publish_to_feed("srs_clock", {
                "block_name": "clock_output", "timestamp": time.time(), "data": reading})
        return True, "Acquisition ended."


# agent
class GeneratorAgent(DeviceAgentMixin):
    """It has tasks and nothing that runs, and so no session that could be degraded: the feed
    tells how its device is."""

    def __init__(self, agent, host, port, timeout=5):
        self.agent = agent
        self.generator = FunctionGenerator(host, 11, port, timeout)
        self.watch(self.generator, feed="link")
        agent.register_feed("awg", record=True)

    def set_frequency(self, session, params):
        """set_frequency(frequency)

        **Task** - Set the frequency, in Hz.
        """
        return self.set("frequency", self.generator.set_frequency, params["frequency"])

    def set_amplitude(self, session, params):
        """set_amplitude(amplitude)

        **Task** - Set the amplitude, in volts from peak to peak.
        """
        return self.set("amplitude", self.generator.set_amplitude, params["amplitude"])

    def set_output(self, session, params):
        """set_output(state)

        **Task** - Switch the output on or off.
        """
        return self.set("output", self.generator.set_output, params["state"])

    def set(self, name, setter, value):
        try:
            setter(value)
        except ConnectionError as exc:
            return False, str(exc)
        self.agent.publish_to_feed("awg", {
            "block_name": f"AWG_{name}_cmd", "timestamp": time.time(),
            "data": {f"AWG_{name}_cmd": value}})
        return True, f"{name}: {value}"
# end


class Simulated:
    """The box, and what is behind it: it has forgotten all of this after a reboot."""

    SAYS = {b"*IDN?": "Stanford Research Systems,CG635,s/n 1,ver 0.1",
            b"FREQ?;STDC?;RUNS?;TIMB?": "122880000.000000;3;1;3"}

    def __init__(self):
        self.address = self.said = None

    def handle(self, command):
        if command.startswith(b"++addr"):
            self.address = int(command[6:])
        elif command == b"++read eoi":
            said, self.said = self.said, None
            return said
        elif self.address:
            self.said = "1" if command.endswith(b";*OPC?") else self.SAYS.get(command)
        return None


AGENT, TERMINATOR = ClockAgent, "\n"
EXPECTED = {"Frequency": 122880000.0, "Standard_CMOS_Output": 3, "Running_State": 1, "Timebase": 3}
