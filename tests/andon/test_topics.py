"""The topics that andon needs."""

from __future__ import annotations

from andon.topics import plans, rights_of
from contracts.settings import Kafka, Settings, Site


def test_all_topics_of_the_settings_are_planned_once():
    """A newcomer's `andon run` finds everything."""
    kafka = Kafka(readings=("a", "b"), alerts="c", alarms="d", commands="e", dead_letters="f")

    assert [plan.name for plan in plans(kafka, partitions=12)] == ["a", "b", "c", "d", "e", "f"]


def test_a_topic_of_another_is_not_planned():
    """A hub that comes later would find its own topic made in our way."""
    kafka = Kafka(readings=("a", "umh.messages"), formats={"umh.messages": "umh"}, alerts="c")

    assert [plan.name for plan in plans(kafka, partitions=12)][:2] == ["a", "c"]


def test_readings_are_stamped_by_the_broker():
    """Silence is measured on arrival, and a device's clock may be wrong."""
    readings, *_ = plans(Kafka(), partitions=12)

    assert readings.partitions == 12
    assert readings.config["message.timestamp.type"] == "LogAppendTime"


def test_what_andon_writes_is_stamped_by_the_broker_too():
    """A broker refuses records from a machine whose clock is an hour ahead, and an alert may not fail by that."""
    stamps = {plan.config.get("message.timestamp.type") for plan in plans(Kafka(), partitions=12)}

    assert stamps == {"LogAppendTime"}


def test_the_state_of_alarms_is_compacted_and_nothing_else_is():
    """The newest state of every alarm stays; everything else ends some day."""
    compacted = [plan.name for plan in plans(Kafka(), partitions=12) if plan.config.get("cleanup.policy") == "compact"]

    assert compacted == ["andon.alarms"]
    assert all("retention.ms" in plan.config for plan in plans(Kafka(), partitions=12) if plan.name not in compacted)


def test_a_plant_with_one_partition_gets_no_more_anywhere():
    """Small stays small."""
    assert {plan.partitions for plan in plans(Kafka(), partitions=1)} == {1}


def test_rights_are_printed_for_the_names_in_the_settings():
    """What an administrator types is made of one's own topics, for each sort of user."""
    settings = Settings(site=Site(name="hall-7"), kafka=Kafka(readings=("a", "b"), alarms="d"))

    assert rights_of(settings, "service") == [
        (("Read",), [("topic", "a"), ("topic", "b"), ("topic", "andon.commands"), ("group", "andon-hall-7")]),
        (("Read", "Write"), [("topic", "d")]),
        (("Write",), [("topic", "andon.alerts"), ("topic", "andon.dead-letters")]),
    ]
    assert rights_of(settings, "operator") == [
        (("Read",), [("topic", "andon.alerts"), ("topic", "d"), ("topic", "andon.dead-letters")]),
        (("Write",), [("topic", "andon.commands")]),
    ]
