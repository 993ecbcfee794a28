"""Which stretch a person means."""

import click
import pytest

from andon.moments import Moment
from andon.record.stretch import BoundType, stretch_of
from dataflows.excerpt import Stretch
from dataflows.offsets import Partition

NOW = 1_700_000_000_000


def bound(text):
    return BoundType().convert(text, None, None)


def test_spans_times_and_offsets_are_understood():
    """As an alert's header and a person's watch say it."""
    assert bound("2h") == Moment(7_200_000, ago=True)
    assert bound("2023-11-14T22:13:20Z") == Moment(NOW, ago=False)
    assert bound("0/1200, 12/0") == {0: 1200, 12: 0}
    assert bound(bound("0/1")) == {0: 1}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("0/1,0/2", "names a partition twice"), ("0:1", "nor offsets like"), ("x", "nor offsets like")],
)
def test_anything_else_is_told(text, complaint):
    """With what would be right."""
    with pytest.raises(click.BadParameter, match=complaint):
        bound(text)


def test_a_stretch_is_counted_back_from_now():
    """The last two hours but one."""
    stretch = stretch_of(bound("2h"), bound("1h"), topics=("a", "b"), now_ms=NOW, follow=False)

    assert stretch == Stretch(begin=NOW - 7_200_000, end=NOW - 3_600_000)
    assert stretch_of(None, None, topics=("a",), now_ms=NOW, follow=True) == Stretch(follow=True)


def test_offsets_are_those_of_the_one_topic():
    """Offsets of two topics would be a guess."""
    assert stretch_of({1: 5}, None, topics=("a",), now_ms=NOW, follow=False) == Stretch(begin={Partition("a", 1): 5})
    with pytest.raises(click.UsageError, match="Offsets are those of one topic"):
        stretch_of({1: 5}, None, topics=("a", "b"), now_ms=NOW, follow=False)


@pytest.mark.parametrize(
    ("begin", "end", "follow", "complaint"),
    [("1h", "2h", False, "--from is not before --to"), (None, "1h", True, "--follow goes on until Ctrl-C")],
)
def test_bounds_that_do_not_go_together_are_told(begin, end, follow, complaint):
    """Before a broker is asked."""
    with pytest.raises(click.UsageError, match=complaint):
        stretch_of(begin and bound(begin), bound(end), topics=("a",), now_ms=NOW, follow=follow)
