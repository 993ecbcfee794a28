"""Lanes, with a broker that the test holds in its hands."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError
from structlog.testing import capture_logs

from contracts.errors import SourceError, StateError
from contracts.readings import Block, Reason, Reject, Tick, group_key, group_of
from contracts.settings import Kafka, Service, Settings
from dataflows.happenings import Happenings
from dataflows.lanes import KafkaLanes, LaneSurroundings
from dataflows.standing import Standing
from dataflows.topic_ids import TopicIds
from tests.fake_kafka import EOF, OUT_OF_RANGE, FakeBroker, FakeMessage

READING = b'{"asset":"press","sensor":"temp","ts":1000,"value":1.5}'
HOME = group_key(group_of("press", 128))


class Plant:
    """Lanes on a fake broker, and a clock that a test turns."""

    def __init__(self, partitions=1, *, lanes=1, first=0, end=0, until_caught_up=False, lane="messages", **service):
        self.now_ms = 1_000_000
        there = {("readings", number): (first, end) for number in range(partitions)}
        self.broker = FakeBroker(there, now_ms=lambda: self.now_ms)
        self.happenings = Happenings()
        self.standing = Standing(lanes)
        self.stop = threading.Event()
        self.settings = Settings(kafka=Kafka(), service=Service(lanes=lanes, lane=lane, stale_grace_s=5, **service))
        self.partitions = partitions
        self.until_caught_up = until_caught_up
        self.beats = []
        self.topic_ids = TopicIds()

    def source(self):
        """All lanes."""
        self.surroundings = LaneSurroundings(
            settings=self.settings,
            happenings=self.happenings,
            standing=self.standing,
            stop=self.stop,
            now_ms=lambda: self.now_ms,
            until_caught_up=self.until_caught_up,
            pulse=SimpleNamespace(beat=self.beats.append),
            open_consumer=self.broker.consumer,
            topic_ids=self.topic_ids,
        )
        return KafkaLanes(self.surroundings, partition_counts={"readings": self.partitions})

    def lane(self, number=0, *, saved=None):
        """One lane, opened."""
        return self.source().build_part("lanes", f"lane-{number:02d}", saved)

    def seconds(self, lane, count, *, send=True, **report):
        """Half seconds pass; each time the broker reports and, if it may, a message comes. What the lane said."""
        out = []
        for _ in range(2 * count):
            self.now_ms += 500
            if send:
                self.broker.send("readings", 0, READING, ts_ms=self.now_ms)
            self.broker.report(**report)
            out += lane.next_batch()
        return out

    def leave(self, *, saved=True):
        """The flow is over; a busy machine takes its time to close, longer than a service waits."""
        self.surroundings.leave(saved=saved, wait_s=60)

    def metric(self, name, **labels):
        """The value of a metric."""
        return self.happenings.registry.get_sample_value(name, labels)


def ticks(items):
    return [item for _, item in items if isinstance(item, Tick)]


def rows(items):
    return sum(len(item.rows) for _, item in items if isinstance(item, Block))


def test_messages_come_out_as_blocks_and_rejects():
    """Good readings go to their group, bad ones to the dead letters with their place."""
    plant = Plant()
    plant.broker.send("readings", 0, READING, b"nonsense", READING)

    (key, block), (_, reject) = plant.lane().next_batch()

    assert (key, block.rows["offset"].tolist(), block.sources) == (HOME, [0, 2], ("readings/0",))
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.value, reject.key, reject.offset) == (Reason.NOT_JSON, b"nonsense", b"press", 1)


def test_all_lanes_have_names_whether_they_have_partitions_or_not():
    """Names are what positions are saved under: they depend on the settings alone."""
    plant = Plant(partitions=2, lanes=12)

    assert plant.source().list_parts() == [f"lane-{number:02d}" for number in range(12)]


def test_a_lane_without_partitions_opens_no_connection_and_says_nothing():
    """Twelve lanes on a topic of two partitions are two consumers."""
    plant = Plant(partitions=2, lanes=12)

    lane = plant.lane(5)

    assert lane.next_batch() == []
    assert plant.broker.consumers == []
    assert lane.snapshot() == {"version": 1, "positions": {}, "groups": []}


def test_a_lane_reads_only_its_partitions():
    """Lane l reads the partitions p with p mod lanes = l."""
    plant = Plant(partitions=8, lanes=3)

    plant.lane(1)

    assert plant.broker.consumers[0].assigned == [("readings", number, 0) for number in (1, 4, 7)]


def test_a_snapshot_is_the_next_unread_offset_and_a_lane_resumes_there():
    """After a restart nothing is read twice and nothing is skipped."""
    plant = Plant()
    lane = plant.lane()
    plant.broker.send("readings", 0, READING, READING, b"nonsense")
    lane.next_batch()

    saved = lane.snapshot()
    plant.lane(saved=saved)

    assert saved == {"version": 1, "positions": {"readings/0": 3}, "groups": [HOME]}
    assert plant.broker.consumers[1].assigned == [("readings", 0, 3)]


def test_a_snapshot_before_the_first_message_holds_the_beginning():
    """A lane on a fresh state that saw nothing yet doesn't forget where it stood."""
    assert Plant(first=7, end=9).lane().snapshot()["positions"] == {"readings/0": 7}


def test_positions_of_topics_that_are_not_read_now_are_kept():
    """A topic that leaves the settings for a while is read on from where it was."""
    plant = Plant(end=5)

    saved = plant.lane(saved={"version": 1, "positions": {"old/0": 3, "readings/0": 5}, "groups": []}).snapshot()

    assert saved["positions"] == {"old/0": 3, "readings/0": 5}


def test_a_snapshot_of_an_unknown_version_is_refused_by_name():
    """State of a newer andon isn't guessed at."""
    with pytest.raises(StateError, match=r"lane-00: version 9 is saved, this andon knows 1"):
        Plant().lane(saved={"version": 9, "positions": {}, "groups": []})


def test_the_offsets_of_the_snapshot_before_are_committed():
    """Kafka's own tools show a lag that never runs ahead of the saved state."""
    plant = Plant()
    lane = plant.lane()
    committed = plant.broker.consumers[0].committed
    plant.broker.send("readings", 0, READING)
    lane.next_batch()

    lane.snapshot()
    assert committed == []
    plant.broker.send("readings", 0, READING)
    lane.next_batch()
    lane.snapshot()
    assert committed == [{"readings/0": 1}]
    lane.snapshot()
    lane.snapshot()
    assert committed == [{"readings/0": 1}, {"readings/0": 2}]


@pytest.mark.parametrize(("saved", "committed"), [(True, [{"readings/0": 1}]), (False, [])])
def test_a_lane_that_is_closed_commits_its_last_snapshot_where_that_is_stored_and_lets_go(saved, committed):
    """After a clean stop the tools show no lag that isn't there.

    After a fault a flow goes on from the snapshot before, and nobody may take for read what will be read again.
    """
    plant = Plant()
    lane = plant.lane()
    plant.broker.send("readings", 0, READING)
    lane.next_batch()
    lane.snapshot()

    lane.close()
    plant.leave(saved=saved)

    assert plant.broker.consumers[0].committed == committed
    assert plant.broker.consumers[0].closed


def test_a_lane_that_can_not_be_closed_in_order_says_nothing_of_it():
    """Bytewax closes lanes after errors too; a second error there would abort the process and hide the first."""
    plant = Plant()
    lane = plant.lane()
    plant.broker.consumers[0].close_fault = RuntimeError("already closed")

    lane.close()
    plant.leave()

    assert not plant.broker.consumers[0].closed


def test_a_lane_that_waits_for_a_dead_broker_to_close_is_left_behind():
    """librdkafka waits for ever for the answer to a commit; a service that was asked to stop must not."""
    plant = Plant()
    lane = plant.lane()
    (consumer,) = plant.broker.consumers
    consumer.may_close.clear()

    lane.close()
    plant.surroundings.leave(saved=True)

    assert not consumer.closed
    consumer.may_close.set()


def test_asked_to_stop_a_lane_ends():
    """SIGTERM: the flow takes its last snapshot."""
    plant = Plant()
    lane = plant.lane()
    plant.stop.set()

    with pytest.raises(StopIteration):
        lane.next_batch()


def test_a_lane_hands_out_a_bounded_number_of_bytes_between_two_snapshots():
    """A slow flow isn't flooded: the rest waits in Kafka."""
    plant = Plant(epoch_bytes_max=1024 * 1024, poll_messages_max=10_000)
    lane = plant.lane()
    plant.broker.send("readings", 0, *[READING] * 60_000)

    first = sum(rows(lane.next_batch()) for _ in range(10))
    lane.snapshot()
    second = sum(rows(lane.next_batch()) for _ in range(10))

    assert first == 40_000  # the first multiple of a poll at or above 1 MiB of 32 bytes
    assert second == 20_000


def test_refused_bytes_count_too():
    """A stream of rubbish is bounded like a stream of readings."""
    plant = Plant(epoch_bytes_max=1024 * 1024, poll_messages_max=1)
    lane = plant.lane()
    plant.broker.send("readings", 0, *[b"x" * 600_000] * 5)

    assert sum(len(lane.next_batch()) for _ in range(10)) == 2


def test_no_lane_sleeps_longer_than_five_milliseconds():
    """Each lane gates every snapshot of the whole flow."""
    plant = Plant()
    lane = plant.lane()
    lane.next_batch()

    idle = lane.next_awake()
    assert idle is not None
    assert (idle - datetime.now(UTC)).total_seconds() <= 0.005
    plant.broker.send("readings", 0, *[READING] * 5_000)
    lane.next_batch()
    assert lane.next_awake() is None


def test_a_lane_that_keeps_up_ticks_although_its_partition_never_ends():
    """On a line that never rests there is no moment without messages, and silence is judged all the same."""
    plant = Plant()
    lane = plant.lane()

    said = ticks(plant.seconds(lane, 10))

    assert [(tick.now_ms, tick.after_outage) for tick in said[:2]] == [(1_005_900, True), (1_006_900, False)]
    assert len(said) == 5


def test_ticks_go_to_the_groups_that_the_lane_has_fed_also_after_a_restart():
    """A group that heard its last reading before the restart still learns that time passes."""
    plant = Plant()
    lane = plant.lane()
    plant.seconds(lane, 1)
    resumed = plant.lane(saved=lane.snapshot())

    items = plant.seconds(resumed, 8, send=False)

    assert {key for key, _ in items} == {HOME}
    assert len(ticks(items)) > 1


def test_a_lane_behind_does_not_tick():
    """A backlog is never mistaken for silence."""
    plant = Plant(poll_messages_max=1)
    lane = plant.lane()
    plant.broker.report()
    plant.broker.send("readings", 0, *[READING] * 100)

    assert ticks(plant.seconds(lane, 20, send=False)) == []


def test_ends_that_are_not_known_yet_hold_no_ticks_back_for_good():
    """The first report after a start may come before the first answer."""
    plant = Plant()
    lane = plant.lane()
    plant.seconds(lane, 1)
    there, plant.broker.there = plant.broker.there, {("readings", 0): (0, -1001)}
    plant.seconds(lane, 1, send=False)
    plant.broker.there = there

    assert ticks(plant.seconds(lane, 8, send=False))


def test_with_the_event_clock_there_are_no_ticks():
    """A recording of last year isn't a year of silence."""
    plant = Plant(clock="event")

    assert ticks(plant.seconds(plant.lane(), 20)) == []


def test_after_an_outage_an_excuse_goes_before_the_first_block():
    """What the broker kept from us isn't blamed on the sensors."""
    plant = Plant()
    lane = plant.lane()
    plant.seconds(lane, 8)
    assert ticks(plant.seconds(lane, 8, send=False, idle_s=30)) == []
    plant.broker.report()
    plant.broker.send("readings", 0, READING, ts_ms=plant.now_ms)

    (_, tick), (_, block) = lane.next_batch()

    assert tick == Tick(0, plant.now_ms, after_outage=True)
    assert isinstance(block, Block)
    assert plant.metric("andon_broker_outages_total") == 1


def test_a_broker_that_hangs_and_is_not_missed_yet_makes_nobody_silent():
    """Until its silence is noticed nothing can be read, and that isn't the sensors' silence."""
    plant = Plant()
    lane = plant.lane()
    plant.seconds(lane, 8)
    hangs_ms = plant.now_ms
    said = []
    for step in range(1, 4):
        plant.now_ms += 500
        plant.broker.report(idle_s=0.5 * step)
        said += ticks(lane.next_batch())

    assert all(tick.now_ms <= hangs_ms for tick in said)
    assert plant.metric("andon_broker_outages_total") == 0


def test_a_report_that_waited_is_believed_for_its_own_time_only():
    """On a machine without time to spare, what the broker said seconds ago isn't what is so now."""
    plant = Plant()
    lane = plant.lane()
    plant.seconds(lane, 8)
    plant.broker.report()
    reported_ms = plant.now_ms
    said = []
    for _ in range(3):
        plant.now_ms += 900  # it stands still for less than what drops reports altogether
        said += ticks(lane.next_batch())
        plant.broker.report(idle_s=0.9 + (plant.now_ms - reported_ms) / 1000)

    assert all(tick.now_ms <= reported_ms for tick in said)


def test_a_reader_that_asked_nothing_for_a_while_makes_no_outage():
    """When we are the slow ones, the broker isn't blamed either."""
    plant = Plant()
    lane = plant.lane()
    plant.seconds(lane, 8)

    plant.seconds(lane, 8, idle_s=30, unanswered=0)

    assert plant.metric("andon_broker_outages_total") == 0


def test_lag_is_the_distance_to_the_end_of_each_partition():
    """The metric that operators watch, from what the broker told anyway."""
    plant = Plant(partitions=2, poll_messages_max=3)
    lane = plant.lane()
    plant.broker.send("readings", 1, *[READING] * 10)
    for _ in range(3):
        lane.next_batch()
    plant.broker.waiting.insert(0, plant.broker.report() or plant.broker.waiting.pop())

    lane.next_batch()

    assert plant.metric("andon_consumer_lag_rows", topic="readings", partition="1") == 1
    assert plant.metric("andon_consumer_lag_rows", topic="readings", partition="0") == 0
    assert plant.standing.lanes["lane-00"].lag_rows == {"readings/0": 0, "readings/1": 1}


def test_transaction_marks_at_the_end_of_a_partition_do_not_count_as_unread():
    """Offsets that hold no message are passed when the broker says that the partition ends."""
    plant = Plant(end=7, until_caught_up=True)
    lane = plant.lane()
    plant.broker.fail("readings", 0, EOF, offset=7)

    lane.next_batch()

    assert lane.snapshot()["positions"] == {"readings/0": 7}
    assert plant.stop.is_set()


def test_until_caught_up_all_lanes_stop_together_at_the_ends_of_the_start():
    """A batch job ends once the last lane is through, and not before."""
    plant = Plant(partitions=2, lanes=3, until_caught_up=True)
    plant.broker.send("readings", 0, READING)
    plant.broker.send("readings", 1, READING)
    waiting, plant.broker.waiting = plant.broker.waiting, []
    lanes = [plant.lane(number) for number in range(3)]

    for lane in lanes:
        lane.next_batch()
    assert not plant.stop.is_set()
    for lane, message in zip(lanes, waiting, strict=False):
        plant.broker.waiting = [message]
        lane.next_batch()

    assert plant.stop.is_set()


def test_lost_offsets_in_midstream_stop_with_the_setting_that_decides():
    """Retention that overtakes a reader is never a silent skip."""
    plant = Plant()
    lane = plant.lane()
    plant.broker.there["readings", 0] = (40, 60)
    plant.broker.fail("readings", 0, OUT_OF_RANGE)

    with pytest.raises(SourceError, match=r"readings/0: asked for offset 0, offsets 40 to 60.*on_lost_offsets"):
        lane.next_batch()


def test_lost_offsets_may_be_given_up_in_midstream():
    """With on_lost_offsets = "earliest" the lane goes on with what is there, and counts."""
    plant = Plant(on_lost_offsets="earliest")
    lane = plant.lane()
    plant.broker.there["readings", 0] = (40, 60)
    plant.broker.fail("readings", 0, OUT_OF_RANGE)

    lane.next_batch()

    assert plant.broker.consumers[0].assigned == [("readings", 0, 40)]
    assert plant.metric("andon_offsets_lost_rows_total") == 40


def test_a_passing_fault_is_counted_and_the_lane_goes_on():
    """Librdkafka mends it by itself."""
    plant = Plant()
    lane = plant.lane()
    plant.broker.fail("readings", 0, 5)  # leader not available
    plant.broker.send("readings", 0, READING)

    assert rows(lane.next_batch()) == 1
    assert plant.metric("andon_source_errors_total") == 1


def test_a_fault_that_does_not_pass_ends_the_lane_with_its_place():
    """A topic that was deleted, or rights that were taken away, are told to a person."""
    plant = Plant()
    lane = plant.lane()
    plant.broker.fail("readings", 0, 29)  # topic authorization failed

    with pytest.raises(SourceError, match=r"kafka readings/0: .*[Aa]uthorization"):
        lane.next_batch()


def test_a_topic_that_was_deleted_ends_the_lane_instead_of_being_waited_for():
    """The brokers know it no more: a service that says that it is ready would watch nothing."""
    plant = Plant()
    lane = plant.lane()
    plant.broker.consumers[0].config["error_cb"](KafkaError(KafkaError._UNKNOWN_PARTITION))

    with pytest.raises(SourceError, match=r"isn't there any more: .*andon topics create"):
        lane.next_batch()


def test_partitions_that_were_added_end_the_process_and_are_read_after_a_restart():
    """A supervisor starts it again; with a line in a log alone, nobody would watch the new partitions."""
    plant = Plant()
    lane = plant.lane()
    plant.broker.there["readings", 1] = (0, 5)
    plant.broker.report()

    with pytest.raises(SourceError, match=r"kafka readings: it has 2 partitions now and had 1 at the start"):
        lane.next_batch()

    plant.partitions = 2
    plant.lane(saved=lane.snapshot())
    assert plant.broker.consumers[1].assigned == [("readings", 0, 0), ("readings", 1, 0)]


class Known:
    """Topic ids as a test says them."""

    def __init__(self, told):
        self.told = told
        self.changed = None
        self.looks = []

    def anew(self, saved):
        """Those that differ."""
        return {topic for topic, known in saved.items() if known != self.told}

    def saved(self, before, topics):
        """All that are asked for."""
        return {**before, **dict.fromkeys(topics, self.told)}

    def look(self, now_ms):
        """Note it."""
        self.looks.append(now_ms)


def test_a_topic_that_was_made_anew_and_filled_again_is_not_taken_for_the_old_one():
    """The saved offset is there, and it is another message: readings before it would be passed over without a word."""
    plant = Plant(end=5)
    plant.topic_ids = Known("one")
    saved = plant.lane().snapshot()
    assert saved["topic_ids"] == {"readings": "one"}
    plant.lane(saved=saved)  # the same topic

    plant.topic_ids = Known("another")
    with pytest.raises(SourceError, match=r"readings/0: asked for offset 0, .* made anew"):
        plant.lane(saved=saved)

    plant.settings = plant.settings.model_copy(
        update={"service": plant.settings.service.model_copy(update={"on_lost_offsets": "earliest"})}
    )
    assert plant.lane(saved=saved).snapshot()["topic_ids"] == {"readings": "another"}
    assert plant.metric("andon_offsets_lost_rows_total") == 1, "an SRE is called, though nobody knows how many are gone"


def test_what_a_source_says_while_it_is_opened_is_kept():
    """In a cluster Bytewax's own error says only that a process is gone."""
    plant = Plant(first=10, end=20)
    lanes = plant.source()
    with pytest.raises(SourceError) as told:
        lanes.build_part("lanes", "lane-00", {"version": 1, "positions": {"readings/0": 5}, "groups": []})

    assert lanes._surroundings.faults == [told.value]


def test_what_a_source_says_while_it_reads_is_kept_and_its_end_is_no_fault():
    """The same; a lane that was asked to stop has nothing to say."""
    plant = Plant()
    lanes = plant.source()
    lane = lanes.build_part("lanes", "lane-00", None)
    plant.broker.consumers[0].config["error_cb"](KafkaError(KafkaError._UNKNOWN_PARTITION))
    with pytest.raises(SourceError) as told:
        lane.next_batch()
    plant.stop.set()
    with pytest.raises((StopIteration, SourceError)):
        lane.next_batch()

    assert lanes._surroundings.faults[0] is told.value
    assert all(isinstance(fault, SourceError) for fault in lanes._surroundings.faults)


def test_a_topic_that_is_made_anew_while_it_is_read_ends_the_lane():
    """librdkafka goes on in the new one as if it were the old one."""
    plant = Plant()
    plant.topic_ids = Known("one")
    lane = plant.lane()
    plant.broker.report()
    lane.next_batch()
    assert plant.topic_ids.looks == [plant.now_ms]

    plant.topic_ids.changed = "readings"
    with pytest.raises(SourceError, match=r"kafka readings: it was deleted and made anew meanwhile"):
        lane.next_batch()


@pytest.mark.parametrize("lane", [0, 1])
def test_whenever_a_lane_reads_the_heart_may_beat(lane):
    """A flow that hangs asks no lane, and so has no heartbeat; a lane without partitions is as good as another."""
    plant = Plant(partitions=1, lanes=2)
    opened = plant.lane(lane)
    assert plant.beats == []

    opened.next_batch()
    plant.now_ms += 5
    opened.next_batch()

    assert plant.beats == [1_000_000, 1_000_005]


def test_that_all_is_open_is_told_when_the_commands_are_too():
    """Whoever waits for it and then sends a command can be sure that it is read."""
    plant = Plant(partitions=1, lanes=1)
    plant.standing.commands_open = False

    with capture_logs() as logs:
        plant.lane()

    assert [line["event"] for line in logs] == []


def test_that_what_was_there_at_the_start_is_read_is_noted_once_all_lanes_have_read_it():
    """Commands wait for that: they are about alarms that the backlog raises."""
    plant = Plant(partitions=2, lanes=2)
    plant.broker.there["readings", 0] = (0, 2)
    lanes = [plant.lane(0), plant.lane(1)]
    lanes[1].next_batch()
    assert not plant.standing.all_ended

    plant.broker.waiting.extend(FakeMessage(("readings", 0, offset), READING) for offset in range(2))
    lanes[0].next_batch()

    assert plant.standing.all_ended
    assert not plant.stop.is_set()


def test_a_lane_that_can_not_read_directly_reads_messages_and_says_so():
    """A faster way that isn't there on some machine costs speed, not readings."""
    plant = Plant(lane="direct", partitions=2, lanes=2)
    with capture_logs() as logs:
        lanes = [plant.lane(0), plant.lane(1)]
    plant.broker.send("readings", 0, READING)

    ((key, block),) = [item for lane in lanes for item in lane.next_batch()]

    assert (key, len(block.rows)) == (HOME, 1)
    assert [log for log in logs if log["event"] == "direct lane missed"] == [
        {
            "event": "direct lane missed",
            "log_level": "warning",
            "reason": "the consumer isn't confluent-kafka's",
            "instead": "messages",
        }
    ]
