"""Heartbeats, with a producer that the test holds in its hands."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from contracts.alarm_states import HEARTBEAT_S, Heartbeat, heartbeat_key
from contracts.settings import Settings, Site
from dataflows.happenings import Happenings
from dataflows.heartbeat import Pulse
from dataflows.standing import LaneStanding, Standing
from tests.fake_kafka import FakeProducer

NOW_MS = 1_700_000_000_000


class Heart:
    """A pulse with a fake producer."""

    def __init__(self):
        self.standing = Standing(2)
        self.happenings = Happenings()
        self.producers = []
        self.pulse = Pulse(
            Settings(site=Site(name="plant-7")),
            process="host-7",
            version="1.2.3",
            standing=self.standing,
            happenings=self.happenings,
            open_producer=self._make,
        )

    @property
    def producer(self):
        """The one that is used."""
        return self.producers[0]

    @property
    def beats(self):
        """What was sent."""
        return [Heartbeat.model_validate_json(sent["value"]) for sent in self.producer.records]

    def counted(self, result):
        """Heartbeats of which this became."""
        return self.happenings.registry.get_sample_value("andon_heartbeats_total", {"result": result})

    def _make(self, config):
        self.producers.append(FakeProducer(config))
        return self.producers[-1]


def test_the_first_heartbeat_comes_at_once_and_says_who_watches():
    """After a start nobody waits half a minute to see that andon is back."""
    heart = Heart()
    heart.standing.lanes["lane-00"] = LaneStanding({}, {"readings/0": 7, "readings/2": 3}, False, False)
    heart.standing.lanes["lane-01"] = LaneStanding({}, {"readings/1": 2}, False, False)

    heart.pulse.beat(NOW_MS)

    assert heart.beats == [Heartbeat(site="plant-7", process="host-7", ts=NOW_MS, lag_rows=12, version="1.2.3")]
    (sent,) = heart.producer.records
    assert (sent["topic"], sent["key"]) == ("andon.alarms", heartbeat_key("plant-7", "host-7").encode())


def test_heartbeats_are_half_a_minute_apart_however_often_lanes_read():
    """Twelve lanes ask two hundred times a second."""
    heart = Heart()

    for step_ms in range(0, 95_000, 500):
        heart.pulse.beat(NOW_MS + step_ms)

    assert [beat.ts - NOW_MS for beat in heart.beats] == [0, 30_000, 60_000, 90_000]


def test_a_clock_that_was_set_back_does_not_silence_the_heart():
    """An hour without heartbeats would be an alarm."""
    heart = Heart()
    heart.pulse.beat(NOW_MS)

    heart.pulse.beat(NOW_MS - 3_600_000)

    assert len(heart.beats) == 2


def test_a_stop_in_good_order_is_said():
    """Maintenance of andon itself can be told from a crash."""
    heart = Heart()
    heart.pulse.beat(NOW_MS)

    heart.pulse.stop(NOW_MS + 1)

    assert [beat.state for beat in heart.beats] == ["running", "stopped"]
    assert heart.counted("delivered") == 2


def test_a_heartbeat_that_can_not_be_delivered_is_counted_and_given_up():
    """A broker that is away for an hour doesn't end the process for want of a heartbeat."""
    heart = Heart()
    heart.producer.fault = KafkaError(KafkaError._MSG_TIMED_OUT)
    heart.pulse.beat(NOW_MS)

    heart.pulse.stop(NOW_MS + 1)

    assert heart.counted("failed") == 2
    assert heart.producer.config["message.timeout.ms"] == HEARTBEAT_S * 1000


def test_a_full_queue_costs_a_heartbeat_and_no_time():
    """Lanes read on."""
    heart = Heart()
    heart.producer.full = 1

    heart.pulse.beat(NOW_MS)
    heart.pulse.beat(NOW_MS + 30_000)

    assert heart.counted("failed") == 1
    assert [beat.ts for beat in heart.beats] == [NOW_MS + 30_000]


@pytest.mark.parametrize("count", [0, 2])
def test_processes_that_are_gone_are_forgotten(count):
    """Their keys become tombstones."""
    heart = Heart()
    keys = [heartbeat_key("plant-7", f"pod-{number}") for number in range(count)]

    heart.pulse.forget(keys)

    assert [(sent["key"].decode(), sent["value"]) for sent in heart.producer.records] == [(key, None) for key in keys]
