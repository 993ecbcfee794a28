"""People and `andon run` on a real broker: commands, their answers, and what stands, through stops and crashes."""

from __future__ import annotations

import json
import pickle
import signal
import sqlite3
import time
from contextlib import closing

from alarms.flood import Flood
from alarms.lifecycle import Alarms
from contracts.alarm_states import AlarmState, Heartbeat, HoldState, alarm_key, hold_key, parse_key
from contracts.commands import Scope
from contracts.loading import load
from tests.kafka.service import Feeder, Service, Topics, produce, read_all, reading, wait_until

HOT, COLD = 97.0, 20.0
HOUR_MS = 3_600_000
QUICK = "epoch_s = 1\nstale_grace_s = 1"


def now_ms():
    return time.time_ns() // 1_000_000


class Desk:
    """Maria, who commands, and what she sees."""

    def __init__(self, kafka, work):
        self.kafka = kafka
        self.work = work
        self.asked = 0

    def ask(self, command, asset, **more):
        """Send a command; returns what its answer points to."""
        document = {"command": command, "asset": asset, "by": "maria", **more}
        return self.say(json.dumps(document).encode())

    def say(self, value):
        """Send what may be no command."""
        produce(self.kafka, self.work.commands, [(b"any", value)])
        self.asked += 1
        return f"{self.work.commands}/0/{self.asked - 1}"

    def alerts(self, **wanted):
        """(alert, what caused it, ce_id), of those whose fields are so, as they were written."""
        found = []
        for message in read_all(self.kafka, self.work.alerts):
            alert, headers = json.loads(message.value()), dict(message.headers())
            if all(alert[name] == value for name, value in wanted.items()):
                found.append((alert, headers["andon_source"].decode(), headers["ce_id"].decode()))
        return found

    def answers(self):
        """The alert that each command led to, by what it points to."""
        return {source: alert for alert, source, _ in self.alerts() if source.startswith(f"{self.work.commands}/")}

    def refusals(self):
        """Why a command was refused, by what it points to."""
        letters = [dict(message.headers()) for message in read_all(self.kafka, self.work.dead_letters)]
        return {
            "/".join(letter[f"andon_{part}"].decode() for part in ("topic", "partition", "offset")): letter[
                "andon_detail"
            ].decode()
            for letter in letters
        }

    def stands(self):
        """The alarm-state topic, read from its beginning: the newest body of each key, without heartbeats."""
        newest = {message.key().decode(): message.value() for message in read_all(self.kafka, self.work.alarms)}
        return {key: body for key, body in newest.items() if body is not None and parse_key(key)[0] != "heartbeat"}

    def heartbeats(self):
        """All of them."""
        messages = read_all(self.kafka, self.work.alarms)
        ours = [message.value() for message in messages if parse_key(message.key().decode())[0] == "heartbeat"]
        return [Heartbeat.model_validate_json(body) for body in ours]

    def wait_for_raise(self, asset, **wanted):
        """The alert with which an alarm of the asset is raised."""
        wait_until(lambda: self.alerts(asset=asset, transition="raised", **wanted), f"{asset} is raised")
        return self.alerts(asset=asset, transition="raised", **wanted)[-1][0]


def saved(service):
    """What stands by the state directory of a service that has ended: key and body."""
    settings = load(service.settings, {})
    newest = {}
    for file in (service.state_dir / "saved" / "store").glob("*.sqlite3"):
        with closing(sqlite3.connect(file)) as store:
            rows = store.execute("SELECT step_id, state_key, snap_epoch, ser_change FROM snaps").fetchall()
        for step, key, epoch, content in rows:
            if step in ("andon.alarms", "andon.flood"):
                newest[step, key] = max(newest.get((step, key), (-1, None)), (epoch, content), key=lambda row: row[0])
    table = {}
    for (step, _), (_, content) in newest.items():
        state = pickle.loads(content) if content else None  # noqa: S301 - we wrote it
        if state and step == "andon.alarms":
            table |= Alarms.restore(settings, state).table()
        elif state:
            table |= {record.key: record.body for record in Flood.restore(settings, state).reconcile(())}
    return table


def test_what_people_ask_for_is_done_or_refused_and_says_who_and_why(kafka, topics, tmp_path):
    """Each command has its answer, the topic says what stands, and a stop in good order is told."""
    work = Topics(topics)
    desk = Desk(kafka, work)
    feeder = Feeder(kafka, work.readings, lambda _: [reading("press-0", HOT, now_ms())], every_s=0.2)
    with Service(tmp_path, kafka, work, service=QUICK) as service:
        service.start()
        alarm = desk.wait_for_raise("press-0")
        hour, soon = now_ms() + HOUR_MS, now_ms() + 6_000
        done = {
            desk.ask(command, "press-0", comment=f"why {command}", **more): (command, transition, annunciated)
            for command, transition, annunciated, more in (
                ("acknowledge", "acknowledged", True, {"alert_id": alarm["alert_id"]}),
                ("shelve", "shelved", False, {"sensor": "temp", "until": hour}),
                ("unshelve", "unshelved", True, {"sensor": "temp"}),
                ("suppress", "suppressed", False, {"alert_id": alarm["alert_id"]}),
                ("unsuppress", "unsuppressed", True, {"sensor": "temp", "kind": "limit", "rule": "h"}),
                ("out_of_service", "out_of_service", False, {}),
                ("in_service", "in_service", True, {}),
                ("shelve", "shelved", False, {"sensor": "temp", "until": soon}),
            )
        }
        refused = {
            desk.ask("acknowledge", "press-0", alert_id="0" * 32): "alert_id",
            desk.ask("acknowledge", "press-9", alert_id=alarm["alert_id"]): "press-9",
            desk.ask("shelve", "press-0", sensor="tmep", until=hour): "tmep",
            desk.ask("shelve", "press-0", sensor="temp", until=hour + 24 * HOUR_MS): "24",
            desk.ask("unsuppress", "press-0"): "suppressed",
            desk.ask("in_service", "press-0", sensor="temp"): "out of service",
            desk.ask("feedback", "press-0", alert_id=alarm["alert_id"], verdict="false_alarm"): "anomaly",
            desk.say(b"\xff"): "UTF-8",
        }
        suppressed = desk.ask("suppress", "press-0", sensor="other", comment="no such sensor")
        wait_until(lambda: len(desk.refusals()) == len(refused) + 1, "all refusals")
        wait_until(lambda: desk.alerts(transition="unshelved", by=None), "the shelf ends by itself")
        suppressed = desk.ask("suppress", "press-0", sensor="temp", kind="rate", comment="by design")
        wait_until(lambda: hold_key("press-0", Scope("temp", "rate")) in desk.stands(), "a hold without an alarm")
        feeder.stop()
        assert service.stop() == 0

    answers = desk.answers()
    assert {source: answers[source]["transition"] for source in done} == {
        source: transition for source, (_, transition, _) in done.items()
    }
    for source, (command, transition, annunciated) in done.items():
        alert = answers[source]
        assert (alert["alert_id"], alert["annunciated"]) == (alarm["alert_id"], annunciated), transition
        assert (alert["by"], alert["comment"]) == ("maria", f"why {command}")
        assert "maria" in alert["message"]
    for source, part in refused.items():
        assert part in desk.refusals()[source]
    (unshelved, caused_by, _) = desk.alerts(transition="unshelved", by=None)[0]
    assert (unshelved["ts"], unshelved["annunciated"], unshelved["state"]) == (soon, True, "active_acked")
    assert caused_by == ""

    stands = desk.stands()
    state = AlarmState.model_validate_json(
        stands.pop(alarm_key(asset="press-0", sensor="temp", kind="limit", rule="h"))
    )
    hold = HoldState.model_validate_json(stands.pop(hold_key("press-0", Scope("temp", "rate"))))
    assert (state.acknowledged.by, state.acknowledged.comment) == ("maria", "why acknowledge")
    assert (state.shelved, state.suppressed, state.out_of_service) == (None, None, None)
    assert (hold.suppressed.by, hold.suppressed.comment) == ("maria", "by design")
    assert stands == {}
    assert desk.stands() == saved(service)
    assert suppressed not in desk.refusals()
    beats = desk.heartbeats()
    assert [beat.state for beat in beats] == ["running"] * (len(beats) - 1) + ["stopped"]
    assert len(beats) > 1


def test_after_a_crash_what_stands_is_what_the_topic_says(kafka, topics, tmp_path):
    """Silences that only a tick had noticed, an acknowledgement, and a command that nobody had read yet."""
    work = Topics(topics)
    desk = Desk(kafka, work)
    speaks = {"hot": HOT, "silent": COLD, "back": COLD, "good": COLD}
    slow_ms = {}

    def plant(_step):
        for asset, value in dict(speaks).items():
            yield reading(asset, value, now_ms() - slow_ms.get(asset, 0))

    feeder = Feeder(kafka, work.readings, plant, every_s=0.2)
    rule = "stale = { after_s = 3 }"
    with Service(tmp_path, kafka, work, service=QUICK, rule=rule) as service:
        service.start()
        desk.wait_for_raise("hot")
        assert service.stop() == 0

        # From here on nothing is saved: all that comes is lost with the process.
        changed = service.settings.read_text().replace("epoch_s = 1", "epoch_s = 3600")
        service.settings.write_text(changed)
        service.start()
        service.wait_until_read(feeder.sent)
        last_ms = now_ms()
        del speaks["silent"], speaks["back"]
        silent = desk.wait_for_raise("silent", kind="stale")
        desk.wait_for_raise("back", kind="stale")
        acknowledged = desk.ask("acknowledge", "silent", alert_id=silent["alert_id"])
        shelved = desk.ask("shelve", "hot", sensor="temp", until=now_ms() + HOUR_MS)
        wait_until(lambda: {acknowledged, shelved} <= set(desk.answers()), "both are done")
        service.process.send_signal(signal.SIGSTOP)
        unread = desk.ask("suppress", "good", comment="unread")
        service.kill()
        told_before = {identity for _, _, identity in desk.alerts()}

        # One device had stood still, with its clock: by its own times it was never silent.
        slow_ms["back"] = now_ms() - last_ms - 500
        speaks["back"] = COLD
        service.settings.write_text(changed.replace("epoch_s = 3600", "epoch_s = 1"))
        compared = len(service.events("alarm states compared"))
        service.start()
        back = alarm_key(asset="back", sensor="temp", kind="stale", rule="silent")
        wait_until(lambda: hold_key("good", Scope()) in desk.stands(), "the unread command is done")
        wait_until(lambda: back not in desk.stands(), "the silence that is over is closed")
        wait_until(lambda: len(service.events("alarm states compared")) > compared, "compared")
        feeder.stop()
        assert service.stop() == 0

    assert desk.refusals() == {}
    stands = desk.stands()
    assert sorted(stands) == sorted(
        [
            alarm_key(asset="hot", sensor="temp", kind="limit", rule="h"),
            alarm_key(asset="silent", sensor="temp", kind="stale", rule="silent"),
            hold_key("hot", Scope("temp")),
            hold_key("good", Scope()),
        ]
    )
    assert stands == saved(service)
    lasting = AlarmState.model_validate_json(
        stands[alarm_key(asset="silent", sensor="temp", kind="stale", rule="silent")]
    )
    assert (lasting.alert.alert_id, lasting.alert.state) == (silent["alert_id"], "active_acked")
    assert lasting.acknowledged.by == "maria"
    assert unread not in desk.answers(), "no alarm of it stood"
    again = [alert for alert, _, identity in desk.alerts() if identity not in told_before]
    assert [(alert["asset"], alert["transition"], alert["state"]) for alert in again] == [
        ("back", "reconciled", "normal")
    ]
