"""A refusal names what would be right: who gave the command reads nothing else."""

from __future__ import annotations

import pytest

from alarms.lifecycle import Alarms
from contracts.limits import HOLDS_PER_ASSET_MAX
from contracts.settings import AlarmSettings, Settings

from .given import HOUR, MINUTE, NOON, SETTINGS, command, limit, raised, refusal

OTHER = "0" * 32


@pytest.mark.parametrize("verb", ["acknowledge", "unshelve", "suppress", "unsuppress"])
def test_an_alert_id_that_does_not_stand_is_answered_with_those_that_do(verb):
    """An id from yesterday's mail is easily mistaken for today's."""
    alarms, identity = raised()

    why = refusal(alarms.obey(command(verb, alert_id=OTHER)))

    assert why == (
        "press-1 has no alarm with this alert_id: 1 of it stand, the newest "
        f"{identity} (press-1 temp limit hh)"
    )  # fmt: skip


def test_of_many_alarms_the_newest_three_are_named():
    """A refusal is one line, also in a storm."""
    alarms = Alarms(SETTINGS)
    for number, (sensor, rule) in enumerate([("temp", "h"), ("temp", "hh"), ("flow", "h"), ("flow", "hh")]):
        alarms.decide(limit(sensor=sensor, rule=rule, ts=NOON + number))

    why = refusal(alarms.obey(command("acknowledge", alert_id=OTHER)))

    assert [word in why for word in ("4 of it stand", "flow limit hh", "flow limit h)", "temp limit hh")] == [True] * 4
    assert "temp limit h)" not in why


@pytest.mark.parametrize("verb", ["acknowledge", "suppress"])
def test_where_nothing_stands_that_is_the_answer(verb):
    """The alarm went away before the operator came."""
    why = refusal(Alarms(SETTINGS).obey(command(verb, alert_id=OTHER)))

    assert why == "press-1 has no alarm with this alert_id: nothing of it stands now"


def test_acknowledging_twice_names_who_was_first():
    """Two operators, one alarm."""
    alarms, identity = raised()
    alarms.obey(command("acknowledge", alert_id=identity, by="maria"))

    why = refusal(alarms.obey(command("acknowledge", alert_id=identity, by="jo")))

    assert why == "press-1 temp limit hh is acknowledged already by maria"


@pytest.mark.parametrize("until", [NOON, NOON - 1, NOON + 24 * HOUR + 1])
def test_a_shelf_ends_within_what_the_settings_allow(until):
    """A shelf that never ends is an alarm that was switched off."""
    why = refusal(Alarms(SETTINGS).obey(command("shelve", until=until)))

    assert why == (
        f"until must be after the command itself ({NOON}) and at most alarms.shelve_max_h = 24 hours after it "
        f"({NOON + 24 * HOUR})"
    )


def test_the_longest_shelf_that_is_allowed_is_allowed():
    """At the limit, not one past it."""
    settings = Settings(alarms=AlarmSettings(shelve_max_h=0.5))

    assert len(Alarms(settings).obey(command("shelve", until=NOON + 30 * MINUTE))) == 1


@pytest.mark.parametrize(
    ("verb", "done"), [("suppress", "suppressed"), ("out_of_service", "out of service")]
)  # fmt: skip
def test_what_is_held_already_names_by_whom_and_since_when(verb, done):
    """Who wants to end it must know whom to ask."""
    alarms = Alarms(SETTINGS)
    alarms.obey(command(verb, sensor="temp", by="maria"))

    why = refusal(alarms.obey(command(verb, sensor="temp", by="jo")))

    assert why == f"press-1 temp is {done} already, by maria since 2023-11-14 22:13:20 UTC"


def test_a_shelf_may_be_put_in_place_of_another():
    """The work takes longer than was thought."""
    alarms, _identity = raised()
    alarms.obey(command("shelve", until=NOON + HOUR))

    assert len(alarms.obey(command("shelve", until=NOON + 2 * HOUR))) == 3
    assert alarms.tick(NOON + HOUR) == []
    assert len(alarms.tick(NOON + 2 * HOUR)) == 3


@pytest.mark.parametrize(
    ("verb", "done"),
    [("unshelve", "shelved"), ("unsuppress", "suppressed"), ("in_service", "out of service")],
)
def test_ending_what_is_not_held_names_what_is(verb, done):
    """A shelf of the sensor isn't ended by naming the asset."""
    begin = {"unshelve": "shelve", "unsuppress": "suppress", "in_service": "out_of_service"}[verb]
    more = {"until": NOON + HOUR} if verb == "unshelve" else {}
    alarms = Alarms(SETTINGS)

    nothing = refusal(alarms.obey(command(verb)))
    for sensor in ("temp", "flow", "speed", "noise", ""):
        alarms.obey(command(begin, sensor=sensor, **more))
    many = refusal(alarms.obey(command(verb)))

    assert nothing == f"all of press-1 isn't {done}, and nothing else of press-1 is"
    assert many == f"all of press-1 isn't {done}: {done} are press-1 temp, press-1 flow, press-1 speed and 2 more"


def test_an_asset_has_room_for_so_many_holds_and_says_so():
    """A program that shelves in a loop can't fill the memory, and the holds that stand stay as they are."""
    alarms = Alarms(SETTINGS)
    for number in range(HOLDS_PER_ASSET_MAX):
        alarms.obey(command("suppress", sensor=f"s{number}"))

    why = refusal(alarms.obey(command("suppress", sensor="one more")))
    again = alarms.obey(command("shelve", sensor="s0", until=NOON + HOUR))

    assert why.startswith(f"press-1 has {HOLDS_PER_ASSET_MAX} holds, no more are kept")
    assert len(again) == 1
    assert len(alarms.table()) == HOLDS_PER_ASSET_MAX


@pytest.mark.parametrize("ts", [-1, 0, 10**17])
def test_a_command_with_a_broken_timestamp_is_answered(ts):
    """Whoever produces a record may give it any time."""
    alarms = Alarms(SETTINGS)
    told = [alarms.obey(command(verb, ts=ts)) for verb in ("suppress", "suppress", "unsuppress")]
    shelved = alarms.obey(command("shelve", ts=ts, until=NOON))

    assert [len(one) for one in told] == [1, 1, 1]
    assert f"{ts}" in refusal(shelved)
    assert alarms.table() == {}
