"""A Sparkplug B edge node with one device, a press. Its payloads are made by pysparkplug, not by our own code."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from pysparkplug import DataType, DBirth, DData, DDeath, Metric, NBirth, NCmd, NDeath

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PressNode", "metric", "press_node"]

WAIT_S = 60
ALIAS = {"Temperature": 11, "Offset": 12, "Running": 13, "Label": 14}
TYPES = {
    "Temperature": DataType.DOUBLE,
    "Offset": DataType.INT16,
    "Running": DataType.BOOLEAN,
    "Label": DataType.STRING,
}


def metric(name: str, value: object, *, by_alias: bool = False, ts_ms: int | None = None) -> Metric:
    """One metric of the press."""
    at = time.time_ns() // 1_000_000 if ts_ms is None else ts_ms
    null = value is None
    return Metric(at, None if by_alias else name, TYPES[name], None if null else value, ALIAS[name], False, False, null)


class PressNode:
    """The node `edge` in group `line`, and its device `press`."""

    def __init__(self, port: int, *, node: str = "edge") -> None:
        self.commands: list[str] = []
        """Names of the metrics of the NCMD messages that came."""
        self.heeds = True
        """Answers a request for a rebirth."""
        self._node = node
        self._port = port
        self._seq = 0
        self._session = 0
        self._ready = threading.Event()
        self._commanded = threading.Event()
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"{node}-{port}", reconnect_on_failure=False
        )
        client.on_subscribe = lambda *_: self._ready.set()
        client.on_message = self._heed
        client.will_set(f"spBv1.0/line/NDEATH/{node}", NDeath(_now_ms(), self._bd_seq()).encode())

    def connect(self) -> None:
        """Birth of the node and of its device."""
        self._client.connect("127.0.0.1", self._port)
        self._client.subscribe(f"spBv1.0/line/NCMD/{self._node}", qos=1)
        self._client.loop_start()
        assert self._ready.wait(WAIT_S)
        self.give_birth()

    def give_birth(self) -> None:
        """NBIRTH and DBIRTH."""
        rebirth = Metric(_now_ms(), "Node Control/Rebirth", DataType.BOOLEAN, value=False)
        self._seq = 0
        self._send("NBIRTH", NBirth(_now_ms(), self._next(), (rebirth, self._bd_seq())))
        at = _now_ms()  # of all: what bears different times is told apart
        values = {"Temperature": 20.0, "Offset": -3, "Running": True, "Label": "A-7"}
        has = tuple(metric(name, value, ts_ms=at) for name, value in values.items())
        self._send("DBIRTH", DBirth(_now_ms(), self._next(), has))

    def tell(self, *metrics: Metric, skip: int = 0) -> None:
        """DDATA, by alias.

        Args:
            skip: so many messages were lost before.
        """
        self._seq += skip
        self._send("DDATA", DData(_now_ms(), self._next(), metrics))

    def lose_device(self) -> None:
        """DDEATH."""
        self._send("DDEATH", DDeath(_now_ms(), self._next()))

    def break_off(self) -> None:
        """The connection breaks: the broker tells the death."""
        self._client.socket().shutdown(socket.SHUT_RDWR)

    def disconnect(self) -> None:
        """In order: the broker tells no death."""
        self._client.disconnect()
        self._client.loop_stop()
        # Only when nothing holds on to it does paho close the pair of sockets by which it wakes its thread.
        self._client.on_subscribe = self._client.on_message = None

    def wait_for_command(self, wait_s: float = WAIT_S) -> bool:
        """Whether somebody asked something of it."""
        return self._commanded.wait(wait_s)

    def _next(self) -> int:
        number, self._seq = self._seq % 256, self._seq + 1
        return number

    def _bd_seq(self) -> Metric:
        return Metric(_now_ms(), "bdSeq", DataType.INT64, self._session)

    def _send(self, sort: str, payload: Any) -> None:
        device = "/press" if sort[0] == "D" else ""
        self._client.publish(f"spBv1.0/line/{sort}/{self._node}{device}", payload.encode()).wait_for_publish(WAIT_S)

    def _heed(self, _client: Any, _data: Any, message: Any) -> None:
        payload = NCmd.decode(message.payload)
        self.commands += [each.name for each in payload.metrics]
        self._commanded.set()
        if self.heeds and "Node Control/Rebirth" in self.commands:
            threading.Thread(target=self.give_birth, daemon=True).start()  # not from within paho's own


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def press_node(port: int, **keys: str) -> Iterator[PressNode]:
    """A node that is connected."""
    node = PressNode(port, **keys)
    node.connect()
    try:
        yield node
    finally:
        node.disconnect()
