"""The assets of one key group that have several sensors: each has a group monitor, and tells of incidents.

    asset_row.py    windows side by side, as rows
    group.py        do the sensors go together as they always have?
    consensus.py    are many of them strange in themselves?
    incident.py     both: that is told
    here            whose sensors belong together, where all of it is kept, and the words

A sensor that its group judges is *served*: it raises its own alarm state by rank (policy.py), and is evidence. Only
who isn't served tells of itself: while the group warms, while the sensor joins, when it is silent or alone out of
service. What was told is told to be over, whoever serves by then.

Windows of an asset count from when two of its sensors have closed one. Of more than 64 sensors the first 64 to come
are watched together; the others aren't served.

Cost: 800 bytes an asset and 8 (3 p^2 + 14 p), of which some 400 and half of the rest are saved; see the files.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.alerts import alert_id
from contracts.commands import Verdict
from contracts.findings import Expected, Finding, Kind, Share, Window
from contracts.readings import Rows
from detectors import asset_row, consensus, group, incident, policy, trace
from detectors.compiled import Record, compiled, inlined
from detectors.records import CAPACITY_MIN, adopted, copied, grown

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from contracts.commands import Command
    from contracts.readings import Reject
    from contracts.settings import Anomaly

__all__ = ["GROUP", "TOLD_PER_WINDOW_MAX", "Arrays", "Assets", "enter"]

GROUP = np.dtype(
    [
        ("rows", np.int64),  # that were judged
        ("row", asset_row.ROW),
        ("monitor", group.STATE),
        ("consensus", consensus.STATE),
        ("incident", incident.STATE),
        ("policy", policy.STATE),
        ("offset", np.int64),  # where its floats begin
        ("p", np.int32),  # sensors that it has room for
        ("met", np.int32),  # sensors that have closed a window
        ("paused", np.uint8),  # the newest row wasn't learned
    ],
    align=True,
)

CONFIG = np.dtype(
    [
        ("window_s", np.float64),  # 0: the learned interval
        ("alarms_per_week", np.float64),
        ("ranked", np.uint8),
    ],
    align=True,
)

TOLD = np.dtype(
    [
        ("window", np.int64),  # index of the one that completed the row
        ("onset", np.int64),  # ms since the epoch
        ("start", np.int64),  # of the row
        ("end", np.int64),
        ("rows", np.int64),  # judged before, or while it lasted
        ("score", np.float64),  # A
        ("apart", np.float64),  # L_g
        ("agreed", np.float64),  # L_c
        ("alone", np.float64),  # L_1
        ("t", np.float64),  # by its limit
        ("q", np.float64),  # by its limit
        ("h", np.float64),  # by its limit
        ("threshold", np.float64),  # of A
        ("raised_by", np.float64),  # of it, by people
        ("group", np.int32),
        ("what", np.int32),  # of incident.py
        ("count", np.int32),  # readings in the row
        ("active", np.int32),  # sensors in alarm
        ("shares", np.float32, (group.SENSORS_MAX,)),
    ],
    align=True,
)

TOLD_MAX = 64
TOLD_PER_WINDOW_MAX = 3
"""A window can complete two rows; and an incident that is abandoned ends before them."""

BEFORE_H = 3
"""Version of the saved states whose groups had no H."""

SHARES_MAX = 32
"""Sensors that a finding names: more than a person reads."""
SHARE_MIN = 0.005

_ENDED_BY = {
    incident.ENDED_CALM: "calm",
    incident.ENDED_HELD: "held",
    incident.ENDED_ABANDONED: "another model",
}

_FRESH = np.zeros((), GROUP)
asset_row.fresh(_FRESH["row"])
group.fresh(_FRESH["monitor"])
consensus.fresh(_FRESH["consensus"])
policy.fresh(_FRESH["policy"])


class Arrays(NamedTuple):
    """What the kernel reads and writes."""

    members: Rows
    """dtype asset_row.MEMBER, by slot."""
    groups: Rows
    """dtype GROUP."""
    configs: Rows
    """dtype CONFIG, by group."""
    places: NDArray[np.int32]
    """Slots of the sensors, by group; shape (groups, SENSORS_MAX)."""
    floats: NDArray[np.float64]
    told: Rows
    """dtype TOLD."""
    traced: Rows
    """dtype trace.TRACE, long enough for all rows; or empty where nobody wants it."""


class Assets:
    """State of the assets of one key group."""

    def __init__(self) -> None:
        self._members = np.zeros(CAPACITY_MIN, asset_row.MEMBER)
        self._groups = np.zeros(CAPACITY_MIN, GROUP)
        self._configs = np.zeros(CAPACITY_MIN, CONFIG)
        self._places = np.zeros((CAPACITY_MIN, group.SENSORS_MAX), np.int32)
        self._floats = np.zeros(CAPACITY_MIN)
        self._used = 0  # floats
        self._told = np.zeros(TOLD_MAX, TOLD)
        self._slots: dict[str, list[int]] = {}  # of the sensors that belong together, by asset
        self._sensors: list[str] = []  # by slot; "": none that belongs to a group
        self._number: dict[str, int] = {}  # of the group, by asset
        self._names: list[tuple[str, None]] = []  # by number, as tracers want them
        self._wanted: dict[str, tuple[float, float, bool]] = {}  # configs, by asset
        self._unsettled: set[int] = set()  # groups that have more sensors than room
        self.beyond = 0
        """Sensors that came when their asset had as many as are watched together."""

    # ----------------------------------------------------------------------------------------------------------- names

    def make_room(self, slots: int) -> None:
        """There are so many series now, whatever they belong to."""
        self._members = grown(self._members, slots)
        self._sensors += [""] * (slots - len(self._sensors))

    def meet(self, slot: int, asset: str, sensor: str, anomaly: Anomaly, *, window_s: float) -> None:
        """A sensor that is watched together with the others of its asset, by the settings of the first of them."""
        self._wanted.setdefault(asset, (window_s, anomaly.false_alarms_per_week, anomaly.policy == "ranked"))
        slots = self._slots.setdefault(asset, [])
        if len(slots) == group.SENSORS_MAX:
            self.beyond += 1
            return
        self._sensors[slot] = sensor
        slots.append(slot)
        number = self._number.get(asset)
        if number is None:
            if len(slots) > 1:
                self._found(asset)
            return
        self._join(number, slot)

    def _found(self, asset: str) -> int:
        """Make a group of the sensors that the asset has."""
        number = self._number[asset] = len(self._names)
        self._names.append((asset, None))
        self._groups, self._configs = grown(self._groups, number + 1), grown(self._configs, number + 1)
        if len(self._places) < len(self._groups):
            places = np.zeros((len(self._groups), group.SENSORS_MAX), np.int32)
            places[: len(self._places)] = self._places
            self._places = places
        self._groups[number] = _FRESH
        self._configs[number] = self._wanted.get(asset, (0.0, 1.0, False))
        for slot in self._slots.setdefault(asset, []):
            self._join(number, slot)
        return number

    def _join(self, number: int, slot: int) -> None:
        member = self._members[slot]
        member["group"] = number + 1
        member["counted"] = member["met"]
        self._groups[number]["met"] += member["met"]
        slots = self._slots[self._names[number][0]]
        self._places[number, : len(slots)] = slots
        self._unsettled.add(number)

    def settle(self) -> None:
        """Make room for the sensors that were met since the last time."""
        for number in sorted(self._unsettled):
            state = self._groups[number]
            before, after = int(state["p"]), len(self._slots[self._names[number][0]])
            held = self._floats[state["offset"] : state["offset"] + group.room(before)]
            larger = group.moved(held, before, after)
            self._floats = grown(self._floats, self._used + len(larger))
            self._floats[self._used : self._used + len(larger)] = larger
            state["offset"], state["p"] = self._used, after
            self._used += len(larger)
        if self._unsettled:
            self._unsettled.clear()
            self._tidy()

    def _tidy(self) -> None:
        """Close the gaps that groups left when they grew, once they are half of all."""
        needed = sum(group.room(int(p)) for p in self._groups["p"][: len(self._names)])
        if self._used > 2 * needed:
            self._floats, self._used = self._packed(), needed

    def _packed(self) -> NDArray[np.float64]:
        """A copy of all floats in the order of the groups; their offsets follow."""
        parts: list[NDArray[np.float64]] = []
        offset = 0
        for state in self._groups[: len(self._names)]:
            size = group.room(int(state["p"]))
            parts.append(self._floats[state["offset"] : state["offset"] + size])
            state["offset"] = offset
            offset += size
        return np.concatenate([*parts, np.zeros(CAPACITY_MIN)])

    # ------------------------------------------------------------------------------------------------- people, progress

    def feedback(self, command: Command) -> Reject | list[int] | None:
        """Take a person's word on the newest incident of an asset, as windows.py says of a series' anomaly.

        Returns: the slots of the sensors in whose alarms the same word is to be taken; or why it can't be taken; or
        None if the alert is about no incident.
        """
        number = self._number.get(command.asset)
        if number is None:
            return None
        state = self._groups[number]
        newest, threshold = state["incident"], state["policy"]
        begun = newest["status"] != incident.OVER or newest["held"] > 0
        onset = int(newest["onset"])
        alert = alert_id(asset=command.asset, sensor=None, kind=Kind.ANOMALY, rule="asset", onset_ts=onset)
        if not begun or command.alert_id != alert:
            return None
        if command.verdict is Verdict.TRUE_ALARM:
            return self._confirm(state, command)
        if command.verdict is Verdict.FALSE_ALARM:
            policy.raise_by_one(threshold)
        elif threshold["raised_by"] == 0 and not newest["confirmed"]:
            return command.refused("nothing was said of this asset that could be taken back")
        else:
            threshold["raised_by"] = 0.0
        newest["confirmed"] = 0
        return []

    def _confirm(self, state: Record, command: Command) -> Reject | list[int]:
        newest = state["incident"]
        if newest["status"] != incident.ACTIVE:
            return command.refused("the anomaly is over, what came after it is learned already; say it while it lasts")
        if newest["confirmed"]:
            return []
        newest["confirmed"] = 1
        group.forget_alarm(state["monitor"])
        return [slot for slot in self._slots[command.asset] if self._members[slot]["active"]]

    def warming(self) -> list[tuple[str, int, int]]:
        """Assets whose group doesn't judge yet: name, rows seen, rows needed."""
        found = []
        for (asset, _), state in zip(self._names, self._groups, strict=False):
            seen, needed = group.progress(state["monitor"])
            if needed and state["met"] > 1:
                found.append((asset, seen, needed))
        return found

    def confirmed(self) -> list[str]:
        """Assets that don't learn because a person has called their incident true."""
        confirmed = self._groups["incident"]["confirmed"][: len(self._names)]
        return [self._names[number][0] for number in np.flatnonzero(confirmed).tolist()]

    def adjusted(self) -> list[tuple[str, float]]:
        """Assets whose threshold people have raised, and by how much."""
        raised_by = self._groups["policy"]["raised_by"][: len(self._names)]
        return [(self._names[number][0], float(raised_by[number])) for number in np.flatnonzero(raised_by).tolist()]

    # ---------------------------------------------------------------------------------------------------- saved state

    def snapshot(self) -> dict[str, Any]:
        """Plain data: numpy arrays (copies) and built-in types."""
        count = len(self._names)
        groups = copied(self._groups[:count])
        lasting = [group.lasting(one["monitor"], int(one["p"])) for one in groups]
        places = [first + places for first, places in zip(groups["offset"], lasting, strict=True)]
        groups["offset"] = np.cumsum([0, *map(len, lasting)])[:count]
        return {
            "members": copied(self._members[: len(self._sensors)]),
            "groups": groups,
            "group_assets": [asset for asset, _ in self._names],
            "group_slots": [list(self._slots[asset]) for asset, _ in self._names],
            "group_lasting": self._floats[np.concatenate([np.zeros(0, np.int64), *places])],
        }

    def recall_members(self, saved: Rows) -> None:
        """Go on with what was known of each series; before they are met again.

        Args:
            saved: dtype asset_row.MEMBER or an older one, by slot.
        """
        self._members = adopted(saved, asset_row.MEMBER)
        self._members["group"] = self._members["counted"] = 0

    def recall_groups(self, saved: dict[str, Any], afresh: Container[int]) -> list[str]:
        """Go on with what the groups had learned; once all sensors are met that the settings of now put together.

        Args:
            afresh: slots of sensors that are not what they were.

        Returns: assets whose sensors are others now, so that what is known of their company starts afresh.
        """
        self.settle()
        groups = adopted(saved["groups"], GROUP)
        changed: list[str] = []
        for before, (asset, slots) in enumerate(zip(saved["group_assets"], saved["group_slots"], strict=True)):
            number = self._number.get(asset)
            if number is None:
                if groups[before]["incident"]["status"] == incident.OVER:
                    continue
                number = self._found(asset)  # for whoever of its sensors speaks next: it has to end
                self._members["group"][slots] = number + 1
                self._members["counted"][slots] = 1
            state, offset = self._groups[number], int(self._groups[number]["offset"])
            now = self._slots[asset]
            if now == slots and not any(slot in afresh for slot in slots):
                self._groups[number] = groups[before]
                state["offset"] = offset
                floats = _recalled(saved, state["monitor"], int(groups[before]["offset"]), len(slots))
                self._floats[offset : offset + len(floats)] = floats
                continue
            changed.append(asset)
            state["incident"] = groups[before]["incident"]
            state["incident"]["confirmed"] = 0
            if state["incident"]["status"] != incident.OVER:
                state["incident"]["status"] = incident.ABANDONED
            for slot in {*slots, *now}:
                self._members[slot]["served"] = 0
        return changed

    # --------------------------------------------------------------------------------------------------------- judging

    def arrays(self, windows: int, *, traced: bool) -> Arrays:
        """What the kernel needs for so many windows."""
        rows = np.zeros(2 * windows if traced else 0, trace.TRACE)
        return Arrays(self._members, self._groups, self._configs, self._places, self._floats, self._told, rows)

    @property
    def names(self) -> Sequence[tuple[str, str | None]]:
        """Of the assets that are judged as a whole, by number."""
        return self._names

    def finding(self, told: Record, source: str) -> Finding:
        """The words for what the kernel told."""
        number, what = int(told["group"]), int(told["what"])
        asset, _ = self._names[number]
        begins, abandoned = what == incident.BEGINS, what == incident.ENDED_ABANDONED
        evidence: dict[str, float | int | str | None] = {"family": "group"}
        if not abandoned:
            evidence |= {"t2": float(told["t"]), "spe": float(told["q"]), "one": float(told["h"])}
            evidence |= {"group": float(told["apart"]), "consensus": float(told["agreed"])}
            evidence |= {"loudest": float(told["alone"])}
        if begins:
            evidence |= {"policy": "ranked" if self._configs[number]["ranked"] else "budget"}
            evidence |= {"threshold": float(told["threshold"]), "sensors_in_alarm": int(told["active"])}
            if told["raised_by"] > 0:
                evidence["threshold_raised"] = float(told["raised_by"])
            evidence["windows"] = int(told["rows"])
        else:
            evidence |= {"ended_by": _ENDED_BY[what], "windows_held": int(told["rows"])}
        return Finding(
            asset=asset,
            sensor=None,
            kind=Kind.ANOMALY,
            rule="asset",
            active=begins,
            onset_ts=int(told["onset"]),
            ts=int(told["end"]),
            value=None,
            expected=Expected(),
            score=None if abandoned else float(told["score"]),
            rank=None if abandoned else max(float(told["t"]), float(told["q"]), float(told["h"])),
            contributions=self._shares(number, told["shares"]),
            evidence=evidence,
            window=Window(int(told["start"]), int(told["end"]), int(told["count"])),
            source=source,
        )

    def _shares(self, number: int, shares: Rows) -> tuple[Share, ...]:
        """Who has a part in it, the largest first; small parts are left out, and the others sum to 1."""
        slots = self._places[number, : self._groups[number]["p"]]
        largest = np.argsort(-shares[: len(slots)], kind="stable")[:SHARES_MAX]
        largest = largest[shares[largest] >= SHARE_MIN]
        total = float(shares[largest].sum())
        return tuple(Share(self._sensors[slots[place]], float(shares[place]) / total) for place in largest.tolist())


def _recalled(saved: dict[str, Any], monitor: Record, first: int, p: int) -> NDArray[np.float64]:
    """The floats of a group, which begin at `first` in what was saved; those of old states become what they are now."""
    if "group_lasting" in saved:
        lasting = group.lasting(monitor, p)
        floats = np.zeros(group.room(p))
        floats[lasting] = saved["group_lasting"][first : first + len(lasting)]
        return floats
    if saved["version"] == BEFORE_H:
        return group.retold(monitor, saved["group_floats"][first : first + group.room_before(p)], p)
    return np.array(saved["group_floats"][first : first + group.room(p)])


@inlined
def enter(arrays: Arrays, slot: int, window: Record, i: int, active: bool, told: int, traced: int) -> tuple[int, int]:  # noqa: FBT001
    """Take in the window of a sensor that belongs to a group, after it was judged by itself.

    Args:
        i: index of the window.
        active: its own alarm lasts.
        told, traced: lines that are written so far.

    Returns: the same after it.
    """
    member = arrays.members[slot]
    state = arrays.groups[member.group - 1]
    if state.incident.status == incident.ABANDONED:
        told = _abandon(arrays, member.group - 1, window, i, told)
    if member.counted == 0:
        member.counted = 1
        state.met += 1
    if state.met > 1:
        if asset_row.is_ended_by(state.row, window.start):
            told, traced = _judge(arrays, member.group - 1, i, told, traced)
        if asset_row.enter(
            state.row, member, window.mean, window.start, window.end, window.count, window.learn != 0, active
        ):
            told, traced = _judge(arrays, member.group - 1, i, told, traced)
    return told, traced


@compiled
def _judge(arrays: Arrays, number: int, i: int, told: int, traced: int) -> tuple[int, int]:
    """Judge the open row of a group, and learn it."""
    state, config = arrays.groups[number], arrays.configs[number]
    monitor, members = state.monitor, arrays.members
    slots = arrays.places[number, : state.p]
    floats = arrays.floats[state.offset : state.offset + group.room(state.p)]
    before = state.row.taken
    learnable = asset_row.take(state.row, members, slots, state.p)
    learning = learnable and state.incident.confirmed == 0
    policy.age_by_one(state.policy, config.window_s)
    group.judge(monitor, floats, members, slots, learning)
    active, agreed, alone = _ask_sensors(state, members, slots, floats, learning)

    judged = monitor.k > 0
    alarm = monitor.alarm != 0
    apart = t = q = h = strange = 0.0
    if judged:
        apart = group.surprise(monitor)
        t, q = monitor.t_judged / monitor.limit_t, monitor.q_judged / monitor.limit_q
        h = monitor.h_judged / monitor.limit_h
        strange = incident.score(apart, agreed, alone)
    if config.ranked:
        threshold = incident.RANKED + policy.RAISE * state.policy.u + state.policy.raised_by
    else:
        threshold = policy.threshold(state.policy, config.window_s, config.alarms_per_week, 1, state.rows)
        threshold = max(threshold, incident.THRESHOLD_MIN + state.policy.raised_by)
    usual = learning and group.learn(monitor, floats, members, slots)
    what = incident.step(state.incident, state.row.start, strange >= threshold, alarm, active, usual)
    if what == incident.BEGINS:
        state.policy.u += 1.0
    if what != incident.GOES_ON:
        line = arrays.told[told]
        line.window, line.group, line.what = i, number, what
        line.onset, line.start, line.end = state.incident.onset, state.row.start, state.row.end
        line.count, line.active = state.row.count, active
        line.rows = state.rows if what == incident.BEGINS else state.incident.held
        line.score, line.apart, line.agreed, line.alone = strange, apart, agreed, alone
        line.t, line.q, line.h = t, q, h
        line.threshold, line.raised_by = threshold, state.policy.raised_by
        group.shares(monitor, floats, slots.shape[0], line.shares)
        told += 1
    if arrays.traced.shape[0] > 0 and judged:
        record = arrays.traced[traced]
        record.slot, record.start, record.end = number, state.row.start, state.row.end
        record.x = record.low = record.high = record.spike = record.restless = math.nan
        record.s, record.p, record.surprise, record.threshold = max(t, q, h), strange, strange, threshold
        record.z[0], record.z[1], record.z[2], record.z[3] = t, q, apart, agreed
        record.active = 1 if state.incident.status == incident.ACTIVE else 0
        record.raised = 1 if what == incident.BEGINS else 0
        record.learned = 1 if learning else 0
        traced += 1
    if learning:
        if before != asset_row.NEVER:
            policy.learn_interval(state.policy, (state.row.start - before) / 1000.0, max(1, state.rows))
        state.rows += 1
    state.paused = 0 if learning else 1
    return told, traced


@inlined
def _ask_sensors(state: Record, members: Rows, slots: Rows, floats: Rows, learning: bool) -> tuple[int, float, float]:  # noqa: FBT001
    """Say who is served from now on; return how many of them are in alarm, L_c and L_1."""
    active = present = served = 0
    total = loudest = 0.0
    for place in range(state.p):
        member = members[slots[place]]
        member.served = 0
        if member.present == 0:
            continue
        part = group.takes_part(floats, state.p, place)
        if part:
            member.served = 1
            served += 1
            active += member.active
            loudest = max(loudest, float(member.loudest))
        if part or state.monitor.k == 0:
            present += 1
            total += min(max(float(member.surprise), 0.0), consensus.L_MAX)
    agreed = consensus.step(state.consensus, total / max(1, present), learning)
    return active, agreed, incident.alone(loudest, served)


@compiled
def _abandon(arrays: Arrays, number: int, window: Record, i: int, told: int) -> int:
    """End an incident whose asset has other sensors now."""
    state = arrays.groups[number].incident
    state.status, state.confirmed = incident.OVER, 0
    line = arrays.told[told]
    line.window, line.group, line.what = i, number, incident.ENDED_ABANDONED
    line.onset, line.start, line.end, line.count = state.onset, window.start, window.end, window.count
    line.rows, line.active = state.held, 0
    line.score = line.apart = line.agreed = line.alone = line.threshold = line.raised_by = 0.0
    line.t = line.q = line.h = 0.0
    line.shares[:] = 0.0
    return told + 1
