"""SOCS' eight drivers, each with an instrument to talk to and a way to ask it.

Each instrument counts: its n-th answer to `poll` is n. So an answer that is not the count
of the instrument was an answer to an earlier question, or to another one.
"""

import importlib
import re
import struct
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from socs_tcp.core.framing import LengthFramer, LineFramer, RawFramer
from socs_tcp.testing import ScriptedDevice, on

# A reply of a compressor, as in SOCS' own test of the agent.
PTC_REPLY = bytes.fromhex(
    "09990000006d01046a00000000000080000000800041064283fc6a42826b854284e66642852eb8435b09"
    "0c435bf182435a36ee435bd800be7477473e60d600462500000000293c0418029a0475") + bytes(37)


class Counting:
    """An instrument that counts the questions of `poll`; any thread may read `count`."""

    def __init__(self):
        self.count = 0

    def next(self):
        self.count += 1
        return self.count


class Compressor(Counting):
    def handle(self, query):
        if query[7] == 6:       # a register written: echoed
            return query
        hours = struct.pack(">f", self.next())
        reply = bytearray(PTC_REPLY)
        reply[61:65] = hours[2:] + hours[:2]
        return bytes(reply)


class PowerSupply(Counting):
    @on("meas:curr?")
    def current(self):
        return f"{self.next()}.0"

    @on("output?")
    def output(self):
        return "1"


class GaugeController(Counting):
    """Raw: a mnemonic is acknowledged, and its data come at an enquiry."""

    def __init__(self):
        super().__init__()
        self.asked = b""
        self.refusing = False

    def handle(self, data):
        if data != b"\x05":
            self.asked = data.strip()
            return b"\x15\r\n" if self.refusing else b"\x06\r\n"
        if self.asked == b"PRX":
            return ",".join([f"0,{self.next():+.4E}"] + ["0,+1.0000E+00"] * 5) + "\r\n"
        return "0\r\n"


class Relays(Counting):
    def handle(self, query):
        if query[0] == 0x30:
            return bytes([30, 4, 0, 1, 2, self.next(), 1, 44])
        if query[0] == 0x33:
            return b"\x33\x00\x00\x00\x05"
        return b"\x00"


class AcSource(Counting):
    @on("MEAS:VOLT:AC?")
    def voltage(self):
        return f"+{self.next()}.00E+00"

    @on(re.compile(r"OUTP [01]"))
    def switch(self):
        return None


class Stage(Counting):
    """Says a prompt after each command."""

    @on("TP")
    def position(self):
        return f" {self.next()}, 0\r\n:"

    def handle(self, command):
        return {b"TV": " 701, 0\r\n:", b"TT": " 702.0, 0\r\n:", b"TE": " 703, 0\r\n:",
                b"TC1": " 0\r\n:"}.get(command, ":")


class Laser(Counting):
    @on("(param-ref 'frequency:frequency-act)")
    def frequency(self):
        return f"{self.next()}.5\n> "

    def handle(self, command):
        return "0\n> "


class Bridge(Counting):
    @on("KRDG? 1")
    def temperature(self):
        return f"+{self.next()}.000E+00"

    def handle(self, command):     # as SOCS' test of the agent has it
        if command == b"INTYPE? A":
            return "1,04,0,15,0,2"
        answers = {"*IDN?": "LSCI,MODEL372,LSA23JD,1.3", "SCAN?": "01,1",
                   "OUTMODE?": "2,6,1,0,0,001", "HTRSET?": "+120.000,8,+0000.00,1",
                   "INSET?": "1,007,003,21,1", "INNAME?": "Channel", "TLIMIT?": "+0000",
                   "INTYPE?": "0,07,1,10,0,1", "RANGE?": "0", "STILL?": "+10.60"}
        return answers.get(command.decode().split()[0])


@dataclass(frozen=True)
class Driver:
    """One driver of SOCS: where it is, what it talks to, and what its agent asks it for."""

    name: str
    path: str
    instrument: type
    framing: dict
    poll: Any

    @property
    def module(self):
        return importlib.import_module(self.path)

    @property
    def driver(self):
        return getattr(self.module, self.name)


CR, LF, CRLF = (LineFramer(end) for end in (b"\r", b"\n", b"\r\n"))
MODBUS = LengthFramer(6, lambda header: int.from_bytes(header[4:6], "big"))

DRIVERS = {driver.name: driver for driver in (
    Driver("PTC", "socs.agents.cryomech_cpa.drivers", Compressor, {"framer": MODBUS},
           lambda ptc: ptc.get_data()[1].get("Hours_of_Operation")),
    Driver("PMX", "socs.agents.hwp_pmx.drivers.PMX_ethernet", PowerSupply, {"framer": LF},
           lambda pmx: pmx.meas_current()[1]),
    Driver("TPG366", "socs.agents.pfeiffer_tpg366.drivers", GaugeController,
           {"framer": RawFramer()}, lambda gauge: gauge.read_pressure_all()[0]),
    Driver("DS378", "socs.agents.devantech_dS378.drivers", Relays, {"framer": RawFramer()},
           lambda relays: (round(relays.get_status()["V_sppl"] * 10), relays.get_relays())[0]),
    Driver("PCR500MA", "socs.agents.kikusui_pcr500ma.drivers", AcSource, {"framer": LF},
           lambda source: source.meas_volt_ac()),
    Driver("GalilAxis", "socs.agents.galil_axis.drivers", Stage,
           {"framer": CR, "reply_terminator": b""},
           lambda stage: stage.get_data(["A"])["A"]["position"]),
    Driver("DLCSmart", "socs.agents.fls.drivers", Laser,
           {"framer": LF, "reply_terminator": b"", "banner": "Welcome\n> "},
           lambda laser: laser.get_actual_frequency() - 0.5),
    Driver("LS372", "socs.Lakeshore.Lakeshore372", Bridge, {"framer": CRLF},
           lambda bridge: bridge.get_temp("kelvin", 1)),
)}


def hasten(monkeypatch, module):
    """Let a driver's own pauses be short; they wait for nothing that a simulator needs."""
    if hasattr(module, "time"):
        monkeypatch.setattr(module, "time",
                            SimpleNamespace(sleep=lambda seconds: None, time=time.time))
    if hasattr(module, "select"):
        select = module.select.select
        monkeypatch.setattr(module, "select", SimpleNamespace(
            select=lambda r, w, x, timeout: select(r, w, x, min(timeout, 0.02))))


def turbo_pump():
    """What is behind the serial port of pfeiffer_tc400: each of its values is 004800."""
    def answer(command):
        said = command[:3] + b"10" + command[5:8] + b"06004800"
        return said + b"%03d" % (sum(said) % 256)
    return ScriptedDevice(answer, framer=LineFramer(b"\r"))
