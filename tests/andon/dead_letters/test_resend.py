"""What is sent in again, what isn't, and what is remembered of it."""

from dataclasses import dataclass
from threading import Event

import pytest
from confluent_kafka import KafkaError, KafkaException

from andon.dead_letters.letters import Origin
from andon.dead_letters.resend import Memory, Sender, plan_of, send
from andon.dead_letters.resent import Resent
from contracts.errors import SinkError, SourceError
from contracts.readings import Reason, Reject
from contracts.settings import Commands, Kafka, Settings
from dataflows.kafka_sink import dead_letter

SETTINGS = Settings()


@dataclass
class Record:
    """A record of the dead-letter topic, as the client hands it out."""

    at: tuple[int, int]
    raw_key: bytes | None
    raw_value: bytes | None
    raw_headers: list

    def headers(self):
        """As they were written."""
        return self.raw_headers

    def key(self):
        """The original one."""
        return self.raw_key

    def value(self):
        """The original one."""
        return self.raw_value

    def partition(self):
        """Of the letter."""
        return self.at[0]

    def offset(self):
        """Of the letter."""
        return self.at[1]

    def timestamp(self):
        """In the order of the offsets."""
        return (1, 1_000 + self.at[1])


def letter(offset, *, of=None, reason=Reason.BAD_VALUE, topic="readings", value=b"{}", partition=0):
    """A letter at this offset, of the message at offset `of` (its own by default)."""
    origin = offset if of is None else of
    reject = Reject(
        reason=reason, detail="", key=b"press", value=value, topic=topic, partition=partition, offset=origin
    )
    return Record((0, offset), *dead_letter([reject]))


class Broker:
    """Takes messages as a producer does; from some message on it refuses."""

    def __init__(self, *, takes=10**6, queue=10**6):
        self.taken = []
        self.flushes = 0
        self._takes, self._queue_max = takes, queue
        self._queue = []

    def __call__(self, configuration):
        """Opened as a producer."""
        assert configuration["acks"] == "all"
        assert configuration["enable.idempotence"] == "true"
        return self

    def produce(self, topic, value, key, *, on_delivery, partition=None):
        """Queue it."""
        if len(self._queue) >= self._queue_max:
            raise BufferError
        self._queue.append((on_delivery, (topic, partition, key, value)))

    def poll(self, _timeout):
        """Deliver the queue."""
        for on_delivery, message in self._queue:
            self._takes -= 1
            if self._takes >= 0:
                self.taken.append(message)
                on_delivery(None, None)
            else:
                on_delivery(KafkaError(KafkaError._MSG_TIMED_OUT), Refused())
        self._queue.clear()

    def flush(self, timeout):
        """Deliver the queue; nothing is left."""
        self.flushes += 1
        self.poll(timeout)
        return 0


class Refused:
    """A message that wasn't delivered."""

    def topic(self):
        """Where it should have gone."""
        return "readings"


class Resending:
    """One dead-letter partition over several resends."""

    def __init__(self, *records, letters_max=100, batch_letters_max=100):
        self._letters_max, self._batch_letters_max = letters_max, batch_letters_max
        self.records = list(records)
        self.resent = {0: Resent()}
        self.commits = []
        self.stop = Event()

    def plan(self, *, reason=None, again=False):
        """What would be sent."""
        return plan_of(
            self.records,
            settings=SETTINGS,
            resent={} if again else self.resent,
            reason=reason,
            letters_max=self._letters_max,
        )

    def run(self, broker=None, *, reason=None, again=False):
        """Plan and send; the values that arrived."""
        broker = broker or Broker()
        plan = self.plan(reason=reason, again=again)
        sender = Sender(SETTINGS, partition_counts={"readings": 4, "andon.commands": 1}, open_producer=broker)
        send(
            iter(self.records),
            plan,
            sender=sender,
            resent=self.resent,
            reason=reason,
            commit=self.commit,
            stop=self.stop,
            batch_letters_max=self._batch_letters_max,
        )
        return [value for *_, value in broker.taken]

    def commit(self, resent):
        """As the broker would keep it."""
        self.commits.append(resent[0].text())
        self.resent = {0: Resent.restore(self.commits[-1])}


def test_each_message_goes_back_to_its_topic_with_its_own_key_and_value():
    """What was refused comes in as it was sent the first time."""
    broker = Broker()
    resending = Resending(
        letter(0, value=b"\xff\x00", partition=2), letter(1, topic="andon.commands", reason=Reason.BAD_COMMAND)
    )

    resending.run(broker)

    assert broker.taken == [("readings", 2, b"press", b"\xff\x00"), ("andon.commands", 0, b"press", b"{}")]


@pytest.mark.parametrize("accept", ["signed", "none"])
def test_a_command_is_not_sent_again_where_who_gives_it_signs_it(accept):
    """Whoever sends a forged command again would sign it."""
    records = [letter(0), letter(1, topic="andon.commands", reason=Reason.BAD_SIGNATURE)]
    settings = Settings(commands=Commands(accept=accept, keys_file="keys"))

    plan = plan_of(records, settings=settings, resent={}, reason=None)

    assert plan.commands == 1
    assert [place.offset for place in plan.send] == [0]


def test_a_partition_that_is_no_more_is_left_to_the_key():
    """A topic that was made anew with fewer partitions can still be sent to."""
    broker = Broker()

    Resending(letter(0, partition=9)).run(broker)

    assert broker.taken == [("readings", None, b"press", b"{}")]


def test_a_message_with_several_letters_is_sent_once():
    """A message of many values, refused for two reasons, isn't doubled."""
    resending = Resending(letter(0, of=5), letter(1, of=5, reason=Reason.BAD_NAME), letter(2, of=6))

    plan = resending.plan()

    assert plan.send == {(0, 0), (0, 2)}
    assert plan.topics == {"readings": 2}
    assert plan.reasons == {"bad_value": 2}
    assert plan.oldest_ms == 1_000


def test_a_second_resend_sends_only_what_is_new():
    """Whoever presses the key twice sends nothing twice."""
    resending = Resending(letter(0, value=b"a"), letter(1, value=b"b"))
    first = resending.run()
    resending.records.append(letter(2, value=b"c"))

    second = resending.run()

    assert first == [b"a", b"b"]
    assert second == [b"c"]
    assert resending.plan().already == 3


def test_again_sends_everything_once_more():
    """When the mending was wrong, the letters aren't lost."""
    resending = Resending(letter(0, value=b"a"))
    resending.run()

    assert resending.run(again=True) == [b"a"]
    assert resending.run() == []


def test_letters_of_another_reason_can_be_sent_later():
    """One cause is mended today, the other one tomorrow."""
    resending = Resending(letter(0, value=b"a"), letter(1, value=b"b", reason=Reason.BAD_NAME))

    first = resending.run(reason="bad_name")
    second = resending.run()

    assert first == [b"b"]
    assert second == [b"a"]


def test_a_message_sent_for_one_reason_is_not_sent_for_its_other_one():
    """It went in whole the first time."""
    resending = Resending(letter(0, of=5), letter(1, of=5, reason=Reason.BAD_NAME))
    resending.run(reason="bad_name")

    plan = resending.plan()

    assert plan.send == set()
    assert plan.already == 1


def test_a_letter_that_came_after_its_message_was_sent_is_passed_over():
    """The second letter of a message may be written a moment after the resend has looked."""
    resending = Resending(letter(0, of=5))
    resending.run()
    resending.records.append(letter(1, of=5, reason=Reason.BAD_NAME))

    assert resending.plan().send == set()


def test_older_letters_can_still_be_sent_after_newer_ones():
    """The last hour first, the rest of the day when that went well."""
    older, newer = letter(0, value=b"old"), letter(1, value=b"new")
    resending = Resending(newer)

    first = resending.run()
    resending.records = [older, newer]
    second = resending.run()

    assert first == [b"new"]
    assert second == [b"old"]


def test_a_message_that_was_cut_is_named_and_never_sent_also_the_second_time():
    """Half a message isn't sent as if it were one."""
    resending = Resending(letter(0, value=b"x" * 1_000_000))

    assert resending.run() == []
    assert resending.plan().cut == {Origin("readings", 0, 0)}
    assert resending.plan().already == 0


def test_letters_of_topics_that_are_not_in_the_settings_are_not_sent():
    """A header that anybody can write chooses no topic."""
    plan = Resending(letter(0, topic="payroll"), letter(1, topic="andon.alerts")).plan()

    assert plan.send == set()
    assert plan.foreign == {"payroll": 1, "andon.alerts": 1}


def test_letters_of_a_topic_that_andon_only_reads_are_not_sent():
    """A hub's own topic has other readers, and nothing is written to it."""
    settings = Settings(kafka=Kafka(readings=("readings", "umh.messages"), formats={"umh.messages": "umh"}))

    plan = plan_of([letter(0), letter(1, topic="umh.messages")], settings=settings, resent={}, reason=None)

    assert [place.offset for place in plan.send] == [0]
    assert plan.foreign == {"umh.messages": 1}


def test_records_of_somebody_else_are_counted_and_not_sent():
    """As a console producer would write them."""
    plan = Resending(Record((0, 0), b"key", b"value", None)).plan()

    assert plan.send == set()
    assert plan.unreadable == 1


def test_a_message_that_is_not_delivered_ends_the_resend_and_is_tried_again_next_time():
    """What the brokers confirmed is remembered, what they didn't isn't."""
    resending = Resending(*(letter(offset, value=b"%d" % offset) for offset in range(5)), batch_letters_max=2)

    with pytest.raises(SinkError, match=r"kafka readings: a message wasn't delivered .*time"):
        resending.run(Broker(takes=3))

    assert resending.run() == [b"2", b"3", b"4"]


def test_a_full_queue_is_waited_for():
    """A large resend doesn't outrun the broker."""
    resending = Resending(*(letter(offset) for offset in range(50)))

    assert len(resending.run(Broker(queue=10))) == 50


def test_a_stop_ends_it_and_the_rest_is_sent_next_time():
    """Ctrl-C in the middle costs nothing."""
    resending = Resending(*(letter(offset, value=b"%d" % offset) for offset in range(3)))
    resending.stop.set()
    first = resending.run()
    resending.stop.clear()

    second = resending.run()

    assert first == [b"0"]
    assert second == [b"1", b"2"]


def test_a_resend_has_a_bound_and_says_that_there_is_more():
    """A million letters are sent in several calls, not in all of the memory."""
    resending = Resending(*(letter(offset, value=b"%d" % offset) for offset in range(5)), letters_max=3)

    plan = resending.plan()
    first = resending.run()

    assert plan.more
    assert first == [b"0", b"1", b"2"]


class Group:
    """A consumer that only commits; its broker needs some time to begin."""

    def __init__(self, *faults):
        self.faults = list(faults)
        self.offsets = None

    def __call__(self, configuration):
        """Opened as a consumer."""
        assert configuration["group.id"] == "andon-plant-1-resend"
        return self

    def committed(self, asked, timeout):
        """What was committed."""
        assert timeout > 0
        if self.faults:
            raise KafkaException(KafkaError(self.faults.pop(0)))
        return self.offsets or asked

    def commit(self, *, offsets, asynchronous):
        """Keep it."""
        assert not asynchronous
        self.offsets = offsets

    def get_watermark_offsets(self, _asked, timeout, *, cached):
        """Retention has taken the first five letters."""
        assert timeout > 0
        assert not cached
        return (5, 100)


def test_what_was_resent_is_kept_by_the_broker_and_what_is_gone_is_forgotten():
    """Another machine, and another person, knows it too."""
    group = Group(KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
    memory = Memory(SETTINGS, open_consumer=group)
    resent = memory.load(2)
    resent[1].add(3, 9, reason=None)

    memory.save(resent)

    assert [(at.partition, at.offset) for at in group.offsets] == [(0, 0), (1, 9)]
    assert Memory(SETTINGS, open_consumer=group).load(2)[1].text() == '{"*":[[5,9]]}'


def test_a_group_that_may_not_be_used_is_named():
    """A missing right can be given."""
    memory = Memory(SETTINGS, open_consumer=Group(KafkaError.GROUP_AUTHORIZATION_FAILED))

    with pytest.raises(SourceError, match="group andon-plant-1-resend, which remembers what was resent, can't be used"):
        memory.load(1)
