"""A Modbus TCP server of pymodbus in a thread of its own: a pump with registers that the test sets."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pymodbus import ModbusDeviceIdentification
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tests.gateways.peers.loop import LoopThread

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Pump", "pump"]

REGISTERS = 125
"""Holding and input registers 0 to 124 exist; 100 to 109 don't."""
HOLE = range(100, 110)


class Pump:
    """The server; every method may be called from any thread."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.holding = [0] * REGISTERS
        self.input = [0] * REGISTERS
        self.coils = [False] * 64
        self.functions: list[int] = []
        """Function codes of the requests that came."""
        self.firmware = "2.4"
        self.busy = False
        """Answer with exception 6."""
        self._loop = LoopThread()
        self._server: Any = None

    def set_float(self, address: int, value: float, *, little: bool = False) -> None:
        """Two holding registers."""
        words = struct.unpack(">2H", struct.pack(">f", value))
        self.holding[address : address + 2] = words[::-1] if little else words

    def start(self) -> None:
        """Begin to serve."""
        self._loop.call(self._start())

    def stop(self) -> None:
        """End the server; the thread stays."""
        server, self._server = self._server, None
        if server is not None:
            self._loop.call(server.shutdown())

    def close(self) -> None:
        """End all."""
        self.stop()
        self._loop.close()

    async def _start(self) -> None:
        def registers() -> list[SimData]:
            return [
                SimData(0, count=HOLE.start, datatype=DataType.REGISTERS),
                SimData(HOLE.stop, count=REGISTERS - HOLE.stop, datatype=DataType.REGISTERS),
            ]

        def bits() -> list[SimData]:
            return [SimData(0, count=4, datatype=DataType.BITS, values=[False] * 16)]

        identity = ModbusDeviceIdentification(
            info_name={"VendorName": "Acme", "ProductCode": "P-100", "MajorMinorRevision": self.firmware}
        )
        device = SimDevice(1, simdata=(bits(), bits(), registers(), registers()), action=self._act, identity=identity)
        self._server = ModbusTcpServer(
            device, address=("127.0.0.1", self.port), identity=identity, trace_pdu=self._trace
        )
        await self._server.serve_forever(background=True)

    def _trace(self, sending: bool, pdu: Any) -> Any:
        if not sending:
            self.functions.append(pdu.function_code)
        return pdu

    async def _act(self, function: int, start: int, address: int, count: int, registers: list[Any], _set: Any) -> Any:
        if self.busy:
            return ExcCodes.DEVICE_BUSY
        at = address - start
        if function in {1, 2}:  # the server keeps sixteen to a register
            for number in range(len(registers)):
                sixteen = self.coils[16 * number : 16 * number + 16]
                registers[number] = sum(on << place for place, on in enumerate(sixteen))
        elif function in {3, 4}:
            source = self.holding if function == 3 else self.input
            registers[at : at + count] = source[address : address + count]
        return None


@contextmanager
def pump(port: int) -> Iterator[Pump]:
    """A server that runs."""
    peer = Pump(port)
    try:
        peer.start()
        yield peer
    finally:
        peer.close()
