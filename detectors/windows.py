"""The learned detectors of one key group: closed windows in, findings about anomalies and drifts out.

Each closed window of a series is judged by what was learned from the windows before it, and then learned: judging.py
says how. Here is all around it: whose windows they are, which settings hold for them, what is saved, and what people
say.

Of an asset with several sensors the whole is judged as well, and once that has warmed up the sensors' own alarms are
evidence and not told: unless `anomaly.per_sensor` says so.

A River model that the settings name takes the place of the families, for a series or for an asset as a whole
(river_model.py, asset_model.py); an asset's model has a row of its own here, beside those of the asset's sensors, which
then alarm no more.

Catches and misses: see the files. Cost: a row of STATE a series, about 0.5 us a window.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from contracts.alerts import alert_id
from contracts.commands import Verdict
from contracts.errors import StateError
from contracts.findings import CLOSED, Closed, Kind, Share
from contracts.settings import Anomaly
from detectors import (
    asset_row,
    calibration,
    combination,
    episode,
    hourly,
    level,
    policy,
    season,
    shape,
    spike,
    spread,
    verdicts,
)
from detectors.asset_model import AssetModel
from detectors.assets import Assets
from detectors.compiled import Record
from detectors.judging import CONFIG, FRESH, OF_SCORES, OUTSIDE, STATE, VALUE_MAX, judge_rows
from detectors.records import CAPACITY_MIN, adopted, grown
from detectors.river_model import RiverModel
from detectors.trace import TRACE, UNJUDGED, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contracts.commands import Command
    from contracts.findings import Finding
    from contracts.readings import Reject, Rows
    from contracts.settings import Settings
    from detectors.river_model import Standardised
    from detectors.trace import Tracer

__all__ = ["VERSION", "Adjusted", "Learning", "Paused", "Restarted", "Warming", "Windows"]

VERSION = 5
"""Of the snapshot. 1 had no word of people in it; 1 and 2 had one family, the level, and knew of no assets; 3 had two
scores that could raise by themselves, and two statistics of an asset, where now there are three of each."""

LISTED_MAX = 100
"""Series that are named in a list: who looks wants to know why, not to read a thousand names."""
VERDICTS = 512

_NO_OUTSIDE = np.zeros(0, OUTSIDE)
_NO_TRACE = np.zeros(0, TRACE)
_NO_SCORE = (math.nan, math.nan, math.nan, math.nan)
_ANOTHER_MODEL = "the settings name another model"
_OTHER_SENSORS = "the settings watch other sensors of it"
_OTHER_MEANING = "a sensor of it has another unit, or windows of another length"


class Learning(NamedTuple):
    """How many series are in which state of learning; those that never closed a window aren't counted."""

    warming: int
    """Their alarms aren't told yet."""
    learning: int
    paused: int
    """The newest window wasn't learned, whatever the state before."""


class Warming(NamedTuple):
    """A series (sensor None: an asset's model) that hasn't seen enough to alarm."""

    asset: str
    sensor: str | None
    seen: int
    needed: int


class Paused(NamedTuple):
    """A series whose newest window wasn't learned."""

    asset: str
    sensor: str | None
    confirmed: bool
    """Because a person has called its alarm true; else because of a reading that isn't learned from."""


class Adjusted(NamedTuple):
    """A series (sensor None: an asset's model) whose threshold people have raised, by calling alarms false."""

    asset: str
    sensor: str | None
    raised_by: float
    """In L."""


class Restarted(NamedTuple):
    """A model that started afresh, and why."""

    asset: str
    sensor: str | None
    reason: str


class _Batch(NamedTuple):
    """The windows of one call, with rows of assets among them where an asset has a model."""

    rows: Rows
    slots: Rows
    outside: Rows
    shares: dict[int, tuple[Share, ...]]
    """Of the assets' rows."""


class Windows:
    """State and judgement of one key group.

    Args:
        settings: which rules apply to whom.
        tracer: is handed what was made of each window.

    Raises: ConfigError, when a series is first met whose settings name an unusable River model.
    """

    def __init__(self, settings: Settings, tracer: Tracer | None = None) -> None:
        self._settings = settings
        self._tracer = tracer
        self._names: list[tuple[str, str | None]] = []
        self._units: list[str | None] = []  # by slot
        self._slot_of_name: dict[tuple[str, str | None], int] = {}
        self._slot_of_number = np.zeros(
            CAPACITY_MIN, np.int32
        )  # plus 1; 0: never named. Numbers are the upstream step's
        self._states = np.zeros(CAPACITY_MIN, STATE)
        self._configs = np.zeros(CAPACITY_MIN, CONFIG)
        self._sharers = np.zeros(CAPACITY_MIN, np.int64)  # who has closed a window, by budget
        self._budget_of: dict[tuple[str, bool], int] = {}
        self._window_s: dict[str, float] = {}  # by asset
        self._river: dict[int, RiverModel] = {}  # by slot
        self._asset_models: dict[int, AssetModel] = {}  # by slot of the asset's row
        self._asset_row_of: dict[int, int] = {}  # sensor's slot to the slot of its asset's row
        self._verdicts = np.zeros(VERDICTS, verdicts.VERDICT)
        self._restarted: list[Restarted] = []
        self._assets = Assets()

    @property
    def restarted(self) -> tuple[Restarted, ...]:
        """Models that couldn't go on from what was saved."""
        return tuple(self._restarted)

    def judge(self, closed: Closed) -> list[Finding]:
        """Judge each window by those before it, then learn it; findings come in the order of the rows.

        Raises: KeyError if a row's slot was never named.
        """
        for number, asset, sensor in closed.names:
            self._name(number, asset, sensor)
        self._assets.settle()
        rows = np.require(closed.rows, CLOSED, ["C", "A", "W"])
        slots = self._slots(rows)
        if not (self._river or self._asset_models):
            return self._run(_Batch(rows, slots, _NO_OUTSIDE, {}), closed.sources)
        # Models learn before the kernel runs. While an alarm is confirmed they must know of its end window by window.
        size = 1 if self._states["episode"]["confirmed"].any() else len(rows)
        findings: list[Finding] = []
        for first in range(0, len(rows), size):
            batch = self._ask_models(rows[first : first + size], slots[first : first + size])
            findings += self._run(batch, closed.sources)
        return findings

    def feedback(self, command: Command) -> Reject | None:
        """Take a person's word on the newest anomaly of a series, or say why it can't be taken.

        false_alarm   the threshold of its series rises (policy.py); a word that it was true is taken back
        true_alarm    while it is active: the mean and variance from before are the normal again, the block of windows
                      that isn't over yet is forgotten, and nothing is learned until the alarm ends (episode.py)
        reset         both words are taken back
        """
        said = self._assets.feedback(command)
        if isinstance(said, list):
            for member in said:
                self._confirm(member, command)
            return None
        if said is not None:
            return said
        slot = self._slot_of_alert(command.asset, command.alert_id)
        if slot is None:
            return command.refused(
                f"{command.alert_id} isn't the newest anomaly of any sensor of {command.asset}: only to that can "
                "something be said"
            )
        state = self._states[slot]
        if command.verdict is Verdict.TRUE_ALARM:
            return self._confirm(slot, command)
        if command.verdict is Verdict.FALSE_ALARM:
            policy.raise_by_one(state["policy"])
        elif state["policy"]["raised_by"] == 0 and not state["episode"]["confirmed"]:
            return command.refused("nothing was said of this series that could be taken back")
        else:
            state["policy"]["raised_by"] = 0.0
        state["episode"]["confirmed"] = 0
        return None

    def learning(self) -> Learning:
        """How many series warm up, learn, or are paused."""
        states, configs = self._states[: self._count], self._configs[: self._count]
        known = (configs["series"] == 1) & (states["seen"] == 1)
        paused = known & (states["paused"] == 1)
        warming = known & ~paused & (states["scored"] < policy.WARMUP)
        learning = known & ~paused & ~warming
        return Learning(*(int(np.count_nonzero(part)) for part in (warming, learning, paused)))

    def warming(self) -> list[Warming]:
        """Who hasn't seen enough windows to alarm, though it is to, and how many it has seen; at most 100 entries."""
        count = self._count
        scored = self._states["scored"][:count]
        slots = np.flatnonzero((scored < policy.WARMUP) & (self._configs["tells_anomaly"][:count] == 1))[:LISTED_MAX]
        series = [
            Warming(
                asset=self._names[slot][0], sensor=self._names[slot][1], seen=int(scored[slot]), needed=policy.WARMUP
            )
            for slot in slots.tolist()
        ]
        return (series + [Warming(asset, None, seen, needed) for asset, seen, needed in self._assets.warming()])[
            :LISTED_MAX
        ]

    def paused(self) -> list[Paused]:
        """Whose newest window wasn't learned; at most 100 entries."""
        count = self._count
        states, configs = self._states[:count], self._configs[:count]
        slots = np.flatnonzero((states["paused"] == 1) & (states["seen"] == 1) & (configs["series"] == 1))
        confirmed = states["episode"]["confirmed"] != 0
        series = [
            Paused(self._names[slot][0], self._names[slot][1], bool(confirmed[slot]))
            for slot in slots[:LISTED_MAX].tolist()
        ]
        return (series + [Paused(asset, None, confirmed=True) for asset in self._assets.confirmed()])[:LISTED_MAX]

    def adjusted(self) -> list[Adjusted]:
        """Whose threshold people have raised, and by how much; at most 100 entries."""
        raised_by = self._states["policy"]["raised_by"][: self._count]
        slots = np.flatnonzero(raised_by > 0)[:LISTED_MAX]
        series = [
            Adjusted(self._names[slot][0], self._names[slot][1], float(raised_by[slot])) for slot in slots.tolist()
        ]
        return (series + [Adjusted(asset, None, by) for asset, by in self._assets.adjusted()])[:LISTED_MAX]

    def snapshot(self) -> dict[str, Any]:
        """The state as plain data: numpy arrays (copies) and built-in types."""
        states = np.zeros(self._count, STATE)  # not a copy(): numpy leaves the gaps between fields as they fall
        states[:] = self._states[: self._count]
        return {
            "version": VERSION,
            "states": states,
            "assets": [asset for asset, _ in self._names],
            "sensors": [sensor for _, sensor in self._names],
            "units": list(self._units),
            "window_s": [self._window_s.get(asset) for asset, _ in self._names],
            "river": {slot: model.snapshot() for slot, model in self._river.items()},
            "asset_models": {slot: model.snapshot() for slot, model in self._asset_models.items()},
            **self._assets.snapshot(),
        }

    @classmethod
    def restore(cls, settings: Settings, snapshot: dict[str, Any], tracer: Tracer | None = None) -> Windows:
        """The state as it was saved, under settings that may have changed since.

        What a state of version 1 or 2 says of scores is of the level's alone, and nothing of those of four families:
        scores begin afresh, and so does the warm-up. Levels, profiles, drifts, alarms that are active and what people
        said go on.

        A series to which the settings give another unit than before starts afresh, and with it what is known of its
        asset as a whole: its values are other numbers now. A unit that is given for the first time is a label. So does
        a series whose windows have another length: their means vary more, or less, than those that it has learned.

        Raises: StateError if the snapshot is of an unknown version.
        """
        version = snapshot.get("version")
        if version not in (1, 2, 3, 4, VERSION):
            raise StateError(
                f"windows: the saved state has version {version!r}, this andon reads 1 to {VERSION}. "
                "Go on with the andon that wrote it, or start on an empty state directory."
            )
        restored = cls(settings, tracer)
        names = list(zip(snapshot["assets"], snapshot["sensors"], strict=True))
        for asset, sensor in names:
            restored._append(asset, sensor)
        saved = snapshot["states"]
        if version >= 3:
            restored._states = adopted(saved, STATE)
            if version <= 4:
                shape.retold(restored._states["shape"][: len(saved)], saved["shape"])
            if version == 3:
                for part in ("cur", "calibration"):
                    restored._states["spread"][part] = FRESH["spread"][part]
        else:
            lasting = [name for name in saved.dtype.names if name not in OF_SCORES]
            restored._states = adopted(saved[lasting], STATE)
        restored._assets.recall_members(snapshot.get("members", _members_of(restored._states[: len(names)])))
        for slot, (asset, sensor) in enumerate(names):
            if sensor is not None:
                restored._configure(slot, asset, sensor)
            if version < 3:
                restored._score_afresh(slot)
        unknown = [None] * len(names)
        renamed = restored._with_other_windows(snapshot.get("window_s", unknown))
        renamed |= restored._with_another_unit(snapshot.get("units", unknown))
        for slot, why in renamed.items():
            restored._start_afresh(slot, why)
        restored._assets.settle()
        if "groups" in snapshot:
            for asset in restored._assets.recall_groups(snapshot, renamed):
                why = _OTHER_MEANING if asset in {names[slot][0] for slot in renamed} else _OTHER_SENSORS
                restored._restarted.append(Restarted(asset, None, why))
        restored._count_sharers()
        for slot in range(len(names)):
            restored._restore_model(slot, snapshot, renamed)
        return restored

    # ------------------------------------------------------------------------------------------------- names, settings

    @property
    def _count(self) -> int:
        return len(self._names)

    def _name(self, number: int, asset: str, sensor: str) -> None:
        slot = self._slot_of_name.get((asset, sensor))
        if slot is None:
            slot = self._append(asset, sensor)
            self._configure(slot, asset, sensor)
            self._score_afresh(slot)
        self._slot_of_number = grown(self._slot_of_number, number + 1)
        self._slot_of_number[number] = slot + 1

    def _slots(self, rows: Rows) -> Rows:
        numbers = rows["slot"]
        slots: Rows = self._slot_of_number.take(numbers, mode="clip") - np.int32(1)
        if slots.min() < 0 or numbers.min() < 0 or numbers.max() >= len(self._slot_of_number):
            raise KeyError("a window of a slot that was never named")
        return slots

    def _append(self, asset: str, sensor: str | None) -> int:
        slot = self._count
        self._states = grown(self._states, slot + 1)
        self._configs = grown(self._configs, slot + 1)
        self._names.append((asset, sensor))
        self._units.append(None)
        self._slot_of_name[asset, sensor] = slot
        self._assets.make_room(slot + 1)
        return slot

    def _score_afresh(self, slot: int) -> None:
        """Forget what depends on how windows are scored; what people said of the series' alarms stands."""
        for part in OF_SCORES:
            self._states[part][slot] = FRESH[part]
        for part in ("u", "age"):
            self._states["policy"][part][slot] = FRESH["policy"][part]
        if not self._configs["own"][slot]:
            self._states["calibration"]["u"][slot] = calibration.U_OF_MODEL

    def _configure(self, slot: int, asset: str, sensor: str) -> None:
        rule = self._settings.rule(asset, sensor)
        self._units[slot] = rule.unit
        anomaly = rule.anomaly or Anomaly()
        one_for_all = anomaly.model is not None and anomaly.per == "asset"
        alone = anomaly.model is not None and anomaly.per == "series"
        self._configs[slot] = self._config(
            asset,
            anomaly,
            own=not alone,
            series=True,
            tells_anomaly=rule.anomaly is not None and not one_for_all,
            tells_drift=rule.drift is not None,
        )
        if rule.anomaly is not None and anomaly.model is None:
            self._assets.meet(slot, asset, sensor, anomaly, window_s=self._window_s[asset])
        if alone:
            self._river[slot] = RiverModel(anomaly)
        if one_for_all:
            self._asset_row_of[slot] = self._asset_row(asset, anomaly)

    def _asset_row(self, asset: str, anomaly: Anomaly) -> int:
        """The row of an asset's model, whose settings are those of the first sensor that asks for one."""
        slot = self._slot_of_name.get((asset, None))
        new = slot is None
        if slot is None:
            slot = self._append(asset, None)
        if slot not in self._asset_models:
            self._asset_models[slot] = AssetModel(anomaly)
            self._configs[slot] = self._config(
                asset, anomaly, own=False, series=False, tells_anomaly=True, tells_drift=False
            )
        if new:
            self._score_afresh(slot)
        return slot

    def _config(
        self, asset: str, anomaly: Anomaly, *, own: bool, series: bool, tells_anomaly: bool, tells_drift: bool
    ) -> tuple[float | int | bool, ...]:
        budget = self._budget_of.setdefault((asset, series), len(self._budget_of) + 1)
        self._sharers = grown(self._sharers, budget + 1)
        window_s = self._window_s.get(asset)
        if window_s is None:
            window_s = self._window_s[asset] = self._settings.asset(asset).window_ms / 1000.0
        ranked = anomaly.policy == "ranked"
        per_sensor = anomaly.per_sensor
        return (
            window_s,
            anomaly.false_alarms_per_week,
            budget,
            ranked,
            own,
            series,
            tells_anomaly,
            tells_drift,
            per_sensor,
        )

    # ------------------------------------------------------------------------------------------------------- restoring

    def _with_another_unit(self, units: Sequence[str | None]) -> dict[int, str]:
        """The slots of series whose unit isn't that of before, and what to say of it."""
        changed = {}
        for slot, (now, before) in enumerate(
            zip(self._units, units, strict=False)  # an asset whose model has just been switched on is the last
        ):
            if before and now and before != now:
                changed[slot] = f"its unit is {now}, and was {before}"
        return changed

    def _with_other_windows(self, lengths_s: Sequence[float | None]) -> dict[int, str]:
        """The slots of series whose windows aren't as long as they were, and what to say of it."""
        changed = {}
        for slot, ((asset, _), before) in enumerate(zip(self._names, lengths_s, strict=False)):
            now = self._window_s.get(asset)
            if before is not None and now is not None and before != now:
                changed[slot] = f"its windows are {now:g} s long, and were {before:g} s"
        return changed

    def _start_afresh(self, slot: int, why: str) -> None:
        """Forget all that was learned of a series; alarms that are active end as they do without a model."""
        before = self._states[slot].copy()
        self._states[slot] = np.zeros((), STATE)
        state = self._states[slot]
        self._score_afresh(slot)
        state["episode"]["onset"] = before["episode"]["onset"]
        if before["episode"]["status"] != episode.OVER:
            state["episode"]["status"] = episode.ABANDONED
        state["drift"]["active"], state["drift"]["onset"] = before["drift"]["active"], before["drift"]["onset"]
        self._restarted.append(Restarted(*self._names[slot], why))

    def _count_sharers(self) -> None:
        seen = self._states["seen"][: self._count] == 1
        counts = np.bincount(self._configs["budget"][: self._count][seen])
        self._sharers[: len(counts)] = counts

    def _restore_model(self, slot: int, snapshot: dict[str, Any], renamed: Mapping[int, str]) -> None:
        """Go on with a row's saved model if the settings still want it; else what it scored starts afresh.

        Args:
            renamed: series with another unit than before.
        """
        if slot in renamed:
            return  # it has started afresh already
        saved_river, saved_asset = snapshot["river"].get(slot), snapshot["asset_models"].get(slot)
        if slot in self._asset_models and any(self._asset_row_of.get(sensor) == slot for sensor in renamed):
            saved_asset = None
        afresh: str | None = None
        if slot in self._river:
            afresh = _ANOTHER_MODEL
            if saved_river is not None:
                self._river[slot], afresh = RiverModel.restore(self._river[slot].anomaly, saved_river)
        elif slot in self._asset_models:
            afresh = _ANOTHER_MODEL
            if saved_asset is not None:
                self._asset_models[slot], afresh = AssetModel.restore(self._asset_models[slot].anomaly, saved_asset)
        elif saved_river is not None:
            afresh = _ANOTHER_MODEL
        if afresh is not None:
            self._score_afresh(slot)
            self._states["policy"]["raised_by"][slot] = 0.0
            state = self._states[slot]["episode"]
            state["status"] = episode.ABANDONED if state["status"] else episode.OVER
            state["confirmed"] = 0
            self._restarted.append(Restarted(*self._names[slot], afresh))

    # -------------------------------------------------------------------------------------------------------- feedback

    def _slot_of_alert(self, asset: str, alert: str | None) -> int | None:
        """Whose newest anomaly an alert is about."""
        for slot, (owner, sensor) in enumerate(self._names):
            if owner != asset:
                continue
            newest = self._states[slot]["episode"]
            rule = verdicts.anomaly_rule(sensor)
            onset = int(newest["onset"])
            begun = newest["status"] != episode.OVER or newest["held"] > 0
            if begun and alert == alert_id(asset=asset, sensor=sensor, kind=Kind.ANOMALY, rule=rule, onset_ts=onset):
                return slot
        return None

    def _confirm(self, slot: int, command: Command) -> Reject | None:
        state = self._states[slot]
        anomaly = state["episode"]
        if anomaly["status"] != episode.ACTIVE:
            return command.refused("the anomaly is over, what came after it is learned already; say it while it lasts")
        if anomaly["confirmed"]:
            return None  # said twice: what was normal before is normal again, and nothing was learned since
        anomaly["confirmed"] = 1
        combination.forget_block(state["combination"])
        hourly.forget_hour(state["hourly"])
        spike.forget_block(state["spike"])
        spread.forget_block(state["spread"])
        m, v = float(anomaly["m"]), float(anomaly["v"])
        model = self._river.get(slot) or self._asset_models.get(slot)
        if model is not None:
            model.go_back(m, v)
        else:
            level.go_back(state["level"], m, v)
            season.go_back(state["season"])
            if anomaly["pair"]:
                spread.go_back(state["spread"], float(anomaly["m_b"]), float(anomaly["v_b"]), m)
        return None

    # --------------------------------------------------------------------------------------------------------- judging

    def _ask_models(self, rows: Rows, slots: Rows) -> _Batch:
        """Score the windows that River models judge, and put in the rows of assets that are complete by them."""
        origins: list[int] = []  # index into rows
        targets: list[int] = []  # slot
        scores: list[tuple[float, float, float, float]] = []
        changes: list[tuple[int, int, int, int, bool]] = []  # place, start, end, count, learn of an asset's row
        shares: dict[int, tuple[Share, ...]] = {}
        for i, slot in enumerate(slots.tolist()):
            row = rows[i]
            mean = float(row["mean"]) if abs(row["mean"]) <= VALUE_MAX else None
            score: Standardised | None = None
            sensor = self._names[slot][1]
            assert sensor is not None, "a closed window belongs to a sensor"
            if slot in self._river and mean is not None:
                learn = bool(row["learn"]) and not self._states[slot]["episode"]["confirmed"]
                score = self._river[slot].score_then_learn({sensor: mean}, learn=learn)
            origins.append(i)
            targets.append(slot)
            scores.append(score or _NO_SCORE)
            asset_row = self._asset_row_of.get(slot)
            if asset_row is None:
                continue
            for judged in self._asset_models[asset_row].add(
                sensor,
                start=int(row["start"]),
                end=int(row["end"]),
                mean=mean,
                count=int(row["count"]),
                learn=bool(row["learn"]) and not self._states[asset_row]["episode"]["confirmed"],
            ):
                joined, place = judged.row, len(origins)
                origins.append(i)
                targets.append(asset_row)
                scores.append(judged.score or _NO_SCORE)
                changes.append((place, joined.start, joined.end, joined.readings, joined.learn))
                shares[place] = judged.shares
        together = rows[origins]
        for place, start, end, count, learn in changes:
            for field, value in (("start", start), ("end", end), ("count", count), ("learn", learn), ("mean", 0.0)):
                together[field][place] = value
        return _Batch(together, np.array(targets, np.int32), np.array(scores, OUTSIDE), shares)

    def _run(self, batch: _Batch, sources: tuple[str, ...]) -> list[Finding]:
        findings: list[Finding] = []
        traced = _NO_TRACE if self._tracer is None else np.zeros(len(batch.rows), TRACE)
        traced["slot"] = UNJUDGED
        arrays = self._assets.arrays(len(batch.rows), traced=self._tracer is not None)
        first = rows_traced = 0
        while first < len(batch.rows):
            first, written, of_assets, rows_traced = judge_rows(
                batch.rows,
                batch.slots,
                batch.outside,
                first,
                self._states,
                self._configs,
                self._sharers,
                self._verdicts,
                traced,
                arrays,
                rows_traced,
            )
            told = [
                (int(self._verdicts[k]["row"]), self._finding(self._verdicts[k], batch, sources))
                for k in range(written)
            ]
            told += [
                (int(line["window"]), self._assets.finding(line, _source(batch.rows[line["window"]], sources)))
                for line in arrays.told[:of_assets]
            ]
            findings += [finding for _, finding in sorted(told, key=lambda pair: pair[0])]
        if self._tracer is not None:
            self._tracer(Trace(traced[traced["slot"] != UNJUDGED], self._names))
            if rows_traced:
                self._tracer(Trace(arrays.traced[:rows_traced], self._assets.names))
        return findings

    def _finding(self, verdict: Rows, batch: _Batch, sources: tuple[str, ...]) -> Finding:
        index = int(verdict["row"])
        row, slot = batch.rows[index], int(batch.slots[index])
        asset, sensor = self._names[slot]
        model = self._river.get(slot) or self._asset_models.get(slot)
        subject = verdicts.Subject(
            asset=asset,
            sensor=sensor,
            model=None if model is None else str(model.anomaly.model),
            ranked=bool(self._configs[slot]["ranked"]),
            shares=batch.shares[index] if sensor is None else (Share(sensor, 1.0),),
        )
        return verdicts.finding_of(verdict, row, subject, _source(row, sources))


def _source(row: Record, sources: tuple[str, ...]) -> str:
    """The reading that closed a window."""
    return f"{sources[row['partition']]}/{row['offset']}"


def _members_of(states: Rows) -> Rows:
    """What a state from before there were groups knows of the series as members of one."""
    members = np.zeros(len(states), asset_row.MEMBER)
    members["met"] = states["n"] > 0
    members["told"] = states["episode"]["status"] != episode.OVER
    return members
