"""Where reading begins."""

from __future__ import annotations

import pytest

from contracts.errors import SourceError
from dataflows.offsets import Available, Partition, Start, beginnings, partitions_of_lane

P0, P1 = Partition("readings", 0), Partition("readings", 1)
THERE = {P0: Available(100, 200), P1: Available(0, 50)}
STOP = Start("earliest", "stop")


@pytest.mark.parametrize(("fresh", "expected"), [("earliest", {P0: 100, P1: 0}), ("latest", {P0: 200, P1: 50})])
def test_a_fresh_state_begins_where_the_settings_say(fresh, expected):
    """service.start decides, as long as nothing is saved."""
    positions, lost = beginnings(THERE, saved=None, start=Start(fresh, "stop"))

    assert positions == expected
    assert lost == ()


@pytest.mark.parametrize("at", [100, 150, 200])
def test_a_saved_position_is_kept(at):
    """A restart goes on with the next message, also at either end of what is there."""
    positions, _ = beginnings(THERE, saved={"readings/0": at, "readings/1": 0}, start=Start("latest", "stop"))

    assert positions[P0] == at


def test_a_new_partition_is_read_from_its_beginning_even_when_fresh_states_begin_at_the_end():
    """Readings that came into a partition before andon knew it aren't skipped."""
    positions, _ = beginnings(THERE, saved={"readings/0": 150}, start=Start("latest", "stop"))

    assert positions[P1] == 0


@pytest.mark.parametrize(("asked", "why"), [(99, "1 messages expired unread"), (201, "made anew")])
def test_a_lost_position_stops_with_all_that_a_person_needs(asked, why):
    """The message names topic, partition, both offsets and the setting."""
    with pytest.raises(SourceError) as error:
        beginnings(THERE, saved={"readings/0": asked, "readings/1": 0}, start=STOP)

    for part in ("readings/0", str(asked), "100 to 200", why, "service.on_lost_offsets"):
        assert part in str(error.value)


def test_a_position_in_a_topic_that_was_made_anew_is_lost_also_where_it_fits():
    """Offset 150 is there again, and it is another message; a partition that is new itself isn't concerned."""
    with pytest.raises(SourceError) as error:
        beginnings(THERE, saved={"readings/0": 150}, start=STOP, anew={"readings"})

    assert str(error.value) == (
        "kafka: the next messages to read are gone. readings/0: asked for offset 150, offsets 100 to 200 are available "
        '(the topic was deleted and made anew). To go on with what is there, set service.on_lost_offsets = "earliest".'
    )

    positions, lost = beginnings(THERE, saved={"readings/0": 150}, start=Start("latest", "earliest"), anew={"readings"})
    assert positions == {P0: 100, P1: 0}
    assert [(each.partition, each.asked, each.rows) for each in lost] == [(P0, 150, 0)]


def test_all_lost_positions_are_named_at_once():
    """Nobody mends one partition after the other."""
    with pytest.raises(SourceError, match=r"readings/0.*readings/1"):
        beginnings(THERE, saved={"readings/0": 1, "readings/1": 51}, start=STOP)


@pytest.mark.parametrize(("asked", "rows"), [(60, 40), (900, 0)])
def test_a_lost_position_may_be_given_up_and_is_counted(asked, rows):
    """With on_lost_offsets = "earliest" it goes on with what is there, and says what is missing."""
    saved = {"readings/0": asked, "readings/1": 7}

    positions, lost = beginnings(THERE, saved=saved, start=Start("latest", "earliest"))

    assert positions == {P0: 100, P1: 7}
    assert [(each.partition, each.asked, each.rows) for each in lost] == [(P0, asked, rows)]


def test_every_partition_belongs_to_one_lane():
    """However many topics and partitions there are, none is read twice or not at all."""
    counts = {"readings": 8, "more": 13}
    lanes = [partitions_of_lane(lane, lanes=12, counts=counts) for lane in range(12)]

    together = [partition for lane in lanes for partition in lane]

    assert len(together) == len(set(together)) == 21
    assert lanes[0] == (Partition("more", 0), Partition("more", 12), Partition("readings", 0))


def test_more_partitions_move_none_to_another_lane():
    """Partitions may be added to a topic: saved positions still fit."""
    before = partitions_of_lane(3, lanes=4, counts={"readings": 8})
    after = partitions_of_lane(3, lanes=4, counts={"readings": 16})

    assert after[: len(before)] == before
