"""What is remembered of resent letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.dead_letters.resent import RANGES_MAX, Resent
from contracts.errors import SourceError
from contracts.readings import Reason

REASONS = ["not_json", "bad_value", "bad_name"]

steps = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12), st.sampled_from([None, *REASONS])), max_size=12)


@given(steps, st.integers(0, 50))
def test_exactly_the_letters_that_were_dealt_with_are_remembered_also_after_a_restart(runs, gone):
    """Whoever resends in pieces, by time and by reason, never sends a letter twice and never loses one."""
    resent = Resent()
    for first, length, reason in runs:
        resent.add(first, first + length, reason=reason)
    resent.forget(gone)

    restored = Resent.restore(resent.text())

    for offset in range(60):
        for reason in REASONS:
            dealt_with = any(
                first <= offset < first + length and only in (None, reason) for first, length, only in runs
            )
            assert restored.has(offset, reason) == (dealt_with and offset >= gone)


def test_a_broker_that_remembers_nothing_is_a_beginning():
    """The first resend needs no preparation."""
    assert not Resent.restore(None).has(0, "not_json")
    assert not Resent.restore("").has(0, "not_json")
    assert Resent.restore(None).end == 0


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"a":1}', '{"a":[[1]]}', '{"a":[["x","y"]]}', "null"])
def test_what_another_program_has_committed_is_refused(text):
    """Nothing is sent twice because of a name that two programs share."""
    with pytest.raises(SourceError, match="--again begins afresh"):
        Resent.restore(text)


def test_pieces_that_touch_become_one():
    """A resend every hour is one range in the evening."""
    resent = Resent()
    for first in range(0, 1000, 10):
        resent.add(first, first + 10, reason=None)

    assert resent.text() == '{"*":[[0,1000]]}'
    assert resent.end == 1000


def test_more_pieces_than_the_broker_keeps_are_refused_with_what_to_do():
    """Nothing is forgotten silently."""
    resent = Resent()
    for first in range(RANGES_MAX):
        resent.add(2 * first, 2 * first + 1, reason=None)

    with pytest.raises(SourceError, match="without --reason and with a longer --since"):
        resent.add(1_000, 1_001, reason=None)


def test_the_longest_memory_fits_into_a_commit():
    """Kafka keeps 4096 bytes beside an offset."""
    resent = Resent()
    reasons = list(Reason)
    for count in range(RANGES_MAX):
        first = 10**15 + 2 * count
        resent.add(first, first + 1, reason=reasons[count % len(reasons)])

    assert len(resent.text().encode()) <= 4096
