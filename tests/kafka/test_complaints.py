"""What users of other systems complain about most, line by line: each promise is a test, on a broker where need be.

The lines that have tests of their own elsewhere, too: a broker that was away (test_run_silence.py), kill -9 at any
moment (test_recordings.py).
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from andon.table import Table
from contracts.alarm_states import HEARTBEAT_S, alarm_key, hold_key
from contracts.commands import Scope
from contracts.settings import Anomaly, AssetSettings, Flatline, Limit, Rule, Settings
from contracts.settings import Service as ServiceSettings
from tests.fakes import Said, compacted, message, run_flow
from tests.kafka.service import Feeder, Service, Topics, count_all, produce, read_all, reading, wait_until

T0 = 1_700_000_000_000
HOT, COLD = 97.0, 20.0
MINUTE_MS = 60_000

RULES = """
[[rules]]
asset = "silent-*"
stale = { after_s = 3 }
[[rules]]
asset = "new-*"
anomaly = {}
[[rules]]
unit = "degC"
limit = { h = 85 }
stale = false
anomaly = false
drift = false
[[assets]]
window_s = 0
"""


class Line:
    """A service on a real broker, and a plant in front of it in which each test has its own assets."""

    def __init__(self, bootstrap, topics, folder):
        self.bootstrap = bootstrap
        self.topics = topics
        settings = "epoch_s = 0.5\nstale_grace_s = 1\nsensors_per_asset_max = 20"
        self.service = Service(folder, bootstrap, topics, service=settings, rules=RULES)
        self.now_ms = time.time_ns() // 1_000_000 - 10 * MINUTE_MS

    def say(self, asset, *values, sensor="temp"):
        """A sensor speaks, once a second of its own time."""
        for value in values:
            self.now_ms += 1_000
            produce(self.bootstrap, self.topics.readings, [reading(asset, value, self.now_ms, sensor)])

    def ask(self, command, asset, **keys):
        """Maria asks for something; returns what the answers point to."""
        before = count_all(self.bootstrap, self.topics.commands)
        document = {"command": command, "asset": asset, "by": "maria", **keys}
        produce(self.bootstrap, self.topics.commands, [(asset.encode(), json.dumps(document).encode())])
        return f"{self.topics.commands}/0/{before}"

    def alerts(self, asset):
        """All alerts of an asset, with their headers."""
        found = [record for record in read_all(self.bootstrap, self.topics.alerts) if record.key() == asset.encode()]
        return [
            SimpleNamespace(
                **json.loads(record.value()), headers={name: value.decode() for name, value in record.headers()}
            )
            for record in found
        ]

    def transitions(self, asset):
        """(transition, kind, sensor, annunciated) of all alerts of an asset."""
        return [(one.transition, one.kind, one.sensor, one.annunciated) for one in self.alerts(asset)]

    def wait_for(self, asset, count):
        """An asset has had so many alerts."""
        wait_until(lambda: len(self.alerts(asset)) >= count, f"{count} alerts of {asset}")
        return self.alerts(asset)

    def table(self):
        """What stands, as every reader of the alarm-state topic has it."""
        table = Table()
        for record in read_all(self.bootstrap, self.topics.alarms):
            table.take(record.key(), record.value())
        assert table.unreadable == 0
        return table

    def settle(self):
        """Some snapshots later: after a start, what stands has been compared with the topic."""
        wait_until(lambda: self.service.events("alarm states read"), "the alarm-state topic is read")
        time.sleep(3)


@pytest.fixture(scope="module")
def line(kafka, module_topics, tmp_path_factory):
    """The service runs from the first test to the last; a test may restart it."""
    line = Line(kafka, Topics(module_topics), tmp_path_factory.mktemp("complaints"))
    with line.service:
        line.service.start()
        yield line


# ── "A restart fires every active alert again" ───────────────────────────────────────────────────────────────────────


def test_a_restart_fires_nothing_again(line):
    """An orderly stop, then a power cut: nobody is told again what they know, and what stands on the topic stands."""
    line.say("restart-1", HOT)
    line.say("restart-2", HOT)
    (known, _) = (line.wait_for(asset, 1)[0] for asset in ("restart-1", "restart-2"))
    line.ask("acknowledge", "restart-1", alert_id=known.alert_id, comment="checking the valve")
    line.ask("shelve", "restart-2", sensor="temp", until=time.time_ns() // 1_000_000 + 10 * MINUTE_MS)
    for asset in ("restart-1", "restart-2"):
        line.wait_for(asset, 2)
    time.sleep(1.5)  # all of it is in a snapshot
    alert_count, before = count_all(line.bootstrap, line.topics.alerts), line.table()

    assert line.service.stop() == 0
    for end in (line.service.kill, None):
        line.service.start()
        line.settle()
        if end is not None:
            end()

    after = line.table()
    assert count_all(line.bootstrap, line.topics.alerts) == alert_count
    assert after.alarms == before.alarms
    assert after.holds == before.holds
    assert line.service.events("alarm states mended") == []
    assert after.alarms[alarm_key(asset="restart-1", sensor="temp", kind="limit", rule="h")].acknowledged.by == "maria"


# ── "The same anomaly alerts again and again; fire/recover loops" ────────────────────────────────────────────────────


def test_an_alarm_that_comes_and_goes_all_the_time_is_told_three_times_and_then_held():
    """Half an hour of a value that dances on its limit isn't 180 alarms."""
    settings = Settings(service=ServiceSettings(clock="event"), rules=(Rule(limit=Limit(h=85), stale=False),))
    dance = [message("press-1", "temp", T0 + 5_000 * step, HOT if step % 2 else COLD) for step in range(361)]
    calm = [message("press-1", "temp", T0 + 5_000 * step, COLD) for step in range(361, 600)]

    result = run_flow(settings, [*dance, *calm])

    alerts = [record.alert for record in result.alerts]
    assert [alert.transition for alert in alerts] == ["raised", "cleared", "raised", "cleared", "raised", "cleared"]
    assert [alert.evidence.get("chattering") for alert in alerts if alert.transition == "raised"] == [None, None, 1]
    assert alerts[-1].evidence["held_back_ms"] >= MINUTE_MS
    assert compacted(result.states) == {}


def test_an_anomaly_that_lasts_is_one_alarm():
    """Scores go up and down while a machine behaves oddly; it is told at its beginning and at its end."""
    random = np.random.default_rng(3)
    values = 20 + random.standard_normal(900)
    values[500:600] += 15
    messages = [message("press-1", "temp", T0 + MINUTE_MS * step, float(value)) for step, value in enumerate(values)]

    alerts = [record.alert for record in run_flow(_learning(), messages).alerts]

    assert [(alert.kind, alert.transition) for alert in alerts] == [("anomaly", "raised"), ("anomaly", "cleared")]
    assert alerts[0].onset_ts == alerts[1].onset_ts
    assert 500 <= (alerts[0].ts - T0) / MINUTE_MS < 510


def _learning(**keys):
    """Each reading is judged by what was learned; nothing else is watched."""
    rule = Rule(stale=False, drift=False, anomaly=Anomaly(), **keys)
    return Settings(service=ServiceSettings(clock="event", lanes=1), rules=(rule,), assets=(AssetSettings(window_s=0),))


# ── "No-data handling is wrong, and flip-flops with alerts" ──────────────────────────────────────────────────────────


def test_silence_neither_clears_nor_raises_another_alarm(line):
    """A hot sensor whose cable is cut is still a hot sensor; when it speaks again, only the silence is over."""
    asset = "silent-1"
    feeder = Feeder(line.bootstrap, line.topics.readings, lambda _: [_now(asset, COLD, "pressure")], every_s=0.1)
    produce(line.bootstrap, line.topics.readings, [_now(asset, HOT)])
    line.wait_for(asset, 2)
    produce(line.bootstrap, line.topics.readings, [_now(asset, HOT)])
    line.wait_for(asset, 3)
    feeder.stop()

    assert line.transitions(asset)[:3] == [
        ("raised", "limit", "temp", True),
        ("raised", "stale", "temp", True),
        ("cleared", "stale", "temp", True),
    ]


def test_a_backlog_is_no_silence(line):
    """Ten minutes of readings that nobody read meanwhile, and old ones at that: nobody was silent."""
    asset, now_ms = "silent-2", time.time_ns() // 1_000_000
    assert line.service.stop() == 0
    backlog = [reading(asset, COLD, ts) for ts in range(now_ms - 10 * MINUTE_MS, now_ms, 1_000)]
    produce(line.bootstrap, line.topics.readings, backlog, sent_then=True)
    feeder = Feeder(line.bootstrap, line.topics.readings, lambda _: [_now(asset, COLD)], every_s=0.2)
    line.service.start()
    line.settle()
    time.sleep(4)  # grace and after_s are over: whoever were blamed would be blamed by now
    told = line.transitions(asset)
    feeder.stop()

    assert told == []
    line.wait_for(asset, 1)
    assert [(one.transition, one.kind) for one in line.alerts(asset)] == [("raised", "stale")]


def _now(asset, value, sensor="temp"):
    return reading(asset, value, time.time_ns() // 1_000_000, sensor)


# ── "A flat signal is judged 100 % anomalous, or never" ──────────────────────────────────────────────────────────────


def test_a_flat_signal_is_flatlines_alone():
    """A sensor that sticks is told once, by the rule that is about it; one that never moved surprises nobody."""
    random = np.random.default_rng(3)
    moving = 20 + random.standard_normal(1_000)
    moving[500:] = moving[499]
    messages = []
    for step, value in enumerate(moving):
        ts = T0 + MINUTE_MS * step
        messages += [message("press-1", "sticks", ts, float(value)), message("press-1", "never-moves", ts, 20.0)]

    alerts = [record.alert for record in run_flow(_learning(flatline=Flatline(after_s=3600)), messages).alerts]

    assert sorted((alert.kind, alert.sensor, alert.transition) for alert in alerts) == [
        ("flatline", "never-moves", "raised"),
        ("flatline", "sticks", "raised"),
    ]


# ── "Stuck initializing for days without a reason" ───────────────────────────────────────────────────────────────────


def test_warming_is_said_with_how_far_and_how_far_to_go(line):
    """Whoever waits for the first judgement knows for how long."""
    line.say("new-1", *([COLD, COLD + 1] * 18), COLD)

    def warming():
        return [one["why"] for one in _status(line)["warming"] if (one["asset"], one["sensor"]) == ("new-1", "temp")]

    wait_until(lambda: any("37/150" in why for why in warming()), "all 37 readings are seen")

    assert warming() == ["warming 37/150 windows: 113 readings to go"]


def _status(line):
    return json.loads(line.service.get("/status")[1])


# ── "A memory limit silently stops modelling new entities" ───────────────────────────────────────────────────────────


def test_a_bound_that_is_met_is_an_alarm_and_says_who_was_refused(line):
    """More sensors than are allowed: one alarm for the asset, a dead letter and a count for what was refused."""
    refused = 'andon_rejects_total{reason="capacity"}'
    before, letters = _sample(line, refused), count_all(line.bootstrap, line.topics.dead_letters)
    for _ in range(2):
        line.now_ms += 1_000
        values = {f"s{number:02d}": COLD for number in range(25)}
        body = json.dumps({"asset": "crowd-1", "ts": line.now_ms, "values": values}).encode()
        produce(line.bootstrap, line.topics.readings, [(b"crowd-1", body)])

    (alarm,) = line.wait_for("crowd-1", 1)
    wait_until(lambda: _sample(line, refused) == before + 10, "all that was refused is counted")
    wait_until(lambda: count_all(line.bootstrap, line.topics.dead_letters) == letters + 2, "and set aside")

    assert line.transitions("crowd-1") == [("raised", "capacity", None, True)]
    assert alarm.message == "crowd-1 has more than 20 sensors: new ones are refused"
    details = {name: value.decode() for name, value in read_all(line.bootstrap, line.topics.dead_letters)[-1].headers()}
    assert details["andon_reason"] == "capacity"
    assert "crowd-1" in details["andon_detail"]
    (entry,) = [entry for entry in _status(line)["refused"] if entry["asset"] == "crowd-1"]
    assert entry["why"] == (
        "crowd-1 has as many sensors as service.sensors_per_asset_max allows (20): new ones are refused"
    )


def _sample(line, name):
    page = line.service.get("/metrics")[1]
    return next(float(row.rpartition(" ")[2]) for row in page.splitlines() if row.startswith(f"{name} "))


# ── "A burst of alerts stalls ingest" ────────────────────────────────────────────────────────────────────────────────

BURST_ASSETS, BURST_SENSORS = 500, 100
RSS_GROWTH_MB_MAX = 600
"""For 50,000 alarms: what stands of each, and all that is under way to the broker at once."""


@pytest.mark.timeout(360)
def test_a_burst_of_alarms_stalls_nothing(kafka, topics, tmp_path, capsys):
    """50,000 alarms at once: each is told exactly once, a flood sums them up, and readings are taken meanwhile."""
    work = Topics(topics)
    service = Service(tmp_path, kafka, work, service="epoch_s = 5")
    start_ms = time.time_ns() // 1_000_000
    names = [f"s{number:03d}" for number in range(BURST_SENSORS)]

    def plant(value, ts):
        for number in range(BURST_ASSETS):
            asset = f"press-{number:03d}"
            body = {"asset": asset, "ts": ts, "values": dict.fromkeys(names, value)}
            yield asset.encode(), json.dumps(body).encode()

    with service:
        service.start()
        sent = produce(kafka, work.readings, plant(COLD, start_ms))
        service.wait_until_read(sent)
        time.sleep(6)  # a snapshot with all series
        before_mb = _rss_mb(service)
        meanwhile = Feeder(kafka, work.readings, lambda _: [_now("calm-1", COLD)], every_s=0.05)
        watched = _Watched(service)
        began, spent_s = time.monotonic(), _cpu_s(service)
        sent += produce(kafka, work.readings, plant(HOT, start_ms + 1_000))
        burst_s = time.monotonic() - began
        alarm_count = BURST_ASSETS * BURST_SENSORS
        read_at = {}  # by how many alerts were told: how many messages had been read

        def told():
            count = count_all(kafka, work.alerts)
            read_at[count] = service.messages_read()
            return count

        wait_until(lambda: told() > alarm_count, "all alarms and the flood are told", wait_s=180)
        told_s, spent_s = time.monotonic() - began, _cpu_s(service) - spent_s
        meanwhile.stop()
        service.wait_until_read(sent + meanwhile.sent)
        read_s = time.monotonic() - began
        watched.stop()
        produce(kafka, work.readings, [_now("calm-1", HOT)])
        wait_until(lambda: count_all(kafka, work.alerts) > alarm_count + 1, "an alarm after the burst")
        peak_mb = _rss_mb(service, "VmHWM")
        assert service.stop() == 0

    records = read_all(kafka, work.alerts)
    alerts = [json.loads(record.value()) for record in records]
    table = {record.key(): record.value() for record in read_all(kafka, work.alarms)}
    floods = [alert for alert in alerts if alert["kind"] == "flood"]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{alarm_count:,} alarms raised by {BURST_ASSETS:,} messages sent in {burst_s:.1f} s: all told after "
            f"{told_s:.1f} s and {spent_s:.1f} s of processor time; all readings read after {read_s:.1f} s, none for "
            f"{watched.longest_s:.1f} s at the longest; resident memory {before_mb:.0f} MB before, {peak_mb:.0f} MB at "
            "its peak\n"
        )
    assert len({dict(record.headers())["ce_id"] for record in records}) == len(records) == alarm_count + 2
    assert Counter((alert["kind"], alert["transition"]) for alert in alerts) == {
        ("limit", "raised"): alarm_count + 1,
        ("flood", "raised"): 1,
    }
    assert floods[0]["asset"] == "test"
    assert len(floods[0]["evidence"]["first_up"]) == 10
    assert all(name.startswith("press-") for name in floods[0]["evidence"]["first_up"])
    assert Counter(key.count(b"/limit/") for key, body in table.items() if body is not None) == {
        1: alarm_count + 1,
        0: 2,  # the flood and the heartbeat
    }
    assert b"test//flood/site" in table
    assert len({read for told, read in read_at.items() if 0 < told < alarm_count}) > 1, "readings are taken meanwhile"
    assert peak_mb - before_mb < RSS_GROWTH_MB_MAX


class _Watched:
    """Looks at a service from a thread: for how long nothing was read."""

    def __init__(self, service):
        self.longest_s = 0.0
        self._service = service
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._ended.set()
        self._thread.join()

    def _run(self):
        newest, since = -1, time.monotonic()
        while not self._ended.wait(0.1):
            read = self._service.messages_read()
            now = time.monotonic()
            if read != newest:
                newest, since = read, now
            self.longest_s = max(self.longest_s, now - since)


def _cpu_s(service):
    """Processor time of the process so far."""
    fields = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(service, name="VmRSS"):
    """Resident memory of the process, now or at its peak (VmHWM)."""
    rows = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith(f"{name}:")) / 1024


# ── "No acknowledge; a silence outlives the problem" ─────────────────────────────────────────────────────────────────


def test_acknowledging_says_who_and_why(line):
    """The next shift sees that somebody is on it."""
    line.say("ack-1", HOT)
    (raised,) = line.wait_for("ack-1", 1)

    source = line.ask("acknowledge", "ack-1", alert_id=raised.alert_id, comment="checking the valve")

    acknowledged = line.wait_for("ack-1", 2)[1]
    assert (acknowledged.transition, acknowledged.state) == ("acknowledged", "active_acked")
    assert (acknowledged.by, acknowledged.comment) == ("maria", "checking the valve")
    assert acknowledged.headers["andon_source"] == source
    assert "checking the valve" in acknowledged.message


def test_a_shelf_holds_what_is_raised_meanwhile_and_ends_by_itself(line):
    """What was put aside comes back, and then it rings."""
    asset = "shelf-1"
    line.say(asset, COLD)
    line.service.wait_until_read(count_all(line.bootstrap, line.topics.readings))  # else nobody knows the asset yet
    until_ms = time.time_ns() // 1_000_000 + 3_600_000
    line.ask("shelve", asset, sensor="temp", until=until_ms, comment="sensor is being replaced")
    key = hold_key(asset, Scope("temp"))
    wait_until(lambda: key in line.table().holds, "the shelf stands")
    shelf = line.table().holds[key].shelved
    line.say(asset, HOT)
    (raised,) = line.wait_for(asset, 1)
    soon_ms = time.time_ns() // 1_000_000 + 2_000
    line.ask("shelve", asset, sensor="temp", until=soon_ms, comment="it is there already")

    ended = line.wait_for(asset, 3)[-1]

    assert (shelf.by, shelf.comment, shelf.until_ts) == ("maria", "sensor is being replaced", until_ms)
    assert line.transitions(asset) == [
        ("raised", "limit", "temp", False),
        ("shelved", "limit", "temp", False),
        ("unshelved", "limit", "temp", True),
    ]
    assert (ended.by, ended.ts, ended.alert_id) == (None, soon_ms, raised.alert_id)
    assert key not in line.table().holds


@pytest.mark.parametrize(
    ("begin", "end"),
    [("suppress", "unsuppress"), ("out_of_service", "in_service")],
    ids=["suppressed", "out of service"],
)
def test_what_is_held_back_until_it_is_taken_back_rings_when_it_is_still_so(line, begin, end):
    """By design, or because the machine doesn't run: with who and why in the alert, and an end that a person gives."""
    asset = f"{begin}-1"
    line.say(asset, HOT)
    line.wait_for(asset, 1)
    line.ask(begin, asset, comment="dismantled until spring")
    line.wait_for(asset, 2)
    line.say(asset, COLD, HOT)
    line.wait_for(asset, 4)
    line.ask(end, asset, comment="it runs again")

    alerts = line.wait_for(asset, 5)

    past = {"suppress": "suppressed", "out_of_service": "out_of_service"}[begin]
    back = {"unsuppress": "unsuppressed", "in_service": "in_service"}[end]
    assert [(one.transition, one.annunciated) for one in alerts] == [
        ("raised", True),
        (past, False),
        ("cleared", False),
        ("raised", False),
        (back, True),
    ]
    assert [(one.by, one.comment) for one in (alerts[1], alerts[4])] == [
        ("maria", "dismantled until spring"),
        ("maria", "it runs again"),
    ]
    assert [one.state for one in (alerts[1], alerts[4])] == ["active_unacked", "active_unacked"]


def test_what_can_not_be_done_is_a_dead_letter_that_says_why(line):
    """Nobody believes that an alarm is shelved which isn't."""
    line.say("refuse-1", HOT)
    line.wait_for("refuse-1", 1)  # readings and commands are two sources: without a wait either may come first
    source = line.ask("unshelve", "refuse-1", sensor="temp")

    def answers():
        letters = [dict(letter.headers()) for letter in read_all(line.bootstrap, line.topics.dead_letters)]
        return [
            letter["andon_detail"].decode()
            for letter in letters
            if b"/".join(letter[f"andon_{name}"] for name in ("topic", "partition", "offset")).decode() == source
        ]

    wait_until(answers, "the command is refused")

    assert "isn't shelved" in answers()[0]


# ── "The false alarm that comes back every week" ─────────────────────────────────────────────────────────────────────

STEP_MS = 10 * MINUTE_MS
WEEK = 7 * 24 * 6
"""Readings."""


def test_a_false_alarm_that_comes_every_week_is_quietened_visibly_and_reversibly():
    """Maria says so each time, until it comes no more; the alarms tell how far they were put off; a reset undoes it."""
    weeks, reset_week = 16, 6
    values = 20 + np.random.default_rng(2).standard_normal(weeks * WEEK)
    for week in range(2, weeks):
        values[week * WEEK + 100 : week * WEEK + 112] += 7  # the weekly cleaning
    messages = [message("press-1", "temp", T0 + STEP_MS * step, float(value)) for step, value in enumerate(values)]

    def raised(said):
        """(reading, alert) of each anomaly."""
        alerts = [record.alert for record in run_flow(_learning(), messages, commands=said).alerts]
        return [((alert.ts - T0) // STEP_MS, alert) for alert in alerts if alert.transition == "raised"]

    def cleanings(said):
        """The false alarms by their week."""
        return {step // WEEK: alert for step, alert in raised(said) if 100 <= step % WEEK < 112}

    def says(week, alert, verdict):
        body = {
            "command": "feedback",
            "asset": "press-1",
            "alert_id": alert.alert_id,
            "verdict": verdict,
            "by": "maria",
        }
        return Said(week * WEEK + 200, body)

    untold = cleanings([])
    said = {}
    while new := cleanings(said.values()).keys() - said.keys():
        week = min(new)
        said[week] = says(week, cleanings(said.values())[week], "false_alarm")
    quietened = cleanings(said.values())
    newest = [alert for step, alert in raised(said.values()) if step < reset_week * WEEK][-1]
    until_then = [words for week, words in said.items() if week < reset_week]
    reset = cleanings([*until_then, says(reset_week, newest, "reset")])

    later = min(week for week in untold if week > reset_week)
    assert len(untold) > weeks / 3
    assert len(quietened) <= len(untold) / 2
    raised_by = [quietened[week].evidence.get("threshold_raised", 0) for week in sorted(quietened)[:3]]
    assert 0 == raised_by[0] < raised_by[1] < raised_by[2]
    assert reset_week not in quietened
    assert later not in quietened
    assert "threshold_raised" not in reset[later].evidence


# ── "Is it quiet or is it dead?" ─────────────────────────────────────────────────────────────────────────────────────


def test_quiet_is_told_from_dead(line):
    """A heartbeat stands on the topic at once; an orderly stop says so; a dead process is seen by its silence."""
    now_ms = time.time_ns() // 1_000_000
    wait_until(lambda: line.table().watching(now_ms).state == "running", "a heartbeat")

    assert line.service.stop() == 0
    stopped = line.table().watching(time.time_ns() // 1_000_000)
    line.service.start()
    wait_until(lambda: line.table().watching(time.time_ns() // 1_000_000).state == "running", "it beats again")
    line.service.kill()
    (beat,) = line.table().heartbeats.values()
    dead = line.table().watching(beat.ts + 3 * HEARTBEAT_S * 1_000 + 1)
    line.service.start()

    assert stopped.state == "stopped"
    assert dead.state == "silent"
    assert "no heartbeat" in dead.fault
    assert (beat.site, beat.every_s, beat.state) == ("test", HEARTBEAT_S, "running")
