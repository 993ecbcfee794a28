"""A session with an MQTT 3.1.1 broker, by paho: what MQTT and Sparkplug B have in common.

The event loop reads and writes paho's socket itself, without a thread: beside paho's, which gives up the interpreter at
each of its small reads, every message would wait for the other thread. Messages are taken in batches. One of QoS 1 is
confirmed only when `confirm` is called, after it is on the disk: what the gateway hadn't stored when it was killed, the
broker sends again.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from gateways.seam import AwayError, NonsenseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.gateways import Broker, Unified

__all__ = ["LISTEN_S", "QUIET_S", "MqttClient"]

ANSWER_S = 10.0
LOOK_S = 2.0
LISTEN_S, QUIET_S = 20.0, 3.0
"""`discover` listens until nothing new has come for QUIET_S, at most LISTEN_S."""
KEEPALIVE_S = 15
"""A broker that is gone without a word is noticed after one and a half of these."""
WAITING_MAX = 100_000
"""Messages that came and weren't taken: beyond it those of QoS 0 are lost, and counted; QoS 1 waits at the broker."""
BATCH_MAX = 2_000
READ_MAX = 500
"""Messages that are read before others have their turn: some ten milliseconds."""
BEAT_S = 1.0
"""Between two looks at what is due: a sign of life, or its answer."""


class MqttClient:
    """One session; of one event loop."""

    def __init__(self, settings: Broker | Unified, *, keep_session: bool) -> None:
        self.lost = 0
        """Messages of QoS 0 for which there was no room."""
        self._settings = settings
        self._address = f"{settings.host}:{settings.port}"
        self._waiting: deque[paho.MQTTMessage] = deque()
        self._fault = ""
        self._arrived = 0
        self._socket: Any = None
        """While the event loop listens to it."""
        self._news = asyncio.Event()
        self._answers: dict[int, asyncio.Future[list[Any]]] = {}
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[tuple[type[Exception], str] | None] = self._loop.create_future()
        """What becomes of it; no exception, which would hold on to all this as long as this holds on to it."""
        client = self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id or f"andon-{settings.name}",
            clean_session=not keep_session,
            manual_ack=True,
            reconnect_on_failure=False,  # a link does that
        )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_close = self._on_socket_close
        try:
            if settings.tls:
                context = ssl.create_default_context(cafile=settings.ca_file)
                if settings.certificate is not None:
                    context.load_cert_chain(settings.certificate, settings.private_key)
                client.tls_set_context(context)
            if settings.user is not None:
                client.username_pw_set(
                    settings.user,
                    Path(settings.password_file).read_text(encoding="utf-8").strip()
                    if settings.password_file
                    else None,
                )
        except (OSError, ValueError) as error:
            raise NonsenseError(f"a file for TLS or the password can't be used: {error}") from error

    def last_will(self, topic: str, payload: bytes) -> None:
        """What the broker says in our name when we are gone; before `connect`."""
        self._client.will_set(topic, payload, qos=1, retain=True)

    async def connect(self) -> None:
        """Open the session.

        Raises: AwayError; NonsenseError if the broker refuses us.
        """
        self._client.connect_timeout = ANSWER_S
        try:
            await asyncio.to_thread(self._client.connect, self._settings.host, self._settings.port, KEEPALIVE_S)
            self._listen()
            refusal = await asyncio.wait_for(self._connected, ANSWER_S)
        except (OSError, TimeoutError, ValueError) as error:
            raise AwayError(f"{self._address}: {str(error) or 'no answer'}") from error
        if refusal is not None:
            fault, why = refusal
            raise fault(f"{self._address}: {why}")

    async def subscribe(self, filters: Sequence[tuple[str, int]]) -> None:
        """Ask for topics.

        Raises: AwayError; NonsenseError if one of them is refused.
        """
        done: asyncio.Future[list[Any]] = self._loop.create_future()
        result, number = self._client.subscribe(list(filters))
        if number is None or result != paho.MQTT_ERR_SUCCESS:
            raise AwayError(f"{self._address}: the connection broke")
        self._send_rest()
        self._answers[number] = done
        try:
            reasons = await asyncio.wait_for(done, ANSWER_S)
        except TimeoutError as error:
            raise AwayError(f"{self._address}: it doesn't answer a subscription") from error
        for (topic, _), reason in zip(filters, reasons, strict=True):
            if reason.is_failure:
                raise NonsenseError(f"{self._address}: the topic {topic} is refused ({reason})")

    async def take(self) -> list[paho.MQTTMessage]:
        """What has come; waits for it, and gives nothing after LOOK_S in which nothing came.

        Raises: AwayError once the connection is lost and all that came was taken.
        """
        if not self._waiting and not self._fault:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._news.wait()
        self._news.clear()
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
        if not taken and self._fault:
            raise AwayError(f"{self._address}: {self._fault}")
        return taken

    def confirm(self, messages: Sequence[paho.MQTTMessage]) -> None:
        """These are on the disk."""
        for message in messages:
            if message.qos:
                self._client.ack(message.mid, message.qos)
        self._send_rest()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Say something, at QoS 1."""
        self._client.publish(topic, payload, qos=1, retain=retain)
        self._send_rest()

    async def close(self) -> None:
        """End the session; raises nothing."""
        client = self._client
        client.disconnect()
        if (socket := client.socket()) is not None:  # it takes nothing more, not even a farewell
            self._on_socket_close(client, None, socket)
            socket.close()
        # paho is let go of: its callbacks hold on to us, as we do to it.
        client.on_connect = client.on_disconnect = client.on_subscribe = client.on_message = None
        client.on_socket_close = None

    # ── The socket ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _listen(self) -> None:
        socket = self._client.socket()
        if socket is not None:  # else it was closed at once, which paho has told
            self._socket = socket
            self._loop.add_reader(socket, self._read)
            self._beat()

    def _read(self) -> None:
        """What has come, message by message, up to READ_MAX."""
        for _ in range(READ_MAX):
            before = self._arrived
            if self._client.loop_read() or self._socket is None:
                return
            if self._arrived == before and not _held(self._socket):
                return
        if _held(self._socket):
            self._loop.call_soon(self._read)

    def _send_rest(self) -> None:
        """Usually paho has written all at once; what the socket didn't take waits until it does."""
        if self._socket is not None and self._client.want_write():
            self._loop.add_writer(self._socket, self._send)

    def _send(self) -> None:
        self._client.loop_write()
        if self._socket is not None and not self._client.want_write():
            self._loop.remove_writer(self._socket)

    def _beat(self) -> None:
        if self._socket is not None:
            self._client.loop_misc()
            self._send_rest()
            self._loop.call_later(BEAT_S, self._beat)

    # ── Called by paho ───────────────────────────────────────────────────────────────────────────────────────────────

    def _on_socket_close(self, _client: Any, _data: Any, socket: Any) -> None:
        if self._socket is not None:
            self._socket = None
            self._loop.remove_reader(socket)
            self._loop.remove_writer(socket)

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        _answer(self._connected, (NonsenseError, f"the broker refuses us ({reason})") if reason.is_failure else None)

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        """Also in the thread that connects."""
        self._fault = f"the connection was lost ({reason})"
        refusal = (AwayError, "the broker doesn't let us in; perhaps it wants TLS, or a certificate")
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(_answer, self._connected, refusal)
            self._loop.call_soon_threadsafe(self._news.set)

    def _on_subscribe(self, _client: Any, _data: Any, number: int, reasons: list[Any], _properties: Any) -> None:
        if number in self._answers:
            _answer(self._answers.pop(number), reasons)

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        self._arrived += 1
        if message.qos == 0 and len(self._waiting) >= WAITING_MAX:
            self.lost += 1
            return
        self._waiting.append(message)
        self._news.set()


def _held(socket: Any) -> bool:
    """TLS has taken apart more than was read: the event loop doesn't see that."""
    return isinstance(socket, ssl.SSLSocket) and socket.pending() > 0


def _answer(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)
