"""Random faults, and the seed that repeats them."""

import contextlib

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from socs_tcp.testing import DeviceFactory, DeviceServer, RandomFaults

ALL = ("hang_up", "reset", "reboot", "silence", "glue", "accept_and_hang_up", "endless_line",
       "late", "refuse", "black_hole", "slow_reader", "split", "hang_up_mid_reply",
       "hang_up_after", "garbage")


def test_the_seed_brings_the_same_faults_back():
    one, two = RandomFaults(42, rate=0.5), RandomFaults(42, rate=0.5)
    draws = [one.draw() for _ in range(500)]
    assert draws == [two.draw() for _ in range(500)]
    assert draws != [RandomFaults(43, rate=0.5).draw() for _ in range(500)]


def test_its_repr_makes_the_same_draws():
    given = RandomFaults(rate=0.7, kinds=("late", "hang_up"), max_seconds=0.5)
    again = eval(repr(given), {"RandomFaults": RandomFaults})
    assert [given.draw() for _ in range(200)] == [again.draw() for _ in range(200)]


def test_the_rate_is_kept():
    drawn = RandomFaults(1, rate=0.1)
    assert 900 < sum(drawn.draw() is not None for _ in range(10000)) < 1100


def test_all_kinds_are_drawn_within_their_bounds():
    drawn = RandomFaults(1, rate=1, kinds=ALL, max_seconds=0.01)
    faults = [drawn.draw() for _ in range(2000)]
    assert {f.kind for f in faults} == set(ALL)
    assert all(f.seconds <= 0.01 for f in faults if f.seconds is not None)


def test_misuse_is_told():
    with pytest.raises(ValueError, match="rate"):
        RandomFaults(1, rate=2)
    with pytest.raises(ValueError, match="cannot draw 'explode'"):
        RandomFaults(1, kinds=("explode",))


def test_the_seed_is_printed_when_a_test_fails():
    with pytest.raises(AssertionError) as caught, DeviceServer({}) as server:
        server.faults.draw_from(RandomFaults(12345))
        raise AssertionError
    assert "RandomFaults(12345, " in caught.value.__notes__[0]


def test_the_same_exchanges_meet_the_same_faults():
    """What one client hears depends on nothing but the seed."""
    def hear(seed):
        clock, heard = Clock(), []
        device = DeviceFactory(clock, lambda c: c)
        device.faults.draw_from(RandomFaults(seed, rate=0.5))
        for number in range(100):
            protocol, transport = device.buildProtocol(), StringTransport()
            protocol.makeConnection(transport)
            protocol.dataReceived(b"%d\r\n%d\r\n" % (number, number))
            clock.pump([0.01] * 10)
            heard.append((transport.value(), transport.disconnecting))
            protocol.connectionLost()
        return heard
    assert hear(3) == hear(3) != hear(4)


def test_the_device_survives_all_that_it_does_to_others(connect):
    with DeviceServer(lambda c: c) as server:
        server.faults.draw_from(RandomFaults(5, rate=0.3, kinds=ALL, max_seconds=0.01))
        heard = 0
        while server.commands < 300:        # some attempts are refused
            with contextlib.suppress(OSError):
                client = connect(server)
                client.sock.settimeout(0.05)
                number = b"%d" % server.commands
                heard += client.ask(number) == number + b"\r\n"
            client.sock.close()
        assert heard > 100
        server.faults.heal()
        server.wait_for_clients(0)
        assert connect(server).ask(b"x") == b"x\r\n"
        assert len(server.faults.injected) > 10
