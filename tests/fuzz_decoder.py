"""`python -m tests.fuzz_decoder`: millions of odd messages, read by the quick lane as by the reference, to the bit.

Three kinds: mutations of messages that gateways or somebody who means harm may send; objects put together from odd
parts; and numbers, mostly such that a parser rounds wrongly if it rounds twice. The text of each poll ends just before
a page that may not be read: one byte too far ends the process.

A message that is read differently is printed; it belongs into `tests/nasty.py`, so that it is tried for ever after.
"""

from __future__ import annotations

import ctypes
import mmap
import random
import struct
import time
from typing import TYPE_CHECKING

import click
import numpy as np

from contracts.codec import Refusal, decode_message
from contracts.readings import READING, Block, Reject
from contracts.settings import Service, Settings
from dataflows.decode import Decoder
from dataflows.happenings import Happenings
from dataflows.series import SeriesTable
from tests.nasty import MESSAGES, TS
from tests.polls import ARRIVED, SOURCES, poll

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["differing", "fuzz", "main"]

POLL_MESSAGES = 2_000
FORGET_EVERY = 20
"""Polls after which decoder and reference begin anew: series that mutations invent would fill the memory."""

_SETTINGS = Settings(service=Service(key_groups=1))
_NAMES = [
    "press-1",
    "oven-2",
    "temp",
    "p",
    "Öfen/北-1",
    "T °C 🔥",
    "a" * 7,
    "b" * 8,
    "c" * 9,
    "d" * 16,
    'q"q',
    "b\\b",
    "x/y",
]
_CORPUS = [nasty.value for nasty in MESSAGES if nasty.value is not None and len(nasty.value) < 600] + [
    b'{"asset":"press-1","ts":%d,"values":{"temp":1.5,"p":4,"oven-2":true},"quality":"good"}' % TS,
    b'{"values":{"temp":1.5,"p":4},"asset":"press-1","unit":{"a":[1,{"b":null}],"c":"\\u00b0C"},"ts":%d}' % TS,
    b'{"ts":null,"asset":"press-1","sensor":"temp","value":21.323456789012345,"unit":"\xc2\xb0C","tags":[]}',
]
_PIECES = [
    *(
        bytes([byte])
        for byte in b' \t\n\r{}[]:,"\\/0123456789.eE+-tfnaluNI\x00\x01\x02\x1f\x7f\xc2\xb0\xed\xa0\x80\xf4\x90\xff'
    ),
    *rb""""ts":5, "value":1, ,"ts":1700000000007 \u0061 \ud83d\ude00 \ud800 "asset":"press-1", "" e5 .0 -0 00000000
    12345678 "values":{"temp":1}, "quality":"bad", "quality":1073741824, true false null [[[]]] {"a":{"b":[]}} 1e400
    9223372036854775807 9223372036854775808""".split(),
]


def fuzz(count: int, seed: int) -> tuple[int, list[bytes]]:
    """Try some messages; returns how many the quick lane read, and those that were read differently."""
    chance = random.Random(seed)
    kinds: list[Callable[[random.Random], bytes]] = [_mutated, _composed, _numbered]
    quick = 0
    different: list[bytes] = []
    decoder, table = _begin()
    for number in range(-(-count // POLL_MESSAGES)):
        if number % FORGET_EVERY == 0:
            decoder, table = _begin()
        make = kinds[number % len(kinds)]
        values = [make(chance) for _ in range(POLL_MESSAGES)]
        referred = decoder.referred
        different += differing(values, decoder, table)
        quick += len(values) - (decoder.referred - referred)
    return quick, different


def differing(
    values: list[bytes], decoder: Decoder, table: SeriesTable, *, read: list[bytes] | None = None
) -> list[bytes]:
    """Those of the messages that the decoder reads otherwise than the reference does.

    Args:
        table: the reference's numbers of series.
        read: what the decoder gets instead, to see whether a difference is found.
    """
    one_poll = poll(*(read or values))
    one_poll = one_poll._replace(text=_guarded(one_poll.text.tobytes()))
    rows: list[tuple[object, ...]] = []
    rejects: list[tuple[object, ...]] = []
    for at, value in enumerate(values):
        decoded = decode_message(value, ARRIVED)
        refusals = [decoded] if isinstance(decoded, Refusal) else list(decoded.refusals)
        if not isinstance(decoded, Refusal):
            for sensor, number in decoded.values:
                series = table.number(decoded.asset, sensor, decoded.ts)
                if isinstance(series, Refusal):
                    refusals.append(series)
                else:
                    rows.append((decoded.ts, number, at, series, at % len(SOURCES), decoded.quality, 0))
        for reason in dict.fromkeys(refusal.reason for refusal in refusals):
            alike = [refusal.detail for refusal in refusals if refusal.reason is reason]
            more = f" (and {len(alike) - 1} more)" if len(alike) > 1 else ""
            rejects.append((at, reason, alike[0] + more))
    items = [item for _, item in decoder.decode(one_poll)]
    got = [item.rows for item in items if isinstance(item, Block)]
    got_rows = got[0] if got else np.zeros(0, READING)
    got_rejects = [(item.offset, item.reason, item.detail) for item in items if isinstance(item, Reject)]
    expected = np.array(rows, READING)
    if got_rows.tobytes() == expected.tobytes() and got_rejects == rejects:
        return []
    said = _by_message(expected, rejects), _by_message(got_rows, got_rejects)
    return [value for at, value in enumerate(values) if said[0].get(at) != said[1].get(at)]


def _begin() -> tuple[Decoder, SeriesTable]:
    """A decoder and the reference's table, both with all usual series."""
    decoder, table = Decoder(_SETTINGS, lane=0, happenings=_HAPPENINGS), SeriesTable(_SETTINGS.service)
    template = '{"asset":"%s","sensor":"%s","value":1}'
    names = [name.replace("\\", "\\\\").replace('"', '\\"') for name in _NAMES]
    values = [(template % (asset, sensor)).encode() for asset in names for sensor in names]
    assert not differing(values, decoder, table)
    return decoder, table


_HAPPENINGS = Happenings()


def _guarded(text: bytes) -> np.ndarray:
    """A copy of a text whose end is the end of what may be read."""
    pages = -(-len(text) // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
    whole = np.frombuffer(memory, np.uint8)
    end = pages * mmap.PAGESIZE
    libc = ctypes.CDLL(None, use_errno=True)
    guard = ctypes.c_void_p(whole.ctypes.data + end)
    assert libc.mprotect(guard, ctypes.c_size_t(mmap.PAGESIZE), 0) == 0, "the guard page can't be closed"
    copy = whole[end - len(text) : end]
    copy[:] = np.frombuffer(text, np.uint8)
    return copy


def _by_message(rows: np.ndarray, rejects: list[tuple[object, ...]]) -> dict[object, list[object]]:
    said: dict[object, list[object]] = {}
    for row in rows:
        said.setdefault(int(row["offset"]), []).append(row.tobytes())
    for reject in rejects:
        said.setdefault(reject[0], []).append(reject)
    return said


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _mutated(chance: random.Random) -> bytes:
    """A message with some bytes cut out, put in, replaced or doubled, or with another's end."""
    body = bytearray(chance.choice(_CORPUS))
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        how, at = chance.random(), chance.randrange(len(body) + 1)
        if how < 0.25:
            del body[at : at + 1]
        elif how < 0.5:
            body[at:at] = chance.choice(_PIECES)
        elif how < 0.7:
            body[at : at + 1] = chance.choice(_PIECES)
        elif how < 0.8:
            del body[at:]
        elif how < 0.9:
            other = chance.randrange(len(body) + 1)
            body[at:at] = body[min(at, other) : max(at, other)]
        else:
            other_body = chance.choice(_CORPUS)
            body[at:] = other_body[chance.randrange(len(other_body) + 1) :]
    return bytes(body)


_KNOWN = [
    *rb'''"press-1" "temp" "p" "oven-2" "\u00d6fen/\u5317-1" "\u00D6fen/\u5317-1" "q\"q" "b\\b" "x/y" "x\/y" "aaaaaaa"
    "bbbbbbbb" "ccccccccc" "dddddddddddddddd"'''.split(),
    '"Öfen/北-1"'.encode(),
]
_UNITS = [
    *_KNOWN,
    '"T °C 🔥"'.encode(),
    b'"T \\u00b0C \\ud83d\\udd25"',
    b'"\\u00b0C"',
    b"[]",
    b"{}",
    b"null",
    b"true",
    b"-1.5e3",
]
_WORDS = rb""""good" "UNCERTAIN" "bAd" 0 192 1073741824 3221225471 null""".split()
_ODD = [
    *_UNITS,
    *_WORDS,
    *rb'''"" "new" 7 false 1.5 -0 -0.0 [1,{"a":[]},"\n"] {"x":{"y":[1,2,{}]}} [1,] {1:2} {"a"} {"a":1,} 1e999 "a\u12"
    "\ud800" t nu falsy 4294967296 -1 "goo" "good\u0000" [1,2 ]} "badly" "uncertain "'''.split(),
    b'"\xed\xa0\x80"',
    b'"\xc3"',
    b'"a\nb"',
    b'"good\x02',
    b"[" * 59 + b"]" * 59,
    b"[" * 70 + b"]" * 70,
]
_TIMES = [b"%d" % TS, b"%d" % (TS + 1), b"null"]
_ODD_TIMES = [
    b"%d" % (ARRIVED + 300_000),
    b"%d" % (ARRIVED + 300_001),
    *rb"""0 1 -1 -0 253402300799999 253402300800000 1.7e12 1700000000000.0 "2023-11-14T22:13:20Z" true 01700000000000
    99999999999999999999 9223372036854775807 9223372036854775808""".split(),
]
_GAPS = [b""] * 8 + [b" ", b"\n", b"\t \r\n"]
_CLOCKS = [
    "T00:00:00",
    "T23:59:59",
    "t12:30:00",
    " 07:05:09",
    "T24:00:00",
    "T12:60:00",
    "T12:30:60",
    "_12:30:00",
    "T1:30:00",
]
_FRACTIONS = ["", "", ".", ".1", ".12", ".123", ".1239", ".123999", ".123999999", ".1234567890"]
_OFFSETS = ["Z", "Z", "z", "", "+00:00", "-00:00", "+05:45", "-23:59", "+24:00", "+01:60", "+0100", "+01", "ZZ"]


def _calendar(chance: random.Random) -> bytes:
    """A time as text, mostly one that exists."""
    year = chance.randint(1970, 2024) if chance.random() < 0.9 else chance.randint(0, 9999)
    date = f"{year:04d}-{chance.randint(0, 13):02d}-{chance.choice((0, 1, 15, 28, 29, 30, 31, 32)):02d}"
    text = f"{date}{chance.choice(_CLOCKS)}{chance.choice(_FRACTIONS)}{chance.choice(_OFFSETS)}"
    if chance.random() < 0.1:
        cut = chance.randrange(len(text))
        text = text[:cut] + chance.choice("0:-. x\\") + text[cut + 1 :]
    return b'"%b"' % text.encode()


def _composed(chance: random.Random) -> bytes:
    """An object of usual keys in any order, mostly with usual values."""
    parts: list[bytes] = []
    for key, usual, odd, share in (
        (b"asset", _KNOWN, _ODD, 0.95),
        (b"sensor", _KNOWN, _ODD, 0.8),
        (b"ts", _TIMES, _ODD_TIMES, 0.9),
        (b"value", None, _ODD, 0.7),
        (b"values", None, _ODD, 0.5),
        (b"quality", _WORDS, _ODD, 0.5),
        (b"unit", _UNITS, _ODD, 0.3),
        (b"value_", _UNITS, _ODD, 0.1),
    ):
        if chance.random() < share:
            if chance.random() < 0.04:
                text = chance.choice(odd)
            elif key == b"ts" and chance.random() < 0.3:
                text = _calendar(chance)
            elif usual is not None:
                text = chance.choice(usual)
            else:
                text = _number(chance) if key == b"value" else _object(chance)
            gap = chance.choice(_GAPS)
            parts.append(b"%b%b%b:%b%b%b" % (gap, b'"%b"' % key, gap, gap, text, gap))
    chance.shuffle(parts)
    return b"{%b}" % b",".join(parts)


def _object(chance: random.Random) -> bytes:
    names = chance.sample(_KNOWN, chance.randrange(5))
    if chance.random() < 0.05:
        names += names[:1]
    gap = chance.choice(_GAPS)
    return b"{%b}" % b",".join(b"%b%b:%b%b" % (name, gap, gap, _number(chance)) for name in names)


def _numbered(chance: random.Random) -> bytes:
    return b'{"asset":"press-1","sensor":"temp","ts":%d,"value":%b}' % (TS, _number(chance))


def _number(chance: random.Random) -> bytes:
    """A number, of a kind that is drawn."""
    return chance.choice(_NUMBERS)(chance).encode()


def _half_way(chance: random.Random) -> str:
    """Exactly between two doubles, or nearly."""
    between = (chance.getrandbits(52) | 1 << 52) * 2 + 1
    return f"{between}{chance.choice(('', '.0', 'e0', '0e-1', '.00', '00e-2', '.000001'))}"


def _half_way_of_fives(chance: random.Random) -> str:
    """The same, by a power of ten: between · 2^-q · 10^q = between · 5^q."""
    q = chance.randrange(1, 5)
    between = (chance.getrandbits(52) | 1 << 52) * 2 + 1
    return f"{between * 5**q}e-{q}" if chance.random() < 0.5 else f"{between // 5**q * 5**q}e{-chance.randrange(24)}"


def _any_double(chance: random.Random) -> str:
    return repr(struct.unpack("d", struct.pack("Q", chance.getrandbits(64)))[0]).replace("inf", "0").replace("nan", "1")


def _cut_digits(chance: random.Random) -> str:
    digits = str(chance.getrandbits(62))
    cut = chance.randrange(len(digits))
    return f"{digits[:cut] or 0}.{digits[cut:]}{chance.choice(('', 'E5', 'e-7', 'e+12', 'e-60', 'e60'))}"


_ODD_NUMBERS = """0 -0 -0.0 0e5 -0e-5 1. .5 +1 01 1e 1e+ --1 0x1 1e400 1e-400 5e-324 1e22 1e23 123456789e22 8.5e-23
    1e0000005 1.7976931348623157e308 1.7976931348623159e308 9007199254740993.0 0.000000000000000000000001 1_0 true false
    100000000000000000.0 99999999.99999999 NaN Infinity -Infinity -""".split()  # noqa: SIM905 - read as a table
_NUMBERS: list[Callable[[random.Random], str]] = [
    lambda chance: repr(chance.gauss(20, 5)),
    lambda chance: f"{chance.uniform(-1e6, 1e6):.{chance.randrange(19)}f}",
    lambda chance: f"{chance.getrandbits(63)}e{chance.randrange(-90, 90)}",
    lambda chance: f"{chance.getrandbits(53)}.{chance.getrandbits(20)}",
    lambda chance: f"{chance.random():.17g}",
    lambda chance: f"{chance.randrange(100)}.{'0' * chance.randrange(12)}{chance.getrandbits(30)}",
    lambda chance: f"{'-' * chance.randrange(2)}{chance.getrandbits(chance.randrange(1, 80))}",
    lambda chance: chance.choice(_ODD_NUMBERS) if chance.random() < 0.1 else "1.5",
    _half_way,
    _half_way_of_fives,
    _any_double,
    _cut_digits,
]


@click.command(help=__doc__)
@click.option("--messages", default=5_000_000, show_default=True)
@click.option("--seed", default=None, type=int, help="Printed; by default another each time.")
def main(messages: int, seed: int | None) -> None:
    """Try, print, and fail if anything was read differently."""
    seed = random.SystemRandom().getrandbits(32) if seed is None else seed
    began = time.perf_counter()
    quick, different = fuzz(messages, seed)
    for value in different[:20]:
        click.echo(f"read differently: {value!r}")
    click.echo(
        f"seed {seed}: {messages:,} messages, {quick:,} on the quick lane, {len(different)} read differently "
        f"({time.perf_counter() - began:.0f} s)"
    )
    if different:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
