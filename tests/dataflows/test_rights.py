"""What andon may do on a broker, by answers that a test makes up; tests/kafka has a real authorizer."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AclOperation

from dataflows.rights import missing_rights


class Late:
    """An answer that doesn't come."""

    def result(self, wait_s):
        """Wait in vain, without waiting."""
        assert wait_s > 0
        raise TimeoutError


def answered(fault=None, **answer):
    """What the client gives for one topic."""
    future = Future()
    if fault is None:
        future.set_result(SimpleNamespace(**answer))
    else:
        future.set_exception(KafkaException(KafkaError(fault)))
    return future


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        (answered(authorized_operations=[AclOperation.READ]), []),
        (answered(authorized_operations=[AclOperation.WRITE]), ["READ of topic readings"]),
        (answered(authorized_operations=None), []),
        (answered(KafkaError.TOPIC_AUTHORIZATION_FAILED), ["READ of topic readings"]),
        (answered(KafkaError._TIMED_OUT), []),
        (Late(), []),
    ],
)
def test_only_what_a_broker_denies_is_missing(answer, missing):
    """One that is old, or doesn't answer in time, is believed to allow it: it says no later."""
    client = SimpleNamespace(describe_topics=lambda *_, **__: {"readings": answer})

    assert missing_rights(client, reads=["readings"], writes=()) == missing
