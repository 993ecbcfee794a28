"""What is unwise about topics, judged from what the broker says of them."""

from __future__ import annotations

import pytest

from andon.broker_check import judge_topics
from andon.topics import plans
from contracts.settings import Commands, Kafka, Settings

HOUR_MS = 3_600_000


def _judged(configs, settings=None):
    return [str(warning) for warning in judge_topics(settings or Settings(), configs)]


def test_topics_as_andon_creates_them_are_fine():
    """No warning without a reason."""
    configs = {
        "readings": {"cleanup.policy": "delete", "retention.ms": str(7 * 24 * HOUR_MS)},
        "andon.alarms": {"cleanup.policy": "compact", "delete.retention.ms": str(24 * HOUR_MS)},
        "andon.alerts": {"cleanup.policy": "delete"},
    }

    assert _judged(configs) == []
    assert _judged({}) == []


@pytest.mark.parametrize(
    ("configs", "warning"),
    [
        ({"readings": {"cleanup.policy": "compact,delete"}}, "topic readings: is compacted"),
        ({"readings": {"retention.ms": str(HOUR_MS // 2)}}, "topic readings: keeps readings for 0.5 h"),
        ({"andon.alerts": {"cleanup.policy": "compact"}}, "topic andon.alerts: is compacted"),
        ({"andon.dead-letters": {"cleanup.policy": "compact"}}, "topic andon.dead-letters: is compacted"),
        ({"andon.alarms": {"cleanup.policy": "delete"}}, "topic andon.alarms: has cleanup.policy=delete"),
        (
            {"andon.alarms": {"cleanup.policy": "compact,delete"}},
            "topic andon.alarms: has cleanup.policy=compact,delete: alarms that are still active expire.",
        ),
        (
            {"andon.alarms": {"cleanup.policy": "compact", "delete.retention.ms": str(HOUR_MS // 4)}},
            "topic andon.alarms: keeps tombstones for 0.25 h: who was away for longer takes alarms that are over for",
        ),
        ({"andon.commands": {"cleanup.policy": "compact"}}, "topic andon.commands: is compacted"),
    ],
)
def test_a_topic_that_loses_data_is_warned_of(configs, warning):
    """Retention and compaction are where readings and alarms disappear without an error."""
    (told,) = _judged(configs)

    assert told.startswith(warning)


def test_readings_that_are_kept_for_ever_are_fine():
    """-1 is the broker's word for no limit."""
    assert _judged({"readings": {"retention.ms": "-1"}}) == []
    assert _judged({"readings": {"retention.ms": str(24 * HOUR_MS)}}) == []


def test_topics_as_they_are_planned_are_fine():
    """What `andon topics create` makes, `andon check` doesn't complain about."""
    assert _judged({plan.name: plan.config for plan in plans(Kafka(), partitions=4)}) == []


def test_signed_commands_need_the_brokers_clock():
    """Else every one of them would be refused, and the reason be found in the dead letters."""
    signed = Settings(commands=Commands(accept="signed", keys_file="keys"))
    configs = {"andon.commands": {"message.timestamp.type": "CreateTime"}}

    assert _judged(configs) == []
    assert _judged(configs, signed) == [
        (
            "topic andon.commands: takes the time from who sends: every signed command is refused, since its age isn't"
            " known. Set message.timestamp.type=LogAppendTime."
        )
    ]
    assert _judged({plan.name: plan.config for plan in plans(Kafka(), partitions=4)}, signed) == []
