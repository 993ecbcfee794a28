"""Screens without a browser: each reads the live stream as fast as it comes, and counts."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

__all__ = ["main"]

PROBE = re.compile(rb"probe (\d{13})")
TAIL_BYTES = 64


async def _screen(host: str, port: int, until: float, delays: list[float]) -> int:
    """One screen; returns how many bytes it was sent, and notes how late each new probe was."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET /api/events HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: text/event-stream\r\n\r\n".encode())
    await writer.drain()
    total, newest, tail = 0, 0, b""
    while time.time() < until:
        try:
            part = await asyncio.wait_for(reader.read(1 << 16), max(0.1, until - time.time()))
        except TimeoutError:
            break
        if not part:
            raise ConnectionError("the console let a screen go")
        total += len(part)
        now = time.time() * 1000
        for found in PROBE.findall(tail + part):
            if int(found) > newest:
                newest = int(found)
                delays.append(now - newest)
        tail = part[-TAIL_BYTES:]
    writer.close()
    return total


async def _all(host: str, port: int, count: int, seconds: float) -> dict[str, float]:
    delays: list[float] = []
    until = time.time() + seconds
    sizes = await asyncio.gather(*(_screen(host, port, until, delays) for _ in range(count)))
    delays.sort()
    return {
        "screens": count,
        "mb": sum(sizes) / 1e6,
        "median_ms": delays[len(delays) // 2],
        "p99_ms": delays[len(delays) * 99 // 100],
    }


def main() -> None:
    """HOST PORT COUNT SECONDS: prints one JSON object."""
    host, port, count, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    print(json.dumps(asyncio.run(_all(host, port, count, seconds))))


if __name__ == "__main__":
    main()
