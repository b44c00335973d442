"""What is particular to one of the drivers."""

import itertools
import threading
import time

import pytest


def test_the_pump_is_switched_on_and_off(make):
    rig = make("turbo_pump", timeout=10)
    assert rig.agent.switch(None, {"on": True}) == (True, "The motor is on.")
    assert rig.agent.switch(None, {"on": False}) == (True, "The motor is off.")


def test_the_controller_says_what_it_does_not_understand(make):
    rig = make("pid_controller", timeout=10)
    with pytest.raises(ValueError, match="V99: command error"):
        rig.agent.controller.ask("V99")
    rig.agent.controller.set_target(1.5)
    rig.wait_for(lambda: rig.session.data["target_hz"] == 1.5)
    assert not rig.session.degraded


def test_the_controller_is_left_alone_between_two_commands(make):
    """Whichever thread asks. (What is measured is when commands come: never sooner.)"""
    rig = make("pid_controller", timeout=10)
    came = []
    rig.server.device.set_answer("*X01", lambda: came.append(time.monotonic()) or "X01\rX01+01.995")
    threads = [threading.Thread(target=rig.agent.controller.ask, args=("X01",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(later - sooner for sooner, later in itertools.pairwise(came)) > 0.09


def test_a_move_is_aborted_by_another_operation(make):
    rig = make("stage")
    move = rig.run(rig.agent.move, {"mm": 100})
    rig.wait_for(lambda: b"MOVEABS X100.00 F25" in rig.server.received)
    before = time.monotonic()
    rig.wait_for(lambda: time.monotonic() > before + 1)     # longer than a reading may take
    assert not rig.session.degraded     # nobody can read it while it moves
    rig.run(rig.agent.abort_move)
    rig.wait_for(lambda: move.status == "done")
    assert not move.success
    count = len(rig.readings())
    rig.wait_for(lambda: len(rig.readings()) > count + 2)
    assert [r for r in rig.readings() if r != {"mm": 0.0}] == []


def test_a_move_comes_to_its_end(make):
    rig = make("stage")
    move = rig.run(rig.agent.move, {"mm": 12.5})
    rig.wait_for(lambda: move.status == "done")
    assert move.success
    rig.wait_for(lambda: rig.session.data == {"mm": 12.5})


def test_the_gripper_moves_and_refuses(make):
    rig = make("gripper")
    assert rig.agent.move(None, {"actuator": 2, "mm": 3.5}) == (True, "Actuator 2 is at 3.5 mm.")
    assert rig.agent.move(None, {"actuator": 4, "mm": 1}) == (False, "move: no such command")
    rig.wait_for(lambda: rig.session.data["actuator_2_mm"] == 3.5)


def test_a_frame_of_the_tilt_sensor_that_says_what_cannot_be(make):
    rig = make("tilt_sensor")
    rig.server.say(b"\x61\x22" + b"\xff" * 10)
    count = len(rig.readings())
    rig.wait_for(lambda: len(rig.readings()) > count + 2 and not rig.session.degraded)
    assert [r for r in rig.readings() if r != rig.module.EXPECTED] == []


def test_a_generator_that_is_only_set(make, ocs_agent):
    rig = make("gpib_instruments", timeout=10)
    agent = rig.module.GeneratorAgent(ocs_agent, *rig.proxy.address, timeout=10)
    assert agent.set_frequency(None, {"frequency": 8e6}) == (True, "frequency: 8000000.0")
    assert agent.set_output(None, {"state": True}) == (True, "output: True")
    rig.wait_for(lambda: agent.generator.link.up)
    rig.proxy.unplug()
    done, why = agent.set_amplitude(None, {"amplitude": 1.5})
    assert not done and "refused" in why
    rig.proxy.plug_in()
    assert agent.set_amplitude(None, {"amplitude": 1.5}) == (True, "amplitude: 1.5")
    set_to = [command for command in rig.server.received if b"*OPC?" in command]
    assert set_to == [b"SOUR:FREQ 8000000.000;*OPC?", b"OUTP:STAT 1;*OPC?",
                      b"SOUR:VOLT 1.500;*OPC?"]
