"""What the broker has to say to the settings: topics that are missing, retention and compaction that lose data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contracts.errors import Problem

if TYPE_CHECKING:
    from contracts.settings import Settings

__all__ = ["BrokerReport", "ask_broker", "judge_topics"]

ASK_S = 5.0
"""A check that hangs is no check."""

READINGS_KEPT_MS_MIN = 24 * 3600 * 1000
"""A weekend's outage is common; less than a day of readings is lost before anybody has looked."""

ENDS_KEPT_MS_MIN = 24 * 3600 * 1000
"""Kafka's own default. A tombstone says that an alarm is over, to whoever was away meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerReport:
    """What was found."""

    silent: str = ""
    """Why the broker could not be asked; empty when it could."""
    missing: tuple[str, ...] = ()
    """Topics that the settings name and the broker lacks."""
    warnings: tuple[Problem, ...] = ()


def ask_broker(settings: Settings) -> BrokerReport:
    """Ask for the topics and their settings; gives up after `ASK_S`, never raises for a broker that is away.

    Raises: ConfigError if the Kafka client refuses a setting.
    """
    from confluent_kafka import KafkaException  # noqa: PLC0415 - `andon --help` needs no Kafka
    from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # noqa: PLC0415

    from dataflows.kafka_client import client_settings, open_client  # noqa: PLC0415

    kafka = settings.kafka
    reasons: list[str] = []
    client = open_client(AdminClient, {**client_settings(kafka), "error_cb": lambda error: reasons.append(error.str())})
    asked = (*kafka.readings, *settings.command_topics, *settings.device_topics)
    topics = (*asked, kafka.alerts, kafka.alarms, kafka.dead_letters)
    try:
        found = client.list_topics(timeout=ASK_S).topics
        present = [topic for topic in topics if topic in found and found[topic].error is None]
        resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in present]
        answers = client.describe_configs(resources, request_timeout=ASK_S) if resources else {}
        configs = {
            resource.name: {entry.name: entry.value for entry in answer.result(2 * ASK_S).values()}
            for resource, answer in answers.items()
        }
    except KafkaException as error:
        client.poll(0)
        return BrokerReport(silent=reasons[-1] if reasons else error.args[0].str())
    missing = tuple(topic for topic in topics if topic not in present)
    return BrokerReport(missing=missing, warnings=judge_topics(settings, configs))


def judge_topics(settings: Settings, configs: dict[str, dict[str, Any]]) -> tuple[Problem, ...]:
    """What is unwise about the topics.

    Args:
        configs: topic → the broker's settings of it; topics that are missing may be left out.
    """
    kafka = settings.kafka
    warnings: list[Problem] = []
    stamped_by = configs.get(kafka.commands, {}).get("message.timestamp.type", "LogAppendTime")
    if settings.commands.keys_file is not None and stamped_by != "LogAppendTime":
        fault = "takes the time from who sends: every signed command is refused, since its age isn't known."
        warnings.append(Problem(f"topic {kafka.commands}", fault, "Set message.timestamp.type=LogAppendTime."))
    for topic in kafka.readings:
        config = configs.get(topic, {})
        if "compact" in config.get("cleanup.policy", ""):
            fault = "is compacted: of each asset only the last reading is kept."
            warnings.append(Problem(f"topic {topic}", fault, "Set cleanup.policy=delete."))
        kept_ms = int(config.get("retention.ms", -1))
        if 0 <= kept_ms < READINGS_KEPT_MS_MIN:
            fault = f"keeps readings for {kept_ms / 3_600_000:.3g} h: what is older after an outage is lost."
            warnings.append(Problem(f"topic {topic}", fault, "Set retention.ms to a day or more."))
    for topic in (kafka.alerts, kafka.commands, kafka.dead_letters):
        if "compact" in configs.get(topic, {}).get("cleanup.policy", ""):
            fault = "is compacted: of each asset only the last message is kept."
            warnings.append(Problem(f"topic {topic}", fault, "Set cleanup.policy=delete."))
    alarms = configs.get(kafka.alarms, {})
    policy = alarms.get("cleanup.policy", "compact")
    if policy != "compact":
        fault = f"has cleanup.policy={policy}: "
        fault += "alarms that are still active expire." if "delete" in policy else "it grows without end."
        warnings.append(Problem(f"topic {kafka.alarms}", fault, "Set cleanup.policy=compact."))
    kept_ms = int(alarms.get("delete.retention.ms", ENDS_KEPT_MS_MIN))
    if kept_ms < ENDS_KEPT_MS_MIN:
        fault = f"keeps tombstones for {kept_ms / 3_600_000:.3g} h: who was away for longer takes alarms that are over "
        fault += "for active ones."
        warnings.append(Problem(f"topic {kafka.alarms}", fault, "Set delete.retention.ms to a day or more."))
    return tuple(warnings)
