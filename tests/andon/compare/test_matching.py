"""Which alarms two runs share."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from andon.compare.matching import counts_by_kind, match
from andon.replay.spans import AlarmSpan


def alarm(raised, *, sensor="temp", kind="limit", rule="h", annunciated=True):
    return AlarmSpan(raised, None, raised, "press", sensor, kind, rule, "high", annunciated, "hot")


def raised(spans):
    return [span.raised_ts for span in spans]


def test_alarms_are_the_same_within_the_tolerance_and_by_all_their_names():
    """An alarm that comes a little later is no other alarm; one of another sensor or rule is."""
    a = [alarm(100), alarm(500), alarm(900, sensor="load"), alarm(1000, rule="hh"), alarm(2000, annunciated=False)]
    b = [alarm(110), alarm(511), alarm(900, sensor=None), alarm(1000, kind="rate"), alarm(3000, annunciated=False)]

    matched = match(a, b, tolerance_ms=10)

    assert [(one.raised_ts, other.raised_ts) for one, other in matched.both] == [(100, 110)]
    assert raised(matched.only_a) == [500, 900, 1000]
    assert raised(matched.only_b) == [511, 900, 1000]
    assert counts_by_kind(matched) == {"limit": (3, 1, 2), "rate": (0, 0, 1)}


def test_one_alarm_is_the_same_as_one_other():
    """Two raises aren't explained by one."""
    matched = match([alarm(100), alarm(105)], [alarm(103)], tolerance_ms=10)

    assert (len(matched.both), raised(matched.only_a), raised(matched.only_b)) == (1, [105], [])


TIMES = st.lists(st.integers(0, 30), max_size=5).map(sorted)


@given(TIMES, TIMES, st.integers(0, 6))
def test_no_other_pairing_finds_more(a, b, tolerance):
    """A difference is only told where there is one."""
    matched = match(map(alarm, a), map(alarm, b), tolerance_ms=tolerance)

    short, long = sorted((a, b), key=len)
    best = max(
        sum(abs(one - other) <= tolerance for one, other in zip(short, order, strict=False))
        for order in permutations(long, len(short))
    )
    assert len(matched.both) == best
    assert sorted([*raised(pair[0] for pair in matched.both), *raised(matched.only_a)]) == a
    assert sorted([*raised(pair[1] for pair in matched.both), *raised(matched.only_b)]) == b


@given(TIMES, TIMES, st.integers(0, 6))
def test_the_other_way_round_it_is_the_same(a, b, tolerance):
    """Which settings are called A decides nothing."""
    there, back = (match(map(alarm, one), map(alarm, other), tolerance_ms=tolerance) for one, other in ((a, b), (b, a)))

    assert (raised(there.only_a), raised(there.only_b)) == (raised(back.only_b), raised(back.only_a))
