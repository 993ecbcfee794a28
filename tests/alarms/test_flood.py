"""A flood begins above ten raises in ten minutes, ends below five, and is told once at each end."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.flood import ASSETS_COUNTED_MAX, Flood, Raise
from contracts.alarm_states import AlarmRecord, AlarmState
from contracts.alerts import AlertRecord, Priority, State, Transition, event_id
from contracts.errors import StateError
from contracts.settings import Settings, Site

SETTINGS = Settings(site=Site(name="plant-7"))
NOON = 1_700_000_000_000
MINUTE = 60_000
SPAN = 10 * MINUTE
KEY = "plant-7//flood/site"


def raised(ts: int, asset: str = "press-1", sensor: str | None = "temp") -> Raise:
    """A limit alarm that was raised and annunciated."""
    return Raise(ts, asset, sensor, "limit", "hh", Priority.CRITICAL, "0" * 32)


def burst(count: int, *, start: int = NOON, step_ms: int = 1000) -> list[Raise]:
    """Raises at regular distances, each of another asset."""
    return [raised(start + place * step_ms, f"press-{place + 1}") for place in range(count)]


def alerts_of(told):
    return [item.alert for item in told if isinstance(item, AlertRecord)]


def transitions_of(told):
    return [alert.transition for alert in alerts_of(told)]


def flooded(count: int = 11) -> Flood:
    """A flood that is under way."""
    flood = Flood(SETTINGS)
    assert transitions_of(flood.add(burst(count))) == [Transition.RAISED]
    return flood


def test_ten_alarms_in_ten_minutes_are_no_flood_and_an_eleventh_makes_it_one():
    """A person can follow ten alarms in ten minutes."""
    flood = Flood(SETTINGS)

    ten = flood.add(burst(10))
    eleventh = flood.add([raised(NOON + SPAN - 1)])

    assert ten == []
    assert transitions_of(eleventh) == [Transition.RAISED]


def test_an_alarm_of_exactly_ten_minutes_ago_counts_no_more():
    """The ten minutes end where they end."""
    flood = Flood(SETTINGS)

    told = flood.add([*burst(10, step_ms=0), raised(NOON + SPAN)])

    assert told == []
    assert flood.raised_lately == 1


def test_the_alert_names_the_first_alarms_and_the_assets_with_the_most():
    """The operator sees where it began, and where it is worst."""
    flood = Flood(SETTINGS)
    first = raised(NOON, "main/supply", None)

    told = flood.add([first, *burst(4, start=NOON + 1000), *[raised(NOON + 9000, "oven-2")] * 7])

    (alert,) = alerts_of(told)
    assert (alert.kind, alert.rule, alert.site, alert.asset, alert.sensor) == (
        "flood",
        "site",
        "plant-7",
        "plant-7",
        None,
    )
    assert (alert.transition, alert.state, alert.annunciated) == (Transition.RAISED, State.ACTIVE_UNACKED, True)
    assert (alert.onset_ts, alert.ts) == (NOON, NOON + 9000)
    assert alert.evidence == {
        "raised": 11,
        "first_up": [
            "main%2Fsupply//limit/hh",
            *(f"press-{number}/temp/limit/hh" for number in range(1, 5)),
            *["oven-2/temp/limit/hh"] * 5,
        ],
        "top_assets": ["oven-2 (6)", "main/supply (1)", "press-1 (1)", "press-2 (1)", "press-3 (1)"],
    }
    assert alert.message == (
        "plant-7 has more alarms than a person can follow: 11 within 9 s, the first is main/supply limit hh"
    )


def test_the_end_says_how_long_how_many_and_how_fast():
    """After the flood, its size is on record."""
    flood = Flood(SETTINGS)
    flood.add(burst(11))
    flood.add(burst(1000, start=NOON + MINUTE, step_ms=10))

    (alert,) = alerts_of(flood.tick(NOON + 60 * MINUTE))

    over = NOON + MINUTE + 9950 + SPAN  # when the fifth newest of them is ten minutes old
    assert (alert.transition, alert.state) == (Transition.CLEARED, State.NORMAL)
    assert (alert.onset_ts, alert.ts) == (NOON, over)
    assert alert.evidence["raised"] == alert.evidence["peak_per_10min"] == 1011
    assert alert.evidence["lasted_ms"] == over - NOON
    assert alert.evidence["top_assets"][0] == "press-1 (2)"
    assert alert.message == (
        "plant-7 has alarms at a rate that a person can follow again: 1,011 in 11.2 min, at most 1,011 within 10 min"
    )


def test_the_flood_stands_on_the_state_topic_until_it_is_over():
    """A console that starts during a flood knows of it."""
    flood = Flood(SETTINGS)

    alert, begun = flood.add(burst(11))
    _, over = flood.tick(NOON + 60 * MINUTE)

    assert begun.key == over.key == KEY
    state = AlarmState.model_validate_json(begun.body)
    assert state.alert == alert.alert
    assert state.raised_ts == alert.alert.ts
    assert over == AlarmRecord(KEY, None)


def test_both_alerts_are_of_one_episode_and_have_ids_that_a_replay_repeats():
    """A consumer matches the end to the beginning, and drops what it has seen."""
    runs = []
    for _ in range(2):
        flood = Flood(SETTINGS)
        runs.append([*flood.add(burst(11)), *flood.tick(NOON + 60 * MINUTE)])

    begin, end = (item for item in runs[0] if isinstance(item, AlertRecord))
    assert runs[0] == runs[1]
    assert begin.alert.alert_id == end.alert.alert_id
    assert begin.event_id == event_id(alert=begin.alert.alert_id, transition="raised", cause=str(begin.alert.ts))
    assert begin.event_id != end.event_id


@pytest.mark.parametrize(("late_ms", "told"), [(1, []), (0, [Transition.CLEARED])])
def test_it_is_over_at_the_moment_at_which_fewer_than_five_are_left(late_ms, told):
    """Not before, and whoever notices it later says the same time."""
    flood = flooded()
    over = NOON + 6000 + SPAN  # of eleven, one each second, the fifth newest is the seventh

    assert transitions_of(flood.tick(over - late_ms)) == told


def test_a_raise_that_comes_later_ends_the_flood_as_a_tick_does():
    """A recording has no ticks."""
    ticked, read = flooded(), flooded()

    by_tick = ticked.tick(NOON + 60 * MINUTE)
    by_raise = read.add([raised(NOON + 60 * MINUTE)])

    assert alerts_of(by_raise) == alerts_of(by_tick)
    assert not read.standing


def test_a_second_flood_is_another_episode():
    """Two floods a day are two, with an id each."""
    flood = flooded()

    told = flood.add(burst(11, start=NOON + 30 * MINUTE))

    assert transitions_of(told) == [Transition.CLEARED, Transition.RAISED]
    assert len({alert.alert_id for alert in alerts_of(told)}) == 2


def test_raises_that_come_late_count_where_they_belong():
    """Key groups are not in step: one tells the older alarms after the other has told the newer ones."""
    flood = Flood(SETTINGS)
    ordered = burst(11)

    told = flood.add([*ordered[6:], *ordered[:6]])

    (alert,) = alerts_of(told)
    assert (alert.onset_ts, alert.ts) == (NOON, NOON + 10_000)
    assert alert.evidence["first_up"][0] == "press-1/temp/limit/hh"


def test_a_backlog_older_than_ten_minutes_begins_no_flood():
    """What was long ago disturbs nobody now."""
    flood = Flood(SETTINGS)
    flood.tick(NOON + SPAN + 10_000)

    assert flood.add(burst(11)) == []
    assert flood.empty


def test_a_time_before_the_newest_one_changes_nothing():
    """The clock of a slower lane takes nothing back."""
    flood = flooded()
    before = flood.snapshot()

    assert flood.tick(NOON - MINUTE) == []
    assert flood.snapshot() == before


def test_nothing_is_kept_when_ten_minutes_have_been_quiet():
    """The state of a quiet site is nothing."""
    flood = Flood(SETTINGS)
    assert flood.empty

    flood.add(burst(3))
    assert not flood.empty

    flood.tick(NOON + SPAN + 2000)
    assert flood.empty


@pytest.mark.parametrize("cut", [0, 5, 10, 11, 300, 599, 600])
def test_a_restart_changes_nothing(cut):
    """A flood goes on after a restart as if there had been none."""
    stream = [*burst(300, step_ms=1500), *burst(300, start=NOON + 60 * MINUTE, step_ms=700)]
    steady, broken = Flood(SETTINGS), Flood(SETTINGS)
    expected = [*steady.add(stream), *steady.tick(NOON + 200 * MINUTE)]

    told = broken.add(stream[:cut])
    saved = json.loads(json.dumps(broken.snapshot()))
    broken = Flood.restore(SETTINGS, saved)
    told += [*broken.add(stream[cut:]), *broken.tick(NOON + 200 * MINUTE)]

    assert told == expected
    assert transitions_of(told) == [Transition.RAISED, Transition.CLEARED] * 2


def test_a_snapshot_is_independent_of_what_happens_later():
    """What was saved is what was true when it was saved."""
    flood = flooded()
    saved = flood.snapshot()
    copy = json.loads(json.dumps(saved))

    flood.add(burst(50, start=NOON + MINUTE))

    assert json.loads(json.dumps(saved)) == copy


def test_a_snapshot_of_another_version_is_refused_by_name():
    """State of another andon is refused, not guessed at."""
    with pytest.raises(StateError, match="flood: the saved state has version 9, this andon knows 1"):
        Flood.restore(SETTINGS, {"version": 9})


def test_state_that_was_saved_by_the_first_version_is_still_understood():
    """An update in the middle of a flood loses nothing."""
    saved = json.loads((Path(__file__).parent.parent / "golden" / "flood-1.json").read_text())

    flood = Flood.restore(SETTINGS, saved)

    assert json.loads(json.dumps(flood.snapshot())) == saved
    (alert,) = alerts_of(flood.tick(NOON + 60 * MINUTE))
    assert (alert.transition, alert.evidence["raised"]) == (Transition.CLEARED, 30)


def test_the_state_topic_is_mended_to_what_is_known_here():
    """After a restart the topic names a flood exactly while one is under way."""
    flood, quiet = flooded(), Flood(SETTINGS)
    (written,) = [item for item in Flood(SETTINGS).add(burst(11)) if isinstance(item, AlarmRecord)]
    other = AlarmRecord("press-1/temp/limit/hh", b"{}")

    assert flood.reconcile([other]) == [written]
    assert flood.reconcile([other, written]) == []
    assert quiet.reconcile([other, written]) == [AlarmRecord(KEY, None)]
    assert quiet.reconcile([other]) == []


def test_fifty_thousand_raises_a_second_need_no_more_memory_than_the_bound():
    """The worst minute of the plant doesn't bring its watcher down."""
    flood = Flood(SETTINGS)
    assets = ASSETS_COUNTED_MAX + 5000

    for second in range(4):
        start = NOON + 1000 * second
        flood.add(raised(start + place // 50, f"pump-{place * 7919 % assets}") for place in range(50_000))
        flood.add(raised(start + 999, "main-supply") for _ in range(1000))

    standing = flood.snapshot()["standing"]
    assert standing["raised"] == 204_000
    assert len(standing["assets"]) <= ASSETS_COUNTED_MAX
    assert len(standing["seconds"]) <= 600
    (alert,) = alerts_of(flood.tick(NOON + 60 * MINUTE))
    name, count = alert.evidence["top_assets"][0].split()
    assert name == "main-supply"
    assert count.endswith("+)")
    assert 4000 - standing["uncounted"] <= int(count.strip("(+)")) <= 4000


times = st.lists(st.integers(0, 4 * SPAN), max_size=120)
tidal = st.lists(
    st.tuples(st.integers(0, SPAN), st.integers(1, 14)), min_size=1, max_size=12
)  # (pause before, raises then)


@given(times)
def test_it_says_what_counting_all_raises_again_and_again_would_say(offsets):
    """Eleven raises are enough to know what all of them say, in whatever order they come."""
    flood = Flood(SETTINGS)
    seen: list[int] = []
    now, under_way = 0, False

    for offset in offsets:
        ts = NOON + offset
        now = max(now, ts)
        expected = []
        if under_way and sum(other > now - SPAN for other in seen) < 5:
            under_way = False
            expected.append(Transition.CLEARED)
        seen.append(ts)
        if not under_way and sum(other > now - SPAN for other in seen) > 10:
            under_way = True
            expected.append(Transition.RAISED)

        assert transitions_of(flood.add([raised(ts)])) == expected


@given(tidal, st.integers(1, 50))
def test_beginnings_and_ends_take_turns_and_add_up(tides, batch):
    """Exactly one alert at each end, and every raise of a flood is counted in it; batches change nothing."""
    stream = []
    now = NOON
    for pause, count in tides:
        now += pause
        stream += [raised(now + place, f"press-{place % 3}") for place in range(count)]
        now += count
    flood = Flood(SETTINGS)

    told = [item for start in range(0, len(stream), batch) for item in flood.add(stream[start : start + batch])]
    told += flood.tick(now + 2 * SPAN)

    assert told == [*(whole := Flood(SETTINGS)).add(stream), *whole.tick(now + 2 * SPAN)]
    alerts = alerts_of(told)
    assert [alert.transition for alert in alerts] == [Transition.RAISED, Transition.CLEARED] * (len(alerts) // 2)
    assert all(before.ts <= after.ts for before, after in pairwise(alerts))
    for end in alerts[1::2]:
        within = [one for one in stream if end.onset_ts <= one.ts < end.ts]
        assert end.evidence["raised"] == len(within)
        counts = Counter(one.asset for one in within)
        assert end.evidence["top_assets"] == [
            f"{asset} ({count})" for asset, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ]
        seconds = [one.ts // 1000 for one in within]
        peak = max(11, *(sum(second - 600 < other <= second for other in seconds) for second in seconds))
        assert end.evidence["peak_per_10min"] == peak
