"""Times as people type them."""

import pytest

from andon.moments import Moment, MomentType, moment_of


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", Moment(5_400_000, ago=True)),
        ("2023-11-14T22:13:20Z", Moment(1_700_000_000_000, ago=False)),
        ("2023-11-14T23:13:20+01:00", Moment(1_700_000_000_000, ago=False)),
        ("2023-11-14 22:13:20", Moment(1_700_000_000_000, ago=False)),
        ("2023-11-14", Moment(1_699_920_000_000, ago=False)),
    ],
)
def test_a_span_ago_or_a_time_is_understood(text, moment):
    """Both are typed; a time without an offset is UTC."""
    assert moment_of(text) == moment
    assert MomentType().convert(moment, None, None) is moment


@pytest.mark.parametrize("text", ["", "yesterday", "0h", "1960-01-01", "99999-01-01"])
def test_anything_else_is_told(text):
    """With what would be right."""
    with pytest.raises(ValueError, match="neither a span like 90m, 24h or 7d nor a time like 2026-03-02T08:00Z"):
        moment_of(text)


def test_a_span_is_taken_from_the_end():
    """The last hour of what there is."""
    assert Moment(100, ago=True).before(1000) == 900
    assert Moment(100, ago=False).before(1000) == 100
