"""Alerts, the state of alarms and dead letters, with a producer that the test holds in its hands."""

from __future__ import annotations

import threading

import pytest
from confluent_kafka import KafkaError

from alarms.lifecycle import Alarms
from contracts.alarm_states import AlarmRecord, alarm_key
from contracts.alerts import AlertRecord
from contracts.errors import SinkError
from contracts.findings import Finding, Kind
from contracts.limits import DEAD_LETTER_BYTES_MAX
from contracts.readings import Reason, Reject
from contracts.settings import Limit, Rule, Service, Settings
from dataflows.happenings import Happenings
from dataflows.kafka_sink import Delivery, KafkaAlarmStates, KafkaAlerts, KafkaDeadLetters, alert_headers, dead_letter
from tests.fake_kafka import FakeProducer

SETTINGS = Settings(rules=(Rule(limit=Limit(h=10)),), service=Service(lanes=4, delivery_wait_s=1))


def record(*, asset="press", sensor="temp", source="readings/0/7"):
    """An alert as the alarms make it."""
    finding = Finding(
        asset=asset,
        sensor=sensor,
        kind=Kind.LIMIT,
        rule="h",
        active=True,
        onset_ts=1_000,
        ts=1_000,
        value=11.0,
        evidence={"limit": 10.0, "deadband": 0.0, "on_delay_ms": 0},
        source=source,
    )
    made, _ = Alarms(SETTINGS).decide(finding)
    assert isinstance(made, AlertRecord)
    return made


def reject(*, reason=Reason.NOT_JSON, key=b"press", value=b"nonsense", detail="no", offset=7):
    return Reject(reason, detail, key, value, "readings", 3, offset)


class Works:
    """A delivery with a fake producer, and a part of each sink."""

    def __init__(self):
        seconds = iter(range(1_000_000))
        self.stop = threading.Event()
        self.happenings = Happenings()
        self.producers = []

        def make(config):
            self.producers.append(FakeProducer(config))
            return self.producers[-1]

        self.delivery = Delivery(
            SETTINGS, happenings=self.happenings, stop=self.stop, open_producer=make, clock_s=lambda: next(seconds)
        )
        self.producer = self.producers[0]
        alerts = KafkaAlerts(
            SETTINGS, self.delivery, happenings=self.happenings, version="1.2.3", now_ms=lambda: 1_700_000_000_123
        )
        self.alerts = alerts.build_part("alerts", "out-00", None)
        self.alarms = KafkaAlarmStates(SETTINGS, self.delivery).build_part("alarm_states", "out-00", None)
        self.dead_letters = KafkaDeadLetters(SETTINGS, self.delivery).build_part("dead_letters", "out-00", None)


def test_an_alert_travels_under_its_asset_with_its_body():
    """All alerts of one asset are in one partition, in order."""
    works = Works()
    alert = record()

    works.alerts.write_batch([alert])

    sent = works.producer.records[0]
    assert (sent["topic"], sent["key"], sent["value"]) == ("andon.alerts", b"press", alert.alert.body())


def test_the_headers_of_an_alert_are_those_of_the_contract():
    """CloudEvents tools understand the alert without looking into it."""
    alert = record()

    headers = alert_headers(alert, version="1.2.3", now_ms=1_700_000_000_123)

    assert headers == [
        ("ce_specversion", b"1.0"),
        ("ce_id", alert.event_id.encode()),
        ("ce_source", b"/andon/plant-1"),
        ("ce_type", b"andon.alert.raised"),
        ("ce_time", b"2023-11-14T22:13:20.123Z"),
        ("ce_subject", b"press/temp"),
        ("andon_source", b"readings/0/7"),
        ("andon_config", alert.config.encode()),
        ("andon_version", b"1.2.3"),
    ]


def test_an_alert_about_a_whole_asset_has_the_asset_as_its_subject():
    """There is no sensor to name, and a tick has no source."""
    headers = dict(alert_headers(record(sensor=None, source=""), version="1", now_ms=0))

    assert headers["ce_subject"] == b"press"
    assert headers["andon_source"] == b""


@pytest.mark.parametrize("body", [b'{"schema":1}', None])
def test_what_stands_is_under_the_alarms_own_key(body):
    """A compacted topic keeps the newest record of each alarm; a tombstone ends it."""
    works = Works()
    key = alarm_key(asset="press/1", sensor="temp", kind="limit", rule="hh")

    works.alarms.write_batch([AlarmRecord(key, body)])

    sent = works.producer.records[0]
    assert (sent["topic"], sent["key"], sent["value"]) == ("andon.alarms", b"press%2F1/temp/limit/hh", body)


def test_a_dead_letter_keeps_the_bytes_and_says_why_and_from_where():
    """What was refused can be mended and sent again."""
    key, value, headers = dead_letter([reject(key=b"\xff", value=b"\x00{")])

    assert (key, value) == (b"\xff", b"\x00{")
    assert dict(headers) == {
        "andon_reason": b"not_json",
        "andon_detail": b"no",
        "andon_topic": b"readings",
        "andon_partition": b"3",
        "andon_offset": b"7",
    }


@pytest.mark.parametrize(("key", "value"), [(None, b"x"), (b"k", None), (None, None), (b"", b"")])
def test_a_dead_letter_keeps_what_is_absent_absent(key, value):
    """A tombstone stays one."""
    assert dead_letter([reject(key=key, value=value)])[:2] == (key, value)


@pytest.mark.parametrize(("size", "cut"), [(DEAD_LETTER_BYTES_MAX - 1, False), (DEAD_LETTER_BYTES_MAX, True)])
def test_a_dead_letter_is_cut_below_the_brokers_limit(size, cut):
    """A message of the largest size can be set aside too, and says that it was cut."""
    key, value, headers = dead_letter([reject(key=b"k", value=b"x" * size)])

    assert len(key) + len(value) <= DEAD_LETTER_BYTES_MAX
    assert dict(headers).get("andon_truncated") == (str(size + 1).encode() if cut else None)


def test_an_enormous_key_is_cut_too():
    """Key and value together must fit."""
    key, value, headers = dead_letter([reject(key=b"k" * 1_000_000, value=b"x" * 1_000_000)])

    assert len(key) + len(value) <= DEAD_LETTER_BYTES_MAX
    assert dict(headers)["andon_truncated"] == b"2000000"


def test_a_message_with_many_refused_values_is_one_dead_letter():
    """Ten thousand bad values don't become ten thousand copies of a megabyte."""
    works = Works()

    works.dead_letters.write_batch([reject(), reject(), reject(), reject(offset=8)])

    assert [(sent["headers"]["andon_offset"], sent["headers"]["andon_detail"]) for sent in works.producer.records] == [
        (b"7", b"no (and 2 more values)"),
        (b"8", b"no"),
    ]


def test_a_message_that_is_refused_for_two_reasons_is_two_dead_letters():
    """Whoever looks for one reason finds every message that has it."""
    works = Works()

    works.dead_letters.write_batch([reject(), reject(reason=Reason.BAD_NAME)])

    assert [sent["headers"]["andon_reason"] for sent in works.producer.records] == [b"not_json", b"bad_name"]


def test_a_snapshot_waits_until_every_record_is_confirmed():
    """State is never saved ahead of its alerts."""
    works = Works()
    works.alerts.write_batch([record()])
    works.dead_letters.write_batch([reject()])
    works.alarms.write_batch([AlarmRecord("press/temp/limit/h", None)])

    works.alerts.snapshot()

    assert works.producer.held == []
    assert works.happenings.registry.get_sample_value("andon_sink_in_flight") == 0


def test_a_record_that_is_given_up_stops_the_process_at_the_next_snapshot():
    """An alert is never lost silently; the message says what becomes of it."""
    works = Works()
    works.alerts.write_batch([record()])
    works.producer.fault = KafkaError(KafkaError._MSG_TIMED_OUT)

    with pytest.raises(SinkError, match=r"kafka andon\.alerts: .*decided again after the restart"):
        works.alerts.snapshot()
    assert works.happenings.registry.get_sample_value("andon_sink_errors_total") == 1


def test_alerts_that_are_refused_because_of_the_clock_say_that_the_clock_may_be_wrong():
    """The broker's own words, "Invalid timestamp", let nobody look at the clock of the machine that andon runs on."""
    works = Works()
    works.alerts.write_batch([record()])
    works.producer.fault = KafkaError(KafkaError.INVALID_TIMESTAMP)

    with pytest.raises(SinkError, match=r"Compare this machine's clock with the broker's"):
        works.alerts.snapshot()


def test_a_record_that_is_given_up_stops_the_next_batch_too():
    """Whichever comes first."""
    works = Works()
    works.alerts.write_batch([record()])
    works.producer.fault = KafkaError(KafkaError._MSG_TIMED_OUT)
    works.producer.flush(0)

    with pytest.raises(SinkError):
        works.alerts.write_batch([record()])


def test_asked_to_stop_with_the_broker_away_a_snapshot_ends_with_an_error():
    """A supervisor isn't kept waiting, and the state stays as it was."""
    works = Works()
    works.producer.holds = True
    works.alerts.write_batch([record()])
    works.stop.set()

    with pytest.raises(SinkError, match="1 records weren't confirmed in time"):
        works.alerts.snapshot()


def test_a_dead_broker_ends_the_process_after_its_time():
    """The wait is bounded: a supervisor learns that something is wrong."""
    works = Works()
    works.producer.holds = True
    works.alerts.write_batch([record()])

    with pytest.raises(SinkError, match="1 records weren't confirmed in time"):
        works.alerts.snapshot()


def test_a_queue_that_stays_full_ends_the_process():
    """The wait for room is bounded too."""
    works = Works()
    works.producer.full = 1_000

    with pytest.raises(SinkError, match="queue stayed full"):
        works.dead_letters.write_batch([reject()])


def test_a_full_queue_is_waited_for():
    """A burst of dead letters is held back, not dropped."""
    works = Works()
    works.producer.full = 3

    works.dead_letters.write_batch([reject()])

    assert len(works.producer.records) == 1


def test_both_sinks_have_as_many_parts_as_there_are_lanes():
    """Processes share the work, and their names are stable."""
    works = Works()

    parts = KafkaDeadLetters(SETTINGS, works.delivery).list_parts()

    assert parts == ["out-00", "out-01", "out-02", "out-03"]
    assert len(works.producers) == 1


def test_nobody_may_weaken_the_producer():
    """Our promise hangs on these, whatever stands under [kafka.client]."""
    client = {"acks": "0", "enable.idempotence": False, "linger.ms": 50, "sasl.username": "maria"}
    settings = SETTINGS.model_copy(update={"kafka": SETTINGS.kafka.model_copy(update={"client": client})})
    configs = []

    Delivery(settings, happenings=Happenings(), stop=threading.Event(), open_producer=configs.append)

    assert (configs[0]["acks"], configs[0]["enable.idempotence"]) == ("all", "true")
    assert (configs[0]["linger.ms"], configs[0]["sasl.username"]) == (50, "maria")
