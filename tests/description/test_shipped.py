"""The descriptions that come with the package, against replies of the real devices.

The replies are those in SOCS' own tests and in the manuals; each file says which. The
commands are compared with what SOCS' drivers send.
"""

import pytest
from described_device import MemoryDevice

from socs_tcp import FramingError, WrongDevice
from socs_tcp.description import ParseError, load, loads, shipped
from socs_tcp.description.checksums import Checksum
from socs_tcp.description.client import read_all
from socs_tcp.description.simulated import DescribedDevice, ModbusDevice, scripted_device
from socs_tcp.testing import DeviceServer

READINGS = {
    "aerotech_soloist": {"pos": 12.5},
    "and_balance": {},          # speaks only unasked
    "davis_vantagepro2": {
        "barometer": 29.982, "temp_inside": 73.7, "humidity_inside": 42, "temp_outside": 45.0,
        "wind_dir": 270, "humidity_outside": 55, "console_battery_voltage": 4.640625},
    "eurotherm_2000": {"temperature": 16.4, "setpoint_now": 25.0, "output": 12.5},
    "hardy_hi6200": {"Net_weight": 41.5, "Gross_weight": 102.25},
    "lakeshore336": {"Channel_A_T": 77.35, "Channel_D_V": 108.2, "heater_1_percent": 22.5,
                     "heater_1_range": "off", "setpoint_2_now": 4.2, "I_2": 10.0},
    "lutron_qse": {"level": 90.0},
    "mks_937b": {"pressure_1": 760.2, "pressure_3": 1.2e-9, "pressure_unit": "TORR"},
    "omega_cni16": {"current_freq": 2.01, "target_freq": 2.0, "direction": "forward"},
    "pfeiffer_tc400": {"rotation_speed": 633, "error_code": "000000", "temp_342": 32,
                       "pumping": "on"},
    "srs_cg635": {"Frequency": 122880000.0, "Standard_CMOS_Output": "3.3 V",
                  "Running_State": "running", "Timebase": "external"},
    "cryomech_cpa": {
        # as SOCS' driver reads the same bytes
        "Operating_State": 0, "Compressor_State": 0, "Warning_State": 0, "Alarm_State": 0,
        "Coolant_In_Temp": 65.62699890136719, "Coolant_Out_Temp": 65.49299621582031,
        "Oil_Temp": 66.20999908447266, "Helium_Temp": 66.94999694824219,
        "Low_Pressure": 219.1824951171875, "Low_Pressure_Average": 219.03533935546875,
        "High_Pressure": 218.94338989257812, "High_Pressure_Average": 219.21456909179688,
        "Delta_Pressure_Average": -0.239105224609375, "Motor_Current": 0.21920500695705414,
        "Hours_of_Operation": 10613.5, "Pressure_Unit": 0, "Temperature_Unit": 0},
    "devantech_ds378": {
        "V_sppl": 12.5, "T_int": 26.7, "Relay_1": 0, "Relay_2": 0, "Relay_3": 0, "Relay_4": 0,
        "Relay_5": 0, "Relay_6": 0, "Relay_7": 0, "Relay_8": 0},
    "keithley_2230g": {
        "Voltage_1": 3.14, "Current_1": 6.28, "Voltage_2": 2.72, "Current_2": 5.44,
        "Voltage_3": 1.23, "Current_3": 2.46, "Output_1": 1},
    "kikusui_pmx": {
        "volt": 2.0, "curr": 1.0, "prot_code": 0, "output": "off", "volt_set": 1.0,
        "curr_set": 1.0, "volt_lim": 10.0, "curr_lim": 2.0, "source": "NONE",
        "err_code": 0, "err_msg": "No error",
        "identity": "KIKUSUI,PMX35-3A,AB123456,IFC01.00.0016 IOC01.00.0015"},
    "lakeshore372": {
        "Channel_01_T": 293.873, "Channel_01_R": 108.278, "Channel_01_status": 0,
        "control_T": 0.0, "scan_channel": 1, "autoscan": 1, "sample_heater_out": 0.0005,
        "sample_heater_range": "off", "still_out": 10.6},
    "pfeiffer_tpg366": {
        "status_ch1": "ok", "pressure_ch1": 12.345, "status_ch2": "ok", "pressure_ch2": 23.456,
        "status_ch3": "ok", "pressure_ch3": 34.567, "status_ch4": "ok", "pressure_ch4": 45.678,
        "status_ch5": "ok", "pressure_ch5": 56.789, "status_ch6": "ok", "pressure_ch6": 67.891,
        "pressure_unit": "mbar"},
}


def test_every_description_is_tested():
    assert shipped() == sorted(READINGS)


@pytest.mark.parametrize("name", READINGS)
def test_read_over_a_socket(name):
    description = load(name)
    with DeviceServer(scripted_device(description)) as server:
        readings = list(read_all(description, server.host, server.port))
        assert not server.device.unknown
    values = {}
    for reading in readings:
        assert reading.errors == {}
        values.update(reading.values)
    expected = READINGS[name]
    assert {field: values[field] for field in expected} == expected
    missing = {"davis_vantagepro2": 2, "mks_937b": 1}       # sensors that are not there
    assert len(values) == sum(len(q.fields) for q in description.queries.values()) \
        - missing.get(name, 0)


def test_the_reply_of_a_real_compressor():
    """The bytes are those in SOCS' tests, but for the registers that nobody reads."""
    registers = bytes.fromhex(
        "0000 0000 0000 8000 0000 8000 4106 4283 fc6a 4282 6b85 4284 e666 4285 2eb8"
        "435b 090c 435b f182 435a 36ee 435b d800 be74 7747 3e60 d600 4625 0000 0000")
    query = load("cryomech_cpa").queries["ptc_status"]
    talk = query.script()
    number = next(talk).data[:2]
    with pytest.raises(StopIteration) as end:
        talk.send(number + b"\0\0\0\x3f\1\4\x3c" + registers)
    assert query.parse(end.value.value) == (READINGS["cryomech_cpa"], {})


@pytest.mark.parametrize("name", [n for n in READINGS if load(n).identify])
def test_another_device_is_noticed(name):
    description = load(name)
    device = scripted_device(description)
    device.reboot(identity="ACME,TOASTER" if name != "devantech_ds378" else b"\x13" * 8)
    with DeviceServer(device) as server, pytest.raises(WrongDevice, match="another device"):
        list(read_all(description, server.host, server.port))


def test_a_live_device_that_refuses_what_is_done_on_connect():
    description = loads('device: x\nframing: {terminator: "\\n"}\n'
                        'on_connect: [{send: "LOCK", expect: "LOCKED"}]\n'
                        'queries: {q: {send: "Q", fields: {q: {}}}}\n')
    device = scripted_device(description)
    device.set_answer("LOCK", "DENIED")
    with DeviceServer(device) as server, pytest.raises(FramingError, match="was b'DENIED'"):
        list(read_all(description, server.host, server.port))


def sent(name, query=None, parameter=None, value=None):
    """What is sent, if the device gives its simulated answers."""
    description = load(name)
    device = DescribedDevice(description) if description.modbus is None \
        else ModbusDevice(description)
    talk = description.queries[query].script() if query else \
        description.parameters[parameter].script(value)
    messages, answer = [], None
    while True:
        try:
            ask = talk.send(answer)
        except StopIteration:
            return messages
        messages.append(ask.data)
        answer = device.handle(ask.data) if ask.reads else b""


@pytest.mark.parametrize(("args", "messages"), [
    # (but for the number of the request, and of the registers: SOCS reads 53, and uses 30)
    (("cryomech_cpa", "ptc_status"), [b"\x00\x01\x00\x00\x00\x06\x01\x04\x00\x01\x00\x1e"]),
    (("cryomech_cpa", None, "power", "on"), [b"\x00\x01\x00\x00\x00\x06\x01\x06\x00\x01\x00\x01"]),
    (("cryomech_cpa", None, "power", "off"), [b"\x00\x01\x00\x00\x00\x06\x01\x06\x00\x01\x00\xff"]),
    (("devantech_ds378", "relays"), [b"\x33\x01"]),
    (("devantech_ds378", None, "relay_2", "on"), [b"\x31\x02\x01\x00\x00\x00\x00"]),
    (("devantech_ds378", None, "pulse_5", 1000), [b"\x31\x05\x00\x00\x00\x03\xe8"]),
    (("keithley_2230g", "curr_2"), [b"MEAS:CURR? CH2\n"]),
    (("keithley_2230g", None, "voltage_3", 5), [b"INST:NSEL 3;:VOLT 5.0\n"]),
    (("keithley_2230g", None, "output_1", "on"),
     [b"INST:NSEL 1;:OUTP:ENAB 1;:CHAN:OUTP 1\n"]),
    (("kikusui_pmx", "measured"), [b"meas:volt?\n"]),
    (("kikusui_pmx", None, "curr", 1), [b"curr 1.000000\n"]),
    (("kikusui_pmx", None, "source", "VOLT"), [b"volt:ext:sour VOLT\n"]),
    (("lakeshore372", "kelvin_03"), [b"RDGK? 3\r\n"]),
    (("lakeshore372", None, "still_out", 12.345), [b"STILL 12.35\r\n"]),
    (("lakeshore372", None, "sample_heater_range", "10.0 mA"), [b"RANGE 0,6\r\n"]),
    (("pfeiffer_tpg366", "pressures"), [b"PRX\r\n", b"\x05"]),
    # the example of the manual
    (("pfeiffer_tc400", "rotation"), [b"1230030902=?112\r"]),
    (("pfeiffer_tc400", None, "pumping", "off"), [b"1231001006000000014\r"]),
    # 0000 0006 01 03: two values, four registers
    (("hardy_hi6200", "weights"), [b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x06\x00\x04"]),
    (("davis_vantagepro2", "loop"), [b"LOOP 1\n"]),
    (("eurotherm_2000", "target"), [b"\x040011SL\x05"]),
    (("eurotherm_2000", None, "setpoint", 25), [b"\x040011\x02SL25.0\x03\x05"]),
    (("omega_cni16", None, "target_freq", 2.0), [b"*W014007D0\r"]),       # as SOCS
    (("omega_cni16", None, "direction", "reverse"), [b"*W02401388\r"]),
    (("mks_937b", "pressure_3"), [b"@253PR3?;FF"]),
    (("mks_937b", None, "unit", "mBAR"), [b"@253U!mBAR;FF"]),
    (("lakeshore336", None, "pid_1", {"p": 50, "i": 20, "d": 0}), [b"PID 1,50.0,20.0,0\r\n"]),
    (("lakeshore336", None, "name_A", "Cold head"), [b'INNAME A,"Cold head"\r\n']),
    (("aerotech_soloist", None, "position", 10), [b"MOVEABS X10.00 F25\n"]),
    (("srs_cg635", None, "frequency", 122.88e6), [b"FREQ 122880000.000000\n"]),
    (("lutron_qse", None, "level", 50), [b"#OUTPUT,1,1,50.00\r\n"]),
])
def test_what_is_sent(args, messages):
    assert sent(*args) == messages


@pytest.mark.parametrize(("name", "query", "reply", "expected"), [
    # the example of the manual: sensor 2 is not there
    ("pfeiffer_tpg366", "pressures", b"0,+1.2345E+01,5,+2.0000E-02" + b",4,+0.0000E+00" * 4,
     {"status_ch2": "no sensor", "status_ch6": "sensor off", "pressure_ch1": 12.345}),
    # one gauge of a kind that is newer than our list
    ("pfeiffer_tpg366", "pressures", b"0,+1.0000E+00,9,+2.0000E-02" + b",0,+1.0000E+00" * 4,
     {"pressure_ch1": 1.0, "pressure_ch2": 0.02, "status_ch3": "ok"}),
    ("devantech_ds378", "relays", b"\x01\x00\x00\x00\x81", {"Relay_1": 1, "Relay_2": 0,
                                                            "Relay_8": 1}),
    ("lakeshore372", "status_02", b"033", {"Channel_02_status": 33}),
    ("kikusui_pmx", "error", b'-222,"Data out of range"', {"err_code": -222,
                                                           "err_msg": "Data out of range"}),
    ("mks_937b", "pressure_3", b"@253ACK5.1E-10", {"pressure_3": 5.1e-10}),
    ("omega_cni16", "target", b"R01400320", {"target_freq": 0.8}),
    ("pfeiffer_tc400", "rotation", b"1231030906001000", {"rotation_speed": 1000}),
])
def test_other_replies(name, query, reply, expected):
    values, _errors = load(name).queries[query].parse(reply)
    assert {field: values[field] for field in expected} == expected


def test_a_status_that_is_not_known_does_not_stop_the_other_gauges():
    query = load("pfeiffer_tpg366").queries["pressures"]
    values, errors = query.parse(b"0,+1.0000E+00,9,+2.0000E-02" + b",0,+1.0000E+00" * 4)
    assert list(errors) == ["status_ch2"] and len(values) == 11
    assert "pressures: status_ch2: 9 is not one of 0, 1" in str(errors["status_ch2"])


def test_refusals_of_the_devices():
    for name, query, answer, problem in (
            ("pfeiffer_tpg366", "pressures", b"\x15", r"must be b'\x06'; the reply was b'\x15'"),
            # a Modbus exception: function 4 with the high bit, "illegal data address"
            ("cryomech_cpa", "ptc_status", b"\x00\x01\x00\x00\x00\x03\x01\x84\x02",
             "exception 2, illegal data address")):
        talk = load(name).queries[query].script()
        next(talk)
        with pytest.raises(ValueError) as caught:
            talk.send(answer)
        assert problem in str(caught.value)


@pytest.mark.parametrize(("name", "query", "reply", "told"), [
    ("mks_937b", "pressure_1", b"@253NAK160", "message not understood"),
    ("mks_937b", "pressure_1", b"@253NAK151", "no gauge"),
    ("lutron_qse", "level", b"~ERROR,2", "no such object"),
    ("eurotherm_2000", "output", b"\x04", "no such parameter"),
    ("eurotherm_2000", "output", b"\x15", "refused"),
    ("omega_cni16", "measured", b"?43", "command error"),
    ("aerotech_soloist", "position", b"!", "not understood"),
    ("pfeiffer_tc400", "rotation", b"1231030906NO_DEF061", "no such parameter"),
])
def test_errors_that_the_devices_tell(name, query, reply, told):
    step = load(name).queries[query].steps[-1]
    with pytest.raises(ParseError, match=told) as caught:
        step.check(reply, {}, query)
    assert caught.value.in_step


@pytest.mark.parametrize(("name", "query", "reply"), [
    ("pfeiffer_tc400", "rotation", b"1231030906000633038"),       # the sum is 037
    ("eurotherm_2000", "temperature", b"\x02PV16.4\x03\x00"),
    ("davis_vantagepro2", "loop", b"\x06LOO" + bytes(96)),
])
def test_checksums_of_the_devices(name, query, reply):
    step = load(name).queries[query].steps[-1]
    with pytest.raises(ParseError, match="its checksum is") as caught:
        step.check(reply, {}, query)
    assert not caught.value.in_step


def test_checksums_that_others_have_computed():
    # the example of Pfeiffer's manual; and the sum over a telegram of Eurotherm's handbook
    assert load("pfeiffer_tc400").queries["rotation"].steps[-1].check(
        b"1231030906000633037", {}, "") == b"1231030906000633"
    assert Checksum("xor", skip=1).text(b"\x02PV16.4\x03") == bytes([
        0x50 ^ 0x56 ^ 0x31 ^ 0x36 ^ 0x2e ^ 0x34 ^ 0x03])


def test_what_a_balance_says():
    message = load("and_balance").messages["weight"]
    for frame, expected in (
            (b"ST,+00123.45  g", {"state": "stable", "mass": 123.45, "mass_unit": "g"}),
            (b"US,-00000.01  g", {"state": "unstable", "mass": -0.01, "mass_unit": "g"}),
            (b"OL,+9999999E+19", {"state": "overload"})):
        assert message.query.parse(message.take(frame)) == (expected, {})
    assert message.query.parse(message.take(b"QT,+00000012 PC")) == (
        {"state": "counted", "mass": 12, "mass_unit": "PC"}, {})
    assert message.take(b"WT,+00000012 PC") is None


def test_a_controller_that_says_end_of_text_or_nothing_but_no():
    decoder = load("eurotherm_2000").framer.decoder()
    decoder.feed(b"\x02PV16.4\x03\x04\x04\x15")       # a checksum that is EOT; EOT; NAK
    assert [decoder.next_frame() for _ in range(3)] == [b"\x02PV16.4\x03\x04", b"\x04", b"\x15"]


def live(name):
    m = MemoryDevice(load(name))
    m.advance(1)
    return m


@pytest.mark.parametrize("name", shipped())
def test_everything_is_set_done_and_read_by_a_live_client(name):
    """Each query, each parameter with its read-back, each action; then unplugged, and again."""
    m = live(name)
    description = m.client.description
    for parameter in description.parameters.values():
        setting = next(iter(parameter.settings.values()))
        value = setting.trials()[-1] if parameter.single is not None else {
            n: s.trials()[-1] for n, s in parameter.settings.items()}
        outcome(m, m.client.set(parameter, value))
        for query in m.client.read_back(parameter):
            reading = outcome(m, m.client.read(query))
            assert not parameter.disagrees(value, reading.values)
    for action in description.actions.values():
        outcome(m, m.client.run(action))
    for _ in range(2):
        for query in description.queries.values():
            assert outcome(m, m.client.read(query)).errors == {}
        m.unplug()
        m.advance(2)
        m.plug_in()
        m.advance(6)
    assert not m.device.unknown


def outcome(m, deferred):
    found = []
    deferred.addBoth(found.append)
    for _ in range(100):
        if found:
            break
        m.advance(0.1)
    if hasattr(found[0], "raiseException"):
        found[0].raiseException()
    return found[0]


def test_a_login():
    m = live("lutron_qse")
    assert m.heard[0] == b"nwk"
    heard = []
    m.client.on_message = heard.append
    m.say(b"~DEVICE,2,3,3\r\nQNET> ")
    m.advance(0.5)
    assert heard[0].values == {"device": 2, "component": 3, "device_action": 3}
    assert outcome(m, m.client.read(m.client.description.queries["level"])).values == {
        "level": 90.0}


def test_a_relay_that_is_refused():
    talk = load("devantech_ds378").parameters["relay_1"].script("on")
    ask = next(talk)
    assert (ask.reads, ask.framer) == (True, None)
    with pytest.raises(ValueError, match=r"must be b'\\x00'; the reply was b'\\t'"):
        talk.send(b"\x09")
