"""How Kafka is talked to."""

from __future__ import annotations

import threading

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException

from contracts.errors import ConfigError, SourceError
from contracts.settings import Kafka
from dataflows.kafka_client import available, client_settings, group_id, open_client, wait_for_topics
from dataflows.offsets import Available, Partition


def test_what_a_person_writes_goes_to_the_client_except_where_our_promise_hangs_on_it():
    """Security and tuning pass through; nobody can switch a guarantee off by accident."""
    kafka = Kafka(client={"sasl.username": "maria", "enable.auto.commit": True, "check.crcs": True})

    settings = client_settings(kafka, enable_auto_commit=False)

    assert settings["sasl.username"] == "maria"
    assert settings["check.crcs"] == "true"
    assert settings["enable.auto.commit"] == "false"
    assert settings["bootstrap.servers"] == "localhost:9092"


def test_a_setting_that_the_client_does_not_know_is_told_before_anything_runs():
    """A typing mistake under [kafka.client] is named."""
    settings = client_settings(Kafka(client={"sasl.usrname": "maria"}), group_id="g")

    with pytest.raises(ConfigError, match=r"kafka\.client: .*sasl\.usrname"):
        open_client(Consumer, settings)


def test_a_secret_comes_from_its_file_and_is_in_no_settings(tmp_path):
    """A password that is changed in its file is taken at the next start; settings that are printed don't have it."""
    (tmp_path / "password").write_text("s3cret\n")
    kafka = Kafka(client={"sasl.password_file": str(tmp_path / "password")})

    settings = client_settings(kafka)

    assert settings["sasl.password"] == "s3cret"
    assert "sasl.password_file" not in settings
    assert "s3cret" not in f"{kafka!r}{kafka.model_dump()}"


def test_what_the_client_says_of_its_settings_shows_no_secret():
    """Some libraries repeat what they don't understand."""

    def refuse(settings):
        raise ValueError(f"bad: {settings['sasl.password']}")

    with pytest.raises(ConfigError, match="bad: …") as told:
        open_client(refuse, client_settings(Kafka(client={"sasl.password": "s3cret"})))

    assert told.value.__cause__ is None
    assert "s3cret" not in repr(Kafka(client={"sasl.password": "s3cret"}))


@pytest.mark.parametrize(("given", "expected"), [(None, "andon-press-shop"), ("mine", "mine")])
def test_the_consumer_group_is_named_after_the_site(given, expected):
    """Several sites on one broker don't share a lag."""
    assert group_id(Kafka(group_id=given), "press-shop") == expected


def test_a_broker_that_is_not_there_is_waited_for_in_vain_and_told():
    """The line names the address, the time, the reason and the settings."""
    with pytest.raises(
        SourceError,
        match=r"kafka 127\.0\.0\.1:1: no broker answered within 0\.5 s \(.*refused.*kafka\.bootstrap_servers",
    ):
        wait_for_topics(Kafka(bootstrap_servers="127.0.0.1:1"), ["any"], wait_s=0.5, stop=threading.Event(), hint="")


def test_asked_to_stop_nobody_waits_for_a_broker():
    """Ctrl-C works from the first second on."""
    stop = threading.Event()
    stop.set()

    assert wait_for_topics(Kafka(bootstrap_servers="127.0.0.1:1"), ["any"], wait_s=60, stop=stop, hint="") is None


def test_offsets_that_do_not_come_are_told_with_the_partition():
    """A broker that dies between two questions ends in a message of ours."""
    consumer = Answers(KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)))

    with pytest.raises(SourceError, match=r"kafka readings/0: its offsets can't be had \(.*[Aa]uthorization"):
        available(consumer, [Partition("readings", 0)])


def test_a_partition_that_has_no_leader_yet_is_asked_again():
    """A start right after the broker's own start isn't an error."""
    consumer = Answers(KafkaException(KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION)), (3, 9))

    assert available(consumer, [Partition("readings", 0)]) == {Partition("readings", 0): Available(3, 9)}


class Answers:
    """A consumer that answers so, one after the other."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def get_watermark_offsets(self, _partition, timeout, *, cached):
        """As there."""
        assert timeout > 0
        assert not cached
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
