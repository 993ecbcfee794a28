"""What stands, and its changes, reach every screen once and whole."""

import asyncio
from itertools import count

import orjson
import pytest

from andon.table import Table
from console import live as module
from console.live import Live
from console.plant import Clock
from tests.alarm_states import T0, alarm_state
from tests.console.plants import beat, heard, state_record, told


def live_of():
    return Live(Table(), lambda: Clock(T0))


async def some(live, last="", *, events):
    """The first events of a screen, each by itself."""
    found = []
    async for part in live.events(last):
        found += [told(event) for event in part.split(b"\n\n") if event]
        if len(found) >= events:
            return found
    return found


async def until(true):
    """Let others run until it is so."""
    while not true():  # noqa: ASYNC110 - what is waited for is a fact, and nobody's event
        await asyncio.sleep(0.01)


def run(main):
    async def bounded():
        return await asyncio.wait_for(main, 20)

    return asyncio.run(bounded())


def test_a_screen_begins_with_all_that_stands():
    """Whoever opens the page sees what stands, not what happens to change next."""
    live = live_of()
    live.take([beat(), state_record(alarm_state())], complete=True)

    (event,) = run(some(live, events=1))

    data = orjson.loads(event["data"])
    assert event["event"] == "snapshot"
    assert list(data["rows"]) == ["press-1/temp/limit/hh"]
    assert data["rows"]["press-1/temp/limit/hh"]["alert"]["value"] == 97.25
    assert data["health"]["watching"]["state"] == "running"


def test_until_the_topic_is_read_to_its_end_a_screen_is_told_to_wait():
    """Half of what stands would look like all of it."""
    live = live_of()
    live.take([state_record(alarm_state())], complete=False)

    async def main():
        task = asyncio.create_task(live.run())
        events = await some(live, events=1)
        live.take([], complete=True)
        more = await some(live, events=1)
        task.cancel()
        return events + more

    first, then = run(main())
    assert first == {"event": "reading", "data": "{}"}
    assert then["event"] == "snapshot"


def test_changes_go_out_together_and_the_newest_of_each_key_counts():
    """Five hundred changes a second are ten events: an eye follows no more."""
    live = live_of()
    live.take([], complete=True)

    async def main():
        task = asyncio.create_task(live.run())
        (snapshot,) = await some(live, events=1)
        for value in range(50):
            live.take([state_record(alarm_state(value=float(value)))], complete=True)
        live.take(
            [state_record(alarm_state(asset="press-2")), state_record(alarm_state(asset="press-2"), gone=True)],
            complete=True,
        )
        found = await some(live, snapshot["id"], events=2)
        task.cancel()
        return found

    changes = [orjson.loads(event["data"]) for event in run(main()) if event["event"] == "change"]
    assert len(changes) == 1
    assert changes[0]["press-1/temp/limit/hh"]["alert"]["value"] == 49.0
    assert changes[0]["press-2/temp/limit/hh"] is None


def test_a_screen_that_was_away_goes_on_behind_the_last_event_that_it_saw():
    """Nothing is lost between, and nothing is said twice."""
    live = live_of()
    live.take([], complete=True)

    async def main():
        task = asyncio.create_task(live.run())
        (snapshot,) = await some(live, events=1)
        seen = []
        last = snapshot["id"]
        for number in range(5):
            live.take([state_record(alarm_state(asset=f"press-{number}"))], complete=True)
            for _ in count():  # it breaks off after each event
                (event,) = (await some(live, last, events=1))[:1]
                last = event["id"]
                if event["event"] == "change":
                    seen += orjson.loads(event["data"])
                    break
        task.cancel()
        return seen

    assert run(main()) == [f"press-{number}/temp/limit/hh" for number in range(5)]


@pytest.mark.parametrize("last", ["another-7", "nonsense", "-", "-1"])
def test_a_screen_of_a_process_that_is_gone_gets_the_whole_table(last):
    """Numbers of another process mean nothing here: the table does."""
    live = live_of()
    live.take([state_record(alarm_state())], complete=True)

    (event,) = run(some(live, last, events=1))

    assert event["event"] == "snapshot"


def test_a_screen_that_is_too_far_behind_gets_the_whole_table(monkeypatch):
    """The ring is bounded: what fell off it is in the table."""
    monkeypatch.setattr(module, "RING_EVENTS_MAX", 3)
    live = live_of()
    live.take([], complete=True)

    async def main():
        task = asyncio.create_task(live.run())
        (snapshot,) = await some(live, events=1)
        last = snapshot["id"]
        for number in range(8):
            live.take([state_record(alarm_state(asset=f"press-{number}"))], complete=True)
            await until(lambda number=number: f"press-{number}/".encode() in b"".join(live._ring))
        found = await some(live, last, events=1)
        task.cancel()
        return found[0]

    event = run(main())
    assert event["event"] == "snapshot"
    assert len(orjson.loads(event["data"])["rows"]) == 8


def test_a_record_with_line_breaks_is_still_one_event():
    """Whoever else writes to the topic can't tear the stream apart."""
    live = live_of()
    key, body = state_record(alarm_state())
    live.take([type(state_record(alarm_state()))(key, body.replace(b',"', b',\r\n"'))], complete=True)

    (event,) = run(some(live, events=1))

    assert len(orjson.loads(event["data"])["rows"]) == 1


def test_what_cannot_be_read_is_counted_and_what_stood_stands_on():
    """An alarm that vanishes from a screen is worse than an old one."""
    live = live_of()
    key, _ = state_record(alarm_state())
    live.take([state_record(alarm_state()), type(state_record(alarm_state()))(key, b"{")], complete=True)

    assert live.health()["unreadable"] == 1
    assert len(orjson.loads(run(some(live, events=1))[0]["data"])["rows"]) == 1


def test_new_transitions_are_told():
    """The story of an alarm that is open grows while one reads it."""
    live = live_of()
    live.take([], complete=True)
    state = alarm_state()

    async def main():
        task = asyncio.create_task(live.run())
        (snapshot,) = await some(live, events=1)
        live.tell([(heard(state), state.alert)])
        found = []
        while not any(event["event"] == "alerts" for event in found):
            found = await some(live, snapshot["id"], events=2)
        task.cancel()
        return next(event for event in found if event["event"] == "alerts")

    (alert,) = orjson.loads(run(main())["data"])
    assert alert["alert_id"] == state.alert.alert_id
    assert alert["transition"] == "raised"


def test_closing_lets_screens_go():
    """A console that ends doesn't wait for its screens."""
    live = live_of()
    live.take([], complete=True)

    async def main():
        screen = asyncio.create_task(some(live, events=99))
        await until(lambda: live.screens)
        live.close()
        return await screen

    assert [event["event"] for event in run(main())] == ["snapshot"]
    assert live.screens == 0
