"""The readout's driver against a device that we did not write: the simulator of pymodbus."""

import asyncio
import threading

import pytest
import weight_readout

pytest.importorskip("pymodbus", reason="THE MODBUS DRIVER MET NO FOREIGN DEVICE: no pymodbus")
import contextlib

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


class Readout:
    """Pymodbus' simulator in a thread of its own."""

    def __init__(self):
        self._loop, self._ready = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()])
        self._thread.start()
        assert self._ready.wait(30)
        self.address = self._server.transport.sockets[0].getsockname()[:2]

    async def _serve(self):
        registers = [SimData(0, count=6, datatype=DataType.REGISTERS),
                     SimData(6, values=weight_readout.weights(71.25, 80.5),
                             datatype=DataType.REGISTERS)]
        self._server = ModbusTcpServer(SimDevice(1, registers), address=("127.0.0.1", 0))
        await self._server.serve_forever(background=True)
        self._ready.set()
        self._over = asyncio.Event()
        await self._over.wait()
        await self._server.shutdown()

    def close(self):
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)


@pytest.fixture
def readout():
    readout = Readout()
    yield readout
    readout.close()


def test_it_reads_what_pymodbus_says(readout):
    with weight_readout.Scale(*readout.address) as scale:
        for _ in range(3):
            assert scale.get_data() == weight_readout.EXPECTED


def test_it_says_which_registers_there_are_not(readout):
    with weight_readout.Scale(*readout.address) as scale:
        with pytest.raises(ValueError, match=r"registers 900 ...: exception 02"):
            scale.registers(900, 2)
        assert scale.get_data() == weight_readout.EXPECTED


def test_through_a_proxy_with_its_faults(readout, fault_proxy):
    proxy = fault_proxy(*readout.address, framer=weight_readout.FRAMER)
    with weight_readout.Scale(*proxy.address, timeout=0.5) as scale:
        assert scale.get_data() == weight_readout.EXPECTED
        for number in range(40):
            if number % 4 == 0:
                proxy.faults.split(range(1, 17), pause=0.001)
            if number % 5 == 0:
                proxy.faults.late(0.6)
            if number % 7 == 0:
                proxy.faults.hang_up_mid_reply()
            with contextlib.suppress(ConnectionError):
                assert scale.get_data() == weight_readout.EXPECTED
