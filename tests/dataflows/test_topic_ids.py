"""A topic that was deleted and made anew isn't the one that it was, whatever its name says."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException, Uuid

from dataflows.topic_ids import AGAIN_MS, TopicIds

OLD, NEW = Uuid(1, -2), Uuid(3, 4)
OLD_TEXT, NEW_TEXT = "0000000000000001fffffffffffffffe", "00000000000000030000000000000004"


class Admin:
    """Answers what a test says: an id, an error, or nothing yet."""

    def __init__(self, **ids):
        self.ids = ids
        self.asked = 0

    def describe_topics(self, topics, *, request_timeout):  # noqa: D102 - as confluent-kafka says it
        assert request_timeout > 0
        self.asked += 1
        return {name: self._answer(self.ids.get(name)) for name in topics.topic_names}

    def _answer(self, told):
        answer = Future()
        if isinstance(told, int):
            answer.set_exception(KafkaException(KafkaError(told)))
        elif told is not None:
            answer.set_result(SimpleNamespace(topic_id=told))
        return answer


@pytest.fixture
def quick(monkeypatch):
    """A broker that doesn't answer isn't waited for."""
    monkeypatch.setattr("dataflows.topic_ids.ASK_S", 0.01)


def test_an_id_is_saved_beside_what_was_saved_before():
    """Of topics that aren't read now the old ids stay; of those that are the new ones count."""
    ids = TopicIds(Admin(readings=NEW, commands=OLD), ["readings", "commands"])

    assert ids.saved({"readings": OLD_TEXT, "gone": "1"}, ["readings"]) == {"readings": NEW_TEXT, "gone": "1"}


def test_a_topic_is_another_one_when_its_id_is():
    """The same name says nothing."""
    ids = TopicIds(Admin(readings=NEW, commands=OLD), ["readings", "commands"])

    assert ids.anew({"readings": OLD_TEXT, "commands": OLD_TEXT, "gone": "1"}) == {"readings"}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("told", [None, Uuid(0, 0), KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._TIMED_OUT])
def test_a_broker_that_tells_no_id_is_believed(told):
    """It is old, away, or busy: nobody is stopped for that, and what was known is kept."""
    ids = TopicIds(Admin(readings=told), ["readings"])

    assert ids.anew({"readings": OLD_TEXT}) == set()
    assert ids.saved({"readings": OLD_TEXT}, ["readings"]) == {"readings": OLD_TEXT}
    ids.look(0)
    assert ids.changed is None


def test_nobody_is_asked_where_nothing_is_known():
    """Recordings and tests have no broker."""
    ids = TopicIds()

    ids.look(0)

    assert (ids.anew({"readings": OLD_TEXT}), ids.saved({}, ["readings"]), ids.changed) == (set(), {}, None)


def test_a_topic_that_is_made_anew_meanwhile_is_found_by_the_next_question():
    """One question at a time, some seconds apart."""
    admin = Admin(readings=OLD)
    ids = TopicIds(admin, ["readings"])
    ids.look(1_000)
    ids.look(1_500)  # the answer is there: it is the same
    assert (admin.asked, ids.changed) == (2, None)

    admin.ids["readings"] = NEW
    ids.look(1_000 + AGAIN_MS - 1)
    assert admin.asked == 2
    ids.look(1_000 + AGAIN_MS)
    assert (admin.asked, ids.changed) == (3, None)
    ids.look(1_500 + AGAIN_MS)

    assert ids.changed == "readings"


def test_a_topic_that_is_away_meanwhile_is_not_another_one():
    """It was deleted, or its broker is away: who reads it says so."""
    admin = Admin(readings=OLD)
    ids = TopicIds(admin, ["readings"])
    admin.ids["readings"] = KafkaError.UNKNOWN_TOPIC_OR_PART

    ids.look(0)
    ids.look(500)

    assert ids.changed is None


def test_a_question_that_nobody_answers_is_not_asked_again():
    """A broker that hangs isn't heaped with questions; when it answers at last, that counts."""
    admin = Admin(readings=OLD)
    ids = TopicIds(admin, ["readings"])
    waiting = {}
    admin.describe_topics = lambda _topics, **_: waiting.setdefault("asked", {"readings": Future()})
    for moment in range(5):
        ids.look(moment * AGAIN_MS)

    waiting["asked"]["readings"].set_result(SimpleNamespace(topic_id=NEW))
    ids.look(5 * AGAIN_MS)

    assert ids.changed == "readings"


def test_a_clock_that_was_set_back_is_no_reason_to_wait():
    """It is asked at once, and not an hour later."""
    admin = Admin(readings=OLD)
    ids = TopicIds(admin, ["readings"])
    ids.look(3_600_000)
    ids.look(0)

    assert admin.asked == 3
