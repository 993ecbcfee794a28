"""The quick lane takes what plants send, and never leaves a message."""

from __future__ import annotations

import pytest

from contracts.limits import MESSAGE_VALUES_MAX
from contracts.settings import Settings
from dataflows.decode import Decoder
from dataflows.happenings import Happenings
from dataflows.series import SeriesTable
from tests.fuzz_decoder import differing, fuzz
from tests.nasty import TS
from tests.polls import poll

_HAPPENINGS = Happenings()
_FIRST = b'{"asset":"press-1","ts":%d,"values":{"temp":1,"p":2}}' % TS


def _referred(*values, settings=None):
    """How many of the messages were left to the reference, once their series were known."""
    decoder = Decoder(settings or Settings(), lane=0, happenings=_HAPPENINGS)
    decoder.decode(poll(_FIRST))
    before = decoder.referred
    decoder.decode(poll(*values))
    return decoder.referred - before


@pytest.mark.parametrize(
    "value",
    [
        b'{"asset":"press-1","sensor":"temp","ts":1700000000000,"value":21.3}',
        b'{"asset":"press-1","sensor":"temp","ts":1700000000000,"value":21.323456789012345,"unit":"degC"}',
        b'{"value":-7,"ts":1700000000000,"sensor":"temp","asset":"press-1"}',
        b'{ "asset": "press-1", "sensor": "temp", "ts": 1700000000000, "value": 2e-3 }\n',
        b'{"asset":"press-1","sensor":"temp","value":true,"quality":"good"}',
        b'{"asset":"press-1","sensor":"temp","ts":null,"value":1,"quality":"UNCERTAIN"}',
        b'{"asset":"press-1","sensor":"temp","ts":1700000000000,"value":1,"quality":1073741824}',
        b'{"asset":"press-1","sensor":"temp","ts":1700000000000,"value":1,"unit":"\\u00b0C","tags":{"line":[3,null]}}',
        b'{"asset":"press-1","sensor":"temp","ts":"2023-11-14T22:13:20.123456Z","value":1}',
        b'{"asset":"press-1","sensor":"temp","ts":"2023-11-14 23:13:20+01:00","value":1}',
        b'{"asset":"press-1","ts":1700000000000,"values":{"temp":1.5,"p":4},"quality":null}',
        b'{"values":{"p":4,"temp":false},"ts":1700000000000,"asset":"press-1"}',
        b'{"values":{"any":[]},"asset":"press-1","sensor":"temp","value":1}',
    ],
)
def test_a_usual_message_of_a_known_series_takes_the_quick_lane(value):
    """What plants send every day is read in a fraction of a microsecond."""
    assert _referred(value, value) == 0


@pytest.mark.parametrize(
    "value",
    [
        b'{"asset":"press-2","sensor":"temp","value":1}',
        b'{"asset":"press-1","sensor":"temp","value":1,"value":2}',
        b'{"asset":"press-1","sensor":"temp","val\\u0075e":1}',
        b'{"asset":"press-1","values":{"temp":1,"temp":2}}',
        b'{"asset":"press-1","values":{"temp":null}}',
        b'{"asset":"press-1","values":{}}',
        b'{"asset":"press-1","sensor":"temp","value":1} x',
        b'{"asset":"press-1","sensor":"temp","value":1,"ts":1e12}',
        b"",
        None,
    ],
)
def test_an_unusual_message_is_left_to_the_reference(value):
    """The quick lane never guesses."""
    assert _referred(value, _FIRST) == 1


def test_a_message_of_as_many_values_as_are_allowed_takes_the_quick_lane():
    """The largest snapshot of a controller is as quick as a small one, value by value."""
    value = b'{"asset":"press-1","ts":%d,"values":{%b}}'
    full = value % (TS, b",".join(b'"s%d":%d' % (at, at) for at in range(MESSAGE_VALUES_MAX)))
    decoder = Decoder(Settings(), lane=0, happenings=_HAPPENINGS)
    decoder.decode(poll(full))

    decoder.decode(poll(full, full[:-2] + b',"s-1":1}}'))

    assert decoder.referred == 2


def test_some_thousand_odd_messages_are_read_as_the_reference_reads_them():
    """`make fuzz` does the same with millions. No byte behind the text is ever read: there is a page that can't be."""
    quick, different = fuzz(6_000, seed=7)

    assert different == []
    assert quick > 1_000


def test_a_message_that_is_read_differently_would_be_found():
    """A search that can't find anything would be worse than none."""
    settings = Settings()
    decoder, table = Decoder(settings, lane=0, happenings=_HAPPENINGS), SeriesTable(settings.service)
    good, bad = _FIRST, b'{"asset":"press-1","sensor":"temp","value":3}'

    different = differing([good, bad], decoder, table, read=[good, bad.replace(b"3", b"4")])

    assert different == [bad]
