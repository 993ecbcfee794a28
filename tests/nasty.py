"""Messages that a plant's gateways, or somebody who means harm, may send; and what must become of each.

Used through the decoders and through a real broker. Times are in the past, except where a message is about that.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from contracts.limits import MESSAGE_BYTES_MAX, MESSAGE_VALUES_MAX, NAME_BYTES_MAX, TS_MS_MAX
from contracts.readings import Quality, Reason

__all__ = ["MESSAGES", "TS", "Nasty", "Read"]

TS = 1_700_000_000_000
"""2023-11-14T22:13:20Z"""


class Read(NamedTuple):
    """One reading that must come out of a message."""

    asset: str
    sensor: str
    ts: int | None
    """None: the Kafka timestamp."""
    value: float
    quality: Quality


class Nasty(NamedTuple):
    """A message, the reason why it or a part of it is refused, and the readings that it gives all the same."""

    name: str
    key: bytes | None
    value: bytes | None
    reason: Reason | None
    readings: tuple[Read, ...] = ()


def _read(value=1.5, *, sensor="temp", asset="press-1", ts=TS, quality=Quality.GOOD):
    return Read(asset, sensor, ts, value, quality)


def _body(**changes):
    """An every-day message with some keys changed; `...` leaves one out."""
    usual = {"asset": "press-1", "sensor": "temp", "ts": TS, "value": 1.5}
    return orjson.dumps({key: value for key, value in {**usual, **changes}.items() if value is not ...})


def _raw(**changes):
    """The same with JSON text in place of values, for what no serialiser would write."""
    usual = {"asset": b'"press-1"', "sensor": b'"temp"', "ts": b"%d" % TS, "value": b"1.5"}
    return b"{%b}" % b",".join(b'"%b":%b' % (key.encode(), text) for key, text in {**usual, **changes}.items())


def _many(values, **changes):
    return _body(sensor=..., value=..., values=values, **changes)


_USUAL = _body()
_LONGEST = "ö" * (NAME_BYTES_MAX // 2)

# name, value, reason, readings
_TABLE = [
    # ── good, however odd ──
    ("every day", _USUAL, None, (_read(),)),
    ("every day with quality and unit", _body(quality="good", unit="degC"), None, (_read(),)),
    ("unknown keys", _body(extra={"deep": [1, {"a": None}]}, asset_id=7), None, (_read(),)),
    ("white space", b" \n\t" + _raw().replace(b",", b" ,\r\n ").replace(b":", b" : ") + b" \n", None, (_read(),)),
    ("keys escaped", _raw().replace(b'"ts"', b'"t\\u0073"'), None, (_read(),)),
    ("value twice", _raw()[:-1] + b',"value":2}', None, (_read(2.0),)),
    ("value twice, the last one bad", _raw()[:-1] + b',"value":"2"}', Reason.BAD_VALUE, ()),
    ("value twice, the first one bad", _raw(value=b'"x"')[:-1] + b',"value":2}', None, (_read(2.0),)),
    ("asset twice", _raw()[:-1] + b',"asset":"b"}', None, (_read(asset="b"),)),
    ("boolean true", _body(value=True), None, (_read(1.0),)),
    ("boolean false", _body(value=False), None, (_read(0.0),)),
    ("whole number", _body(value=7), None, (_read(7.0),)),
    ("minus zero", _raw(value=b"-0.0"), None, (_read(-0.0),)),
    ("beyond 64 bits", _raw(value=b"123456789012345678901234567890"), None, (_read(1.2345678901234568e29),)),
    ("largest unsigned", _body(value=2**64 - 1), None, (_read(1.8446744073709552e19),)),
    ("odd above 53 bits", _body(value=2**53 + 1), None, (_read(9007199254740992.0),)),
    ("17 digits", _raw(value=b"0.30000000000000004"), None, (_read(0.30000000000000004),)),
    ("exponent", _raw(value=b"1E+5"), None, (_read(1e5),)),
    ("largest double", _raw(value=b"1.7976931348623157e308"), None, (_read(1.7976931348623157e308),)),
    ("smallest double", _raw(value=b"5e-324"), None, (_read(5e-324),)),
    ("below the smallest double", _raw(value=b"1e-400"), None, (_read(0.0),)),
    ("ts of the first millisecond", _body(ts=1), None, (_read(ts=1),)),
    ("ts missing", _body(ts=...), None, (_read(ts=None),)),
    ("ts null", _body(ts=None), None, (_read(ts=None),)),
    ("ts as text", _body(ts="2023-11-14T22:13:20Z"), None, (_read(),)),
    ("ts as text in small letters", _body(ts="2023-11-14t22:13:20z"), None, (_read(),)),
    ("ts as text with an offset", _body(ts="2023-11-15T03:58:20.000+05:45"), None, (_read(),)),
    ("ts as text with nanoseconds", _body(ts="2023-11-14T22:13:20.123999999Z"), None, (_read(ts=TS + 123),)),
    ("ts as text with tenths", _body(ts="2023-11-14 22:13:20.5+00:00"), None, (_read(ts=TS + 500),)),
    ("quality null", _body(quality=None), None, (_read(),)),
    ("quality in capitals", _body(quality="UNCERTAIN"), None, (_read(quality=Quality.UNCERTAIN),)),
    ("quality in mixed letters", _body(quality="bAd"), None, (_read(quality=Quality.BAD),)),
    ("status code good", _body(quality=0), None, (_read(),)),
    ("status code good with detail", _body(quality=0x00960000), None, (_read(),)),
    ("status code uncertain", _body(quality=0x40920000), None, (_read(quality=Quality.UNCERTAIN),)),
    ("status code bad", _body(quality=0x80050000), None, (_read(quality=Quality.BAD),)),
    ("status code reserved", _body(quality=2**32 - 1), None, (_read(quality=Quality.BAD),)),
    (
        "names of the world",
        _body(asset="Öfen/北-1", sensor="T °C 🔥"),
        None,
        (_read(asset="Öfen/北-1", sensor="T °C 🔥"),),
    ),
    ("longest name", _body(sensor=_LONGEST), None, (_read(sensor=_LONGEST),)),
    ("name of a space", _body(sensor=" "), None, (_read(sensor=" "),)),
    ("names that are keys", _body(asset="values", sensor="value"), None, (_read(asset="values", sensor="value"),)),
    ("many", _many({"temp": 1.5, "p": 4}), None, (_read(), _read(4.0, sensor="p"))),
    ("many with one", _many({"temp": 1.5}), None, (_read(),)),
    (
        "many, one twice",
        _raw(values=b'{"temp":9,"p":4,"temp":1.5}').replace(b'"value":1.5,', b""),
        None,
        (_read(), _read(4.0, sensor="p")),
    ),
    ("many beside a sensor", _body(value=..., values={"temp": 1.5}), None, (_read(),)),
    ("many beside a value", _body(values={"p": 4}), None, (_read(),)),
    ("many beside a value without a sensor", _body(sensor=..., values={"p": 4}), Reason.MISSING_SENSOR, ()),
    ("many of bad quality", _many({"temp": 1.5}, quality="bad"), None, (_read(quality=Quality.BAD),)),
    (
        "many without ts",
        _many({"temp": 1.5, "p": True}, ts=...),
        None,
        (_read(ts=None), _read(1.0, sensor="p", ts=None)),
    ),
    ("deep in a key that is ignored", _raw(extra=b"[" * 1000 + b"]" * 1000), None, (_read(),)),
    ("just small enough", _USUAL + b" " * (MESSAGE_BYTES_MAX - len(_USUAL)), None, (_read(),)),
    # ── not JSON ──
    ("tombstone", None, Reason.NOT_JSON, ()),
    ("nothing", b"", Reason.NOT_JSON, ()),
    ("white space alone", b" \n", Reason.NOT_JSON, ()),
    ("truncated", _USUAL[:-1], Reason.NOT_JSON, ()),
    ("truncated in a name", _USUAL[:14], Reason.NOT_JSON, ()),
    ("two objects", _USUAL + _USUAL, Reason.NOT_JSON, ()),
    ("two objects and a comma", _USUAL + b"," + _USUAL, Reason.NOT_JSON, ()),
    ("brackets turned outside in", _USUAL + b"],[" + _USUAL, Reason.NOT_JSON, ()),
    ("a quote that is never closed", b'{"asset":"press-1', Reason.NOT_JSON, ()),
    ("a quote too many", _USUAL + b'"', Reason.NOT_JSON, ()),
    ("a bracket too many", _USUAL + b"]", Reason.NOT_JSON, ()),
    ("comma at the end", _USUAL[:-1] + b",}", Reason.NOT_JSON, ()),
    ("comment", b"/* hello */" + _USUAL, Reason.NOT_JSON, ()),
    ("single quotes", _USUAL.replace(b'"', b"'"), Reason.NOT_JSON, ()),
    ("byte order mark", b"\xef\xbb\xbf" + _USUAL, Reason.NOT_JSON, ()),
    ("UTF-16", _USUAL.decode().encode("utf-16"), Reason.NOT_JSON, ()),
    ("invalid UTF-8 in a name", _raw(asset=b'"press\xff"'), Reason.NOT_JSON, ()),
    ("invalid UTF-8 in a key that is ignored", _raw(unit=b'"\xb0C"'), Reason.NOT_JSON, ()),
    ("half a surrogate pair", _raw(asset=b'"\\ud800"'), Reason.NOT_JSON, ()),
    ("surrogates as UTF-8", _raw(asset=b'"\xed\xa0\x80"'), Reason.NOT_JSON, ()),
    ("line break in a name", _raw(asset=b'"press\n1"'), Reason.NOT_JSON, ()),
    ("zero byte at the end", _USUAL + b"\x00", Reason.NOT_JSON, ()),
    ("NaN", _raw(value=b"NaN"), Reason.NOT_JSON, ()),
    ("Infinity", _raw(value=b"-Infinity"), Reason.NOT_JSON, ()),
    ("beyond the largest double", _raw(value=b"1e400"), Reason.NOT_JSON, ()),
    ("leading zero", _raw(value=b"01"), Reason.NOT_JSON, ()),
    ("decimal comma", _raw(value=b"1,5"), Reason.NOT_JSON, ()),
    ("endless number", _raw(value=b"9" * 4000), Reason.NOT_JSON, ()),
    ("too deep", b"[" * 100_000, Reason.NOT_JSON, ()),
    ("too deep and closed", b"[" * 2000 + b"]" * 2000, Reason.NOT_JSON, ()),
    ("protobuf", b"\x08\x96\x01\x12\x07testing", Reason.NOT_JSON, ()),
    ("gzip", bytes.fromhex("1f8b08000000000000ffabae05004300b3a302000000"), Reason.NOT_JSON, ()),
    ("CSV", b"1700000000000,press-1,temp,1.5", Reason.NOT_JSON, ()),
    # ── not an object ──
    ("list of messages", b"[" + _USUAL + b"]", Reason.NOT_OBJECT, ()),
    ("null", b"null", Reason.NOT_OBJECT, ()),
    ("number", b"42", Reason.NOT_OBJECT, ()),
    ("text", b'"values"', Reason.NOT_OBJECT, ()),
    ("deep but legal", b"[" * 1000 + b"]" * 1000, Reason.NOT_OBJECT, ()),
    # ── keys that are missing ──
    ("empty object", b"{}", Reason.MISSING_ASSET, ()),
    ("no asset", _body(asset=...), Reason.MISSING_ASSET, ()),
    ("asset null", _body(asset=None), Reason.MISSING_ASSET, ()),
    ("key in capitals", _raw().replace(b'"asset"', b'"ASSET"'), Reason.MISSING_ASSET, ()),
    ("no sensor", _body(sensor=...), Reason.MISSING_SENSOR, ()),
    ("sensor null", _body(sensor=None), Reason.MISSING_SENSOR, ()),
    ("asset alone", _body(sensor=..., value=...), Reason.MISSING_SENSOR, ()),
    ("no value", _body(value=...), Reason.MISSING_VALUE, ()),
    ("values empty", _many({}), Reason.MISSING_VALUE, ()),
    # ── values ──
    ("value null", _body(value=None), Reason.BAD_VALUE, ()),
    ("value as text", _body(value="1.5"), Reason.BAD_VALUE, ()),
    ("value NaN as text", _body(value="NaN"), Reason.BAD_VALUE, ()),
    ("value a list", _body(value=[1.5]), Reason.BAD_VALUE, ()),
    ("value an object", _body(value={"v": 1.5}), Reason.BAD_VALUE, ()),
    ("values a list", _many([1.5]), Reason.BAD_VALUE, ()),
    ("values a list of sensors", _many(["temp", "p"]), Reason.BAD_VALUE, ()),
    ("values text", _many("temp"), Reason.BAD_VALUE, ()),
    ("many, one of them text", _many({"temp": 1.5, "p": "4"}), Reason.BAD_VALUE, (_read(),)),
    ("many, all of them null", _many({"temp": None, "p": None}), Reason.BAD_VALUE, ()),
    ("many, one of them a list", _many({"p": [4], "temp": 1.5}), Reason.BAD_VALUE, (_read(),)),
    # ── time ──
    ("ts zero", _body(ts=0), Reason.BAD_TS, ()),
    ("ts negative", _body(ts=-1), Reason.BAD_TS, ()),
    ("ts true", _body(ts=True), Reason.BAD_TS, ()),
    ("ts with a fraction", _body(ts=1.7e12), Reason.BAD_TS, ()),
    ("ts in nanoseconds", _body(ts=TS * 1_000_000), Reason.BAD_TS, ()),
    ("ts beyond 64 bits", _raw(ts=b"99999999999999999999"), Reason.BAD_TS, ()),
    ("ts largest unsigned", _body(ts=2**64 - 1), Reason.BAD_TS, ()),
    ("ts digits as text", _body(ts=str(TS)), Reason.BAD_TS, ()),
    ("ts without offset", _body(ts="2023-11-14T22:13:20"), Reason.BAD_TS, ()),
    ("ts a date", _body(ts="2023-11-14"), Reason.BAD_TS, ()),
    ("ts a week", _body(ts="2023-W46-2T22:13:20Z"), Reason.BAD_TS, ()),
    ("ts on 30 February", _body(ts="2023-02-30T00:00:00Z"), Reason.BAD_TS, ()),
    ("ts in other digits", _body(ts="٢٠٢٣-11-14T22:13:20Z"), Reason.BAD_TS, ()),
    ("ts before 1970", _body(ts="1969-12-31T23:59:59Z"), Reason.BAD_TS, ()),
    ("ts in the year 0", _body(ts="0000-01-01T00:00:00Z"), Reason.BAD_TS, ()),
    ("ts empty", _body(ts=""), Reason.BAD_TS, ()),
    ("ts a list", _body(ts=[TS]), Reason.BAD_TS, ()),
    ("ts in the year 10000", _body(ts=TS_MS_MAX + 1), Reason.BAD_TS, ()),
    ("ts at the end of the year 9999", _body(ts=TS_MS_MAX), Reason.TS_TOO_FAR_AHEAD, ()),
    ("ts as text in the year 9999", _body(ts="9999-12-31T23:59:59.999Z"), Reason.TS_TOO_FAR_AHEAD, ()),
    ("many in the year 9999", _many({"temp": 1.5, "p": 4}, ts=TS_MS_MAX), Reason.TS_TOO_FAR_AHEAD, ()),
    # ── quality ──
    ("quality of another word", _body(quality="stale"), Reason.BAD_QUALITY_CODE, ()),
    ("quality empty", _body(quality=""), Reason.BAD_QUALITY_CODE, ()),
    ("quality with a space", _body(quality="good "), Reason.BAD_QUALITY_CODE, ()),
    ("quality true", _body(quality=True), Reason.BAD_QUALITY_CODE, ()),
    ("quality false", _body(quality=False), Reason.BAD_QUALITY_CODE, ()),
    ("quality with a fraction", _body(quality=0.0), Reason.BAD_QUALITY_CODE, ()),
    ("status code negative", _body(quality=-1), Reason.BAD_QUALITY_CODE, ()),
    ("status code of 33 bits", _body(quality=2**32), Reason.BAD_QUALITY_CODE, ()),
    ("quality a list", _body(quality=["good"]), Reason.BAD_QUALITY_CODE, ()),
    # ── names ──
    ("asset empty", _body(asset=""), Reason.BAD_NAME, ()),
    ("asset a number", _body(asset=5), Reason.BAD_NAME, ()),
    ("asset a list", _body(asset=["press-1"]), Reason.BAD_NAME, ()),
    ("asset too long", _body(asset=_LONGEST + "x"), Reason.BAD_NAME, ()),
    ("asset with a tab", _body(asset="press\t1"), Reason.BAD_NAME, ()),
    ("asset with a zero byte", _body(asset="press\x001"), Reason.BAD_NAME, ()),
    ("asset with a separator", _body(asset="press\x1f1"), Reason.BAD_NAME, ()),
    ("asset with a C1 character", _body(asset="press\x851"), Reason.BAD_NAME, ()),
    ("sensor empty", _body(sensor=""), Reason.BAD_NAME, ()),
    ("sensor true", _body(sensor=True), Reason.BAD_NAME, ()),
    ("sensor an object", _body(sensor={"a": 1}), Reason.BAD_NAME, ()),
    ("sensor with DEL", _body(sensor="te\x7fmp"), Reason.BAD_NAME, ()),
    ("many, one without a name", _many({"": 4, "temp": 1.5}), Reason.BAD_NAME, (_read(),)),
    ("many, one name too long", _many({"temp": 1.5, "x" * 257: 4}), Reason.BAD_NAME, (_read(),)),
    # ── size ──
    ("one byte too large", _USUAL + b" " * (MESSAGE_BYTES_MAX + 1 - len(_USUAL)), Reason.TOO_LARGE, ()),
    ("too large and no JSON", b"\xff" * (MESSAGE_BYTES_MAX + 1), Reason.TOO_LARGE, ()),
    ("one value too many", _many({f"s{i}": i for i in range(MESSAGE_VALUES_MAX + 1)}), Reason.TOO_MANY_VALUES, ()),
]

MESSAGES: list[Nasty] = [Nasty(name, b"press-1", value, reason, readings) for name, value, reason, readings in _TABLE]
MESSAGES += [
    Nasty("no key", None, _USUAL, None, (_read(),)),
    Nasty("key of another asset", b"oven-9", _USUAL, None, (_read(),)),
    Nasty("key that is no text", b"\xff\x00", _USUAL[:-1], Reason.NOT_JSON, ()),
]
