"""The life of one connection: reach the device, hand on what it says, mark the gap when it is lost, try again.

It is tried again after a wait that doubles, up to `retry_s_max`, with some chance in it, so that a hundred gateways
don't all come back in the same second. A device whose answers make no sense is left alone for `quarantine_s`.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import orjson

from gateways.buffer import Message
from gateways.cancelling import heed_cancellation
from gateways.reporting import Reporting
from gateways.seam import BAD, UNCERTAIN, AwayError, Description, Frame, NonsenseError
from gateways.skew import Skew

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from contracts.gateways import Connection, Gateway
    from gateways.forwarder import Forwarder
    from gateways.happenings import Happenings
    from gateways.seam import Source

__all__ = ["Link", "message_of"]

RETRY_S_FIRST = 0.5
VALUES_PER_MESSAGE_MAX = 2_000
"""With names of the longest sort a message of these is still below Kafka's megabyte."""
QUALITY_WORDS = {UNCERTAIN: "uncertain", BAD: "bad"}


class Link:
    """One device and what is told of it.

    Args:
        source: of its protocol.
        address: for logs; without passwords.
        now_ms: our clock.
    """

    def __init__(
        self,
        source: Source,
        connection: Connection,
        gateway: Gateway,
        *,
        address: str,
        topic: str,
        forwarder: Forwarder,
        happenings: Happenings,
        now_ms: Callable[[], int],
    ) -> None:
        self.state = "away"
        self.fault = "not reached yet"
        self.description = Description()
        self.seen_ms = 0
        """Our clock at its last sign of life."""
        self.address = address
        self.connection = connection
        self.skew = Skew()
        self._source = source
        self._gateway = gateway
        self._topic = topic
        self._forwarder = forwarder
        self._happenings = happenings
        self._now_ms = now_ms
        self._heartbeat_ms = round(connection.heartbeat_s * 1000)
        self._reporting = Reporting(deadband=self._deadband, heartbeat_ms=self._heartbeat_ms)

    @property
    def series_count(self) -> int:
        """How many sensors it has spoken of."""
        return self._reporting.series_count

    async def run(self) -> None:
        """Until cancelled."""
        wait_s = RETRY_S_FIRST
        while True:
            try:
                await self._connect()
                wait_s = RETRY_S_FIRST
                await self._listen()
            except AwayError as error:
                self._lose("away", str(error))
                self._happenings.lost(
                    self.connection.name, why=str(error), retry_s=wait_s, was_connected=wait_s == RETRY_S_FIRST
                )
                pause_s = wait_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing
                wait_s = min(wait_s * 2, self._gateway.retry_s_max)
            except NonsenseError as error:
                pause_s = self._gateway.quarantine_s
                self._lose("quarantined", str(error))
                self._happenings.quarantined(self.connection.name, why=str(error), for_s=pause_s)
            finally:
                await self._source.close()
            heed_cancellation()
            await asyncio.sleep(pause_s)

    async def _connect(self) -> None:
        await self._source.connect()
        self.description = await self._source.describe()
        self.state, self.fault = "connected", ""
        self.seen_ms = self._now_ms()
        who = " ".join(part for part in self.description if part)
        self._happenings.connected(self.connection.name, address=self.address, who=who)

    async def _listen(self) -> None:
        repeating = asyncio.create_task(self._repeat()) if self._source.tells_changes else None
        try:
            async for frames in self._source.readings():
                heed_cancellation()
                self.seen_ms = self._now_ms()
                if frames:
                    self._take(frames)
                    await (self._forwarder.stored() if self._source.acknowledges else self._forwarder.room())
        finally:
            if repeating is not None:
                repeating.cancel()
        raise AwayError("the device ended the connection")

    def _take(self, frames: list[Frame]) -> None:
        now = self.seen_ms
        by_device = self.connection.time == "device"
        for frame in frames:
            if frame.ts_ms:
                self.skew.take(frame.ts_ms, now)
        undated_ms = now + self._ahead_ms()
        dated = [frame if frame.ts_ms and by_device else frame._replace(ts_ms=undated_ms) for frame in frames]
        if self.skew.ms is not None:
            self._happenings.skew_measured(self.connection.name, self.skew.ms / 1000)
        reporting = self._reporting
        suppressed, refused = reporting.suppressed, reporting.refused
        self._tell(reporting.filter(dated), suppressed=suppressed, refused=refused)

    async def _repeat(self) -> None:
        """Speak for a source that is silent as long as nothing changes."""
        while True:
            await asyncio.sleep(min(1.0, self._heartbeat_ms / 4000))
            until_ms = self.seen_ms - round(self._source.lag_s * 1000) + self._ahead_ms()
            self._tell(self._reporting.repeat(until_ms))

    def _deadband(self, asset: str, sensor: str) -> float:
        return self._source.deadbands.get((asset, sensor), self.connection.deadband)

    def _lose(self, state: str, why: str) -> None:
        self.state, self.fault = state, why
        self._tell(self._reporting.lose(self._now_ms() + self._ahead_ms()))

    def _ahead_ms(self) -> int:
        """What our clock must be set forward by to bear the same time as the readings."""
        return (self.skew.ms or 0) if self.connection.time == "device" else 0

    def _tell(self, frames: Iterable[Frame], *, suppressed: int | None = None, refused: int = 0) -> None:
        reported = 0
        messages = []
        for frame in frames:
            reported += len(frame.values)
            messages += [message_of(part) for part in _parts(frame)]
        reporting = self._reporting
        self._happenings.values_read(
            self.connection.name,
            reported=reported,
            suppressed=0 if suppressed is None else reporting.suppressed - suppressed,
            refused=0 if suppressed is None else reporting.refused - refused,
        )
        if messages:
            self._forwarder.put(self._topic, messages)


def message_of(frame: Frame) -> Message:
    """A frame as andon reads it from Kafka."""
    document: dict[str, object] = {"asset": frame.asset, "ts": frame.ts_ms, "values": frame.values}
    if frame.quality:
        document["quality"] = QUALITY_WORDS[frame.quality]
    return Message(frame.asset.encode(), orjson.dumps(document))


def _parts(frame: Frame) -> list[Frame]:
    if len(frame.values) <= VALUES_PER_MESSAGE_MAX:
        return [frame]
    items = list(frame.values.items())
    return [
        frame._replace(values=dict(items[at : at + VALUES_PER_MESSAGE_MAX]))
        for at in range(0, len(items), VALUES_PER_MESSAGE_MAX)
    ]
