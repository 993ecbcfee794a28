"""Which readings are judged and not learned: out of service, or in maintenance."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.calendar import Calendar
from contracts.commands import Command, Verb
from contracts.limits import TS_MS_MAX
from contracts.readings import READING, Block, Reject, SeriesName
from detectors import pause as module
from detectors.samples import Samples
from tests.detectors.plant import (
    BAD,
    GOOD,
    PRESS,
    T0,
    UNCERTAIN,
    block_of,
    command_of,
    feed,
    pieces,
    rows_of,
    settings_of,
)

START = datetime.fromtimestamp(T0 / 1000, UTC)
SERIES = (("press", "temp"), ("press", "flow"), ("pump", "temp"))
OUT, IN = Verb.OUT_OF_SERVICE, Verb.IN_SERVICE


def once(start_s, end_s, asset="press"):
    """Maintenance from and to seconds after T0."""
    return {"asset": asset, "start": START + timedelta(seconds=start_s), "end": START + timedelta(seconds=end_s)}


NIGHTLY = {"asset": "p*", "days": ["tue", "wed", "thu"], "at": "23:30", "for_h": 2.0, "time_zone": "Europe/Berlin"}
CALENDAR = (once(100, 160), once(150, 400), once(3600, 9000, "pump"), NIGHTLY)


def learned(closed):
    """For each closed window, its slot, its start in seconds after T0, and whether it may be learned."""
    return [(int(row["slot"]), (int(row["start"]) - T0) / 1000, int(row["learn"])) for row in closed]


def single(samples, readings, names=()):
    """Whether each of these readings, a window of its own each, may be learned."""
    read = samples.read(block_of(rows_of(readings), names))
    return [] if read.closed is None else read.closed.rows["learn"].tolist()


# ── Maintenance ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_readings_in_maintenance_are_judged_and_not_learned():
    """A fitter who turns a press by hand raises its limits, and doesn't become its normal."""
    config = settings_of({"limit": {"h": 50}}, maintenance=[once(60, 120)])
    readings = [(0, s, 90.0 if s == 70 else 20.0) for s in range(0, 186, 5)]

    heard = feed(Samples(config), [rows_of(readings)], PRESS)

    assert [(finding.rule, finding.active) for finding in heard.findings] == [("h", True), ("h", False)]
    assert learned(heard.closed) == [(0, 0, 1), (0, 60, 0), (0, 120, 1)]
    assert heard.counts.uncertain == 0


def test_a_window_that_is_only_partly_in_maintenance_is_not_learned():
    """One reading with the cover open is enough; the first and the last moment count exactly."""
    config = settings_of(window_s=0, maintenance=[once(10, 20)])

    assert single(Samples(config), [(0, s, 1.0) for s in (9.999, 10, 19.999, 20)], PRESS) == [1, 0, 0, 1]

    mixed = settings_of(maintenance=[once(59, 61)])
    heard = feed(Samples(mixed), [rows_of([(0, s, 1.0) for s in range(186)])], PRESS)
    assert learned(heard.closed) == [(0, 0, 0), (0, 60, 0), (0, 120, 1)]


def test_maintenance_of_one_asset_leaves_the_others_alone():
    """Also where their readings come in one block."""
    config = settings_of(window_s=0, maintenance=[once(0, 100)])

    assert single(Samples(config), [(n, s, 1.0) for s in (50, 150) for n in (0, 2)], SERIES) == [0, 1, 1, 1]


def test_a_reading_that_comes_out_of_order_counts_by_its_own_time():
    """It was measured in maintenance, however late it comes."""
    config = settings_of(late_s=30, maintenance=[once(60, 65)])
    readings = [(0, 10, 1.0), (0, 66, 1.0), (0, 64, 1.0), (0, 130, 1.0), (0, 200, 1.0)]

    assert learned(feed(Samples(config), [rows_of(readings)], PRESS).closed) == [(0, 0, 1), (0, 60, 0)]


STREAMS = st.lists(
    st.tuples(
        st.integers(0, len(SERIES) - 1),
        st.sampled_from([0.5, 1, 49, 50, 100, 1000, 3600, 30_000, 86_400, 10_000_000]),  # seconds that pass before it
        st.sampled_from([0, 0, 0, 3, 1e7, 1.7e9]),  # and that it is behind
        st.sampled_from([GOOD, GOOD, GOOD, UNCERTAIN, BAD]),
    ),
    min_size=1,
    max_size=60,
)


def rows_at(stream):
    """Rows of a stream of (series, seconds passed, seconds behind, quality); no time before 1970."""
    clock, readings = 0.0, []
    for series, passed, behind, quality in stream:
        clock += passed
        readings.append((series, max(clock - behind, 1 - T0 / 1000), 1.0, quality))
    return rows_of(readings)


@settings(max_examples=150)
@given(STREAMS, st.lists(st.integers(0, 60), max_size=6))
def test_exactly_the_readings_that_the_calendar_covers_are_not_learned(stream, cuts):
    """Whatever the times are, in whatever order and in whatever blocks they come."""
    config = settings_of(window_s=0, maintenance=CALENDAR)
    rows = rows_at(stream)

    closed = feed(Samples(config), pieces(rows, cuts), SERIES).closed

    calendar = Calendar(config)
    for row in closed:
        asset = SERIES[row["slot"]][0]
        uncertain = rows["quality"][row["offset"]] == UNCERTAIN
        assert bool(row["learn"]) == (calendar.covering(asset, int(row["start"])) is None and not uncertain)


@settings(max_examples=100)
@given(STREAMS, st.lists(st.integers(0, 60), max_size=6), st.integers(0, 60))
def test_maintenance_minds_neither_blocks_nor_restarts(stream, cuts, restart):
    """What is learned is decided by the readings and the settings alone."""
    config = settings_of({"limit": {"h": 0.5}, "stale": {"after_s": 30}}, maintenance=CALENDAR)
    rows = rows_at(stream)
    steady, broken = Samples(config), Samples(config)
    head, *rest = pieces(rows, [restart])

    whole = feed(steady, [rows], SERIES)
    first = feed(broken, [head], SERIES)
    broken = Samples.restore(config, pickle.loads(pickle.dumps(broken.snapshot())))  # noqa: S301 - our own bytes
    then = feed(broken, [part for piece in rest for part in pieces(piece, cuts)], SERIES)

    assert first.findings + then.findings == whole.findings
    assert first.closed.tobytes() + then.closed.tobytes() == whole.closed.tobytes()


@pytest.mark.parametrize(("ts", "learn"), [(1, 0), (TS_MS_MAX, 1)])
def test_the_ends_of_time_are_no_trouble(ts, learn):
    """A device whose clock is broken has its Wednesday night, too: 1970 began within one."""
    samples = Samples(settings_of(window_s=0, maintenance=[NIGHTLY]))
    rows = np.zeros(1, READING)
    rows["ts"] = ts

    assert samples.read(block_of(rows, PRESS)).closed.rows["learn"].tolist() == [learn]


def test_days_that_are_remembered_are_bounded():
    """A clock that jumps about costs time, and no memory."""
    samples = Samples(settings_of(window_s=0, maintenance=[once(0, 100)]))
    days = module.DAYS_MAX + 500

    learn = single(samples, [(0, 86_400 * day, 1.0) for day in range(days)], PRESS)

    assert learn == [0] + [1] * (days - 1)
    assert len(samples._pauses._days) <= module.DAYS_MAX


def test_without_maintenance_and_with_all_in_service_nothing_is_looked_up():
    """The usual plant pays nothing; maintenance of other assets changes nothing about that."""
    plain = Samples(settings_of(maintenance=[once(0, 100, "mill")]))
    plain.read(block_of(rows_of([(0, 0, 1.0)]), PRESS))

    assert not plain._pauses.possible

    plain.obey(command_of(OUT, "press"))
    assert plain._pauses.possible
    plain.obey(command_of(IN, "press"))
    assert not plain._pauses.possible


def test_a_block_in_maintenance_is_left_as_it_is():
    """Other steps may hold the same rows."""
    rows = rows_of([(0, s, 1.0) for s in range(100)])
    before = rows.tobytes()

    Samples(settings_of(maintenance=[once(0, 50)])).read(block_of(rows, PRESS))

    assert rows.tobytes() == before


# ── Out of service ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def samples():
    """Three sensors, each reading a window of its own."""
    samples = Samples(settings_of({"limit": {"h": 50}}, window_s=0))
    samples.read(block_of(rows_of([(n, 0, 1.0) for n in range(3)]), SERIES))
    return samples


@pytest.mark.parametrize(("sensor", "learn"), [(None, [0, 0, 1]), ("temp", [0, 1, 1]), ("flow", [1, 0, 1])])
def test_what_is_out_of_service_is_not_learned_until_it_is_back(samples, sensor, learn):
    """An asset with all its sensors, or one of them."""
    command = command_of(OUT, "press", sensor)

    assert samples.obey(command) is command
    assert single(samples, [(n, 1, 1.0) for n in range(3)]) == learn
    assert samples.out_of_service() == [("press", sensor)]

    samples.obey(command_of(IN, "press", sensor))
    assert single(samples, [(n, 2, 1.0) for n in range(3)]) == [1, 1, 1]
    assert samples.out_of_service() == []


def test_rules_go_on_while_a_sensor_is_out_of_service(samples):
    """Whether anybody is told is decided where alarms are."""
    samples.obey(command_of(OUT, "press"))

    findings = samples.read(block_of(rows_of([(0, 1, 99.0)]))).findings

    assert [(finding.rule, finding.active) for finding in findings] == [("h", True)]


def test_a_new_sensor_of_an_asset_that_is_out_of_service_is_not_learned(samples):
    """The asset as a whole is meant, also what is mounted on it meanwhile."""
    samples.obey(command_of(OUT, "press"))
    rows = rows_of([(3, 1, 1.0), (4, 1, 1.0)])
    names = (SeriesName(3, "press", "power"), SeriesName(4, "pump", "power"))

    block = Block(lane=0, rows=rows, names=names, sources=("readings/0",), arrived_ms=T0)

    closed = samples.read(block).closed

    assert closed.rows["learn"].tolist() == [0, 1]


def test_an_asset_and_its_sensor_are_out_of_service_each_by_itself(samples):
    """Bringing the asset back doesn't bring back the sensor that was taken out before it."""
    for sensor in ("temp", None):
        samples.obey(command_of(OUT, "press", sensor))

    samples.obey(command_of(IN, "press"))

    assert single(samples, [(n, 1, 1.0) for n in range(3)]) == [0, 1, 1]


def test_what_is_out_of_service_stays_so_over_a_restart(samples):
    """Nobody has to say it twice."""
    samples.obey(command_of(OUT, "press", "temp"))
    samples.obey(command_of(OUT, "pump"))
    saved = pickle.loads(pickle.dumps(samples.snapshot()))  # noqa: S301 - our own bytes

    restored = Samples.restore(samples._settings, saved)

    assert restored.out_of_service() == [("press", "temp"), ("pump", None)]
    assert single(restored, [(n, 1, 1.0) for n in range(3)], SERIES) == [0, 1, 0]


@pytest.mark.parametrize(
    ("before", "verb", "sensor", "why"),
    [
        ([], IN, None, "press isn't out of service"),
        ([], IN, "temp", "press temp isn't out of service"),
        ([None], OUT, None, "press is out of service already"),
        (["temp"], OUT, "temp", "press temp is out of service already"),
        ([None], IN, "temp", "press temp isn't out of service: press as a whole is, leave `sensor` out"),
        (["temp"], IN, None, "press isn't out of service as a whole: its temp is, name the sensor"),
        (["temp", "flow"], IN, None, "press isn't out of service as a whole: its flow, temp are, name the sensor"),
        ([], OUT, "", "out_of_service is about a sensor, or without `sensor` about all of its asset"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(samples, before, verb, sensor, why):
    """And changes nothing."""
    for name in before:
        samples.obey(command_of(OUT, "press", name))
    standing = samples.out_of_service()

    answer = samples.obey(command_of(verb, "press", sensor))

    assert isinstance(answer, Reject)
    assert answer.detail == why
    assert (answer.topic, answer.partition, answer.offset) == ("andon.commands", 1, 7)
    assert samples.out_of_service() == standing


# ── Existence ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", list(Verb))
def test_a_command_for_an_asset_that_was_never_seen_is_refused(samples, verb):
    """A typing mistake doesn't shelve nothing in silence."""
    answer = samples.obey(command_of(verb, "Press"))

    assert isinstance(answer, Reject)
    assert answer.detail == "no reading of an asset 'Press' was ever seen: check its name"


@pytest.mark.parametrize("verb", [Verb.SHELVE, Verb.SUPPRESS, OUT])
def test_a_command_for_a_sensor_that_was_never_seen_is_refused_with_those_that_were(samples, verb):
    """The nearest names come first."""
    answer = samples.obey(command_of(verb, "press", "tmp"))

    assert isinstance(answer, Reject)
    assert answer.detail == "asset press has no sensor 'tmp': it has temp, flow"


def test_of_many_sensors_three_are_named():
    """A refusal is a line, not a list of ten thousand names."""
    names = tuple(("press", f"s{number}") for number in range(10))
    samples = Samples(settings_of())
    samples.read(block_of(rows_of([(0, 0, 1.0)]), names))

    answer = samples.obey(command_of(Verb.SHELVE, "press", "s77"))

    assert isinstance(answer, Reject)
    assert answer.detail == "asset press has no sensor 's77': it has s7, s9, s8 and 7 more"


@pytest.mark.parametrize("sensor", [None, "", "temp"])
def test_a_command_that_others_carry_out_is_passed_on_as_it_is(samples, sensor):
    """What is about the asset as a whole needs no sensor."""
    command = command_of(Verb.SHELVE, "press", sensor, until_ms=T0 + 1000)

    answer = samples.obey(command)

    assert isinstance(answer, Command)
    assert answer is command
