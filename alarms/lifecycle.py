"""The life of an alarm: findings, commands and time in; transitions, and what stands after them, out.

One alarm for each (asset, sensor, kind, rule). What moves it is in `states`, what holds it back in `holds` and
`maintenance`, when its return is held back in `chatter`. Everything that is told is told once: a finding that says what
is known already makes no transition, so a restart or a repeated reading emits nothing.

What data causes depends on data alone. So an alarm has a time of its own, that of its own findings: whatever should
have happened to it before a finding (a held back return is told, a maintenance begins) happens when that finding comes,
with the time at which it should have. That other sensors of the asset, or a tick, say that it is later only brings it
about sooner. By the event clock they are believed after `SKEW_MS`, because the sensors of an asset run a little apart.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from alarms import refusals, wording
from alarms.alarm import Alarm, HeldBack
from alarms.asset import Asset
from alarms.capacity import Refusals
from alarms.chatter import raised, returned_too_soon
from alarms.deadlines import SHELVES, Deadline, Deadlines
from alarms.holds import MEANS, NOTHING, Act, Holds, Means, act_of
from alarms.maintenance import FOREVER, Maintained
from alarms.recorded import read
from alarms.records import MAINTENANCE, Writer, severity_of
from alarms.states import Event, outcome
from alarms.watched import is_watched
from contracts.alarm_states import AlarmRecord, hold_key
from contracts.alerts import AlertRecord, Priority, State, Transition, priority_of
from contracts.commands import Command, Scope, Verb
from contracts.errors import StateError
from contracts.findings import Finding, Kind
from contracts.limits import HOLDS_PER_ASSET_MAX
from contracts.readings import Reject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alarms.deadlines import Subject
    from alarms.recorded import RecordedAlarm, RecordedHold
    from contracts.alarm_states import AlarmState, HoldState, Recorded
    from contracts.calendar import Span
    from contracts.findings import Evidence
    from contracts.settings import Settings

__all__ = ["OLD_MS", "SKEW_MS", "Alarms", "Told"]

VERSION = 2

OLD_MS = 24 * 3_600_000
"""An alarm that is active for longer is part of the furniture (EEMUA 191 calls it stale)."""

SKEW_MS = 60_000
"""By the event clock: so far apart the sensors of one asset may run. More, and it depends on how the readings were cut
into blocks whether a held back return was told before the next onset."""

JUDGED_MS_MAX = 35 * 86_400_000
"""Maintenance is told that began or ended in so long a time without a word of the alarm; what was before is past."""

Told: TypeAlias = AlertRecord | AlarmRecord | Reject

_BEGINS: dict[Verb, tuple[Means, Transition]] = {
    Verb.SHELVE: ("shelved", Transition.SHELVED),
    Verb.SUPPRESS: ("suppressed", Transition.SUPPRESSED),
    Verb.OUT_OF_SERVICE: ("out_of_service", Transition.OUT_OF_SERVICE),
}
_ENDS: dict[Verb, tuple[Means, Transition]] = {
    Verb.UNSHELVE: ("shelved", Transition.UNSHELVED),
    Verb.UNSUPPRESS: ("suppressed", Transition.UNSUPPRESSED),
    Verb.IN_SERVICE: ("out_of_service", Transition.IN_SERVICE),
}


class Alarms:
    """The alarms of one key group.

    Cost: about 50 µs a transition; findings are rare, readings never come here. About 1.5 kB for each alarm that
    isn't normal. A tick costs nothing worth naming while nothing is due.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._by_events = settings.service.clock == "event"
        self._writer = Writer(settings)
        self._maintained = Maintained(settings)
        self._deadlines = Deadlines(by_asset=self._by_events)
        self._assets: dict[str, Asset] = {}
        self._refusals = Refusals()
        self._active: Counter[tuple[str, Priority]] = Counter()
        self._chattering = 0
        self._now_ms: int | None = None
        self._published: set[str] | None = None if self._by_events else set()
        """Keys that were written since the start, and so are known to be right; None: it was compared, or never is."""
        self._unchecked = False

    @classmethod
    def restore(cls, settings: Settings, snapshot: dict[str, Any]) -> Self:
        """The alarms as `snapshot` left them.

        Raises: StateError if the snapshot is of a version that isn't known here.
        """
        alarms = cls(settings)
        version = snapshot.get("version")
        if version == VERSION:
            alarms._now_ms = snapshot["now_ms"]
            for name in snapshot["assets"]:
                alarms._asset(name)
            for row in snapshot["holds"]:
                alarms._asset(row[0]).holds.take(row)
            for row in snapshot["alarms"]:
                alarms._take(Alarm.of_row(row))
        elif version == 1:
            for row in snapshot["active"]:
                alarms._take(alarms._of_version_1(*row))
        else:
            raise StateError(f"alarms: the saved state has version {version!r}, this andon knows {VERSION} and 1.")
        for asset in alarms._assets.values():
            alarms._await_shelves(asset)
            for alarm in asset.alarms.values():
                if alarm.kind is Kind.CAPACITY and alarm.active:
                    alarms._refusals.again(asset.name, alarm.subject)
        alarms._unchecked = bool(alarms._assets)
        return alarms

    def snapshot(self) -> dict[str, Any]:
        """Plain data, independent of what happens later."""
        return {
            "version": VERSION,
            "now_ms": self._now_ms,
            "assets": list(self._assets),
            "holds": [row for asset in self._assets.values() for row in asset.holds.rows()],
            "alarms": [alarm.row() for asset in self._assets.values() for alarm in asset.alarms.values()],
        }

    @property
    def empty(self) -> bool:
        """There is no state to keep: nothing stands, nothing may chatter, and the topic needn't be compared."""
        return not self._assets and not self._published

    @property
    def chattering(self) -> int:
        """How many alarms come and go, whether they stand now or not."""
        return self._chattering

    def standing(self) -> Mapping[tuple[str, Priority], int]:
        """How many alarms are active, by kind and priority."""
        return self._active.copy()

    def old(self, now_ms: int) -> int:
        """How many have been active for more than a day. Cost: some 50 ns an alarm."""
        before = now_ms - OLD_MS
        return sum(
            alarm.active and alarm.raised_ts < before
            for asset in self._assets.values()
            for alarm in asset.alarms.values()
        )

    def table(self) -> dict[str, bytes]:
        """All that stands, alarms and holds, as a reader of the alarm-state topic must have it: key → body."""
        records = (record for asset in self._assets.values() for record in asset.records())
        return {record.key: record.body for record in records if record.body is not None}

    # ── What moves alarms ───────────────────────────────────────────────────────────────────────────────────────────

    def decide(self, finding: Finding) -> list[Told]:
        """What a finding leads to; nothing if it says what is known."""
        told = self._check_settings(finding.ts)
        subject = (finding.sensor or "", finding.kind.value, finding.rule)
        if finding.kind is Kind.CAPACITY and finding.active:
            self._refusals.again(finding.asset, subject)
        asset = self._assets.get(finding.asset)
        alarm = asset.alarms.get(subject) if asset else None
        if asset is None or alarm is None:
            if not finding.active:
                return told
            asset = self._asset(finding.asset)
            alarm = Alarm(asset=asset.name, sensor=subject[0], kind=finding.kind, rule=finding.rule)
            asset.alarms[subject] = alarm
        for one in asset.with_covered(alarm):
            self._advance(asset, one, finding.ts, told)
        if finding.active != (alarm.active and alarm.held_back is None):
            alarm.lag_ms = 0 if self._now_ms is None else max(0, self._now_ms - finding.ts)
            self._heed(asset, alarm, finding, told)
        for one in asset.with_covered(alarm):
            self._settle(asset, one)
        return told

    def obey(self, command: Command) -> list[Told]:
        """What a command leads to; a `Reject` if it can't be done, and then nothing else has changed."""
        if command.verb is Verb.FEEDBACK:
            return []
        if command.verb is Verb.ACKNOWLEDGE:
            return self._acknowledge(command)
        asset = self._assets.get(command.asset)
        scope = command.scope
        if command.alert_id is not None:
            alarm = asset.find(command.alert_id) if asset else None
            if alarm is None:
                return [command.refused(refusals.no_such_alarm(command, asset))]
            scope = Scope(alarm.sensor, alarm.kind.value, alarm.rule)
        if command.verb in _BEGINS:
            return self._hold(command, scope)
        means, transition = _ENDS[command.verb]
        if asset is None or getattr(asset.holds.of(scope), means) is None:
            return [command.refused(refusals.not_held(command, asset, scope, means))]
        return self._let_go(asset, [scope], means, transition, command=command)

    def tick(self, now_ms: int) -> list[Told]:
        """What the wall clock leads to (ms since the epoch)."""
        self._now_ms = now_ms
        told = self._pass("", now_ms)
        for name, subject in self._refusals.over(now_ms):
            told += self._end_refusal(name, subject, now_ms)
        return told

    def clock(self, asset: str, ms: int) -> list[Told]:
        """What it leads to that the readings of an asset have come so far (ms since the epoch): by the event clock."""
        return self._pass(asset, ms)

    def reconcile(self, recorded: Recorded) -> list[Told]:
        """What must be told so that the alarm-state topic says what is so: once after a start, by the wall clock.

        Conditions come from here, the acts of people from the topic. What was written since the start is right; so
        first comes what time has brought about, which may have been written before the start as well.
        """
        told = self.tick(recorded.now_ms)
        published, self._published = self._published, None
        if published is None:
            return told
        alarms, holds = read(recorded)
        adopted = self._compare_holds(holds, published, recorded.now_ms, told)
        self._compare_alarms(alarms, published, recorded.now_ms, told)
        for asset, scope in adopted:
            told += [asset.record(alarm) for alarm in asset.covered([scope]) if alarm.key in published]
        for asset in list(self._assets.values()):
            self._await_shelves(asset)
            self._drop_if_empty(asset)
        return told

    def _end_refusal(self, name: str, subject: Subject, now_ms: int) -> list[Told]:
        """Nothing was refused any more for so long that a capacity alarm is over."""
        asset = self._assets.get(name)
        alarm = asset.alarms.get(subject) if asset else None
        if alarm is None or not alarm.active:
            return []
        return self.decide(
            Finding(
                asset=name,
                sensor=None,
                kind=alarm.kind,
                rule=alarm.rule,
                active=False,
                onset_ts=alarm.onset_ts,
                ts=max(now_ms, alarm.raised_ts),
            )
        )

    # ── Data ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _heed(self, asset: Asset, alarm: Alarm, finding: Finding, told: list[Told]) -> None:
        """The condition is another one than before this finding."""
        if finding.active:
            if alarm.held_back and alarm.chatter:
                alarm.held_back = None
                alarm.chatter = returned_too_soon(alarm.chatter, finding.ts)
            else:
                self._raise(asset, alarm, finding, told)
        elif alarm.chatter and alarm.chatter.on:
            alarm.held_back = HeldBack(finding, alarm.chatter.held_until(finding.ts))
        else:
            self._move(asset, alarm, Event.RETURN, finding, told, ts=finding.ts, more={})

    def _raise(self, asset: Asset, alarm: Alarm, finding: Finding, told: list[Told]) -> None:
        more: Evidence = {}
        identity = alarm.name(finding.onset_ts)
        if alarm.stands and alarm.alert_id != identity:
            more["previous_alert_id"] = alarm.alert_id
        chattered = alarm.chatters
        alarm.chatter = raised(alarm.chatter, finding.ts)
        self._chattering += alarm.chatter.on - chattered
        if alarm.chatter.on:
            more["chattering"] = 1
        alarm.alert_id = identity
        alarm.onset_ts = finding.onset_ts
        alarm.raised_ts = finding.ts
        alarm.severity = severity_of(finding, self._writer.rule(alarm.asset, alarm.sensor))
        alarm.acknowledged = None
        alarm.maintained = self._maintained.at(asset.name, finding.ts).span
        alarm.judged_ts = finding.ts
        self._move(asset, alarm, Event.ONSET, finding, told, ts=finding.ts, more=more)

    def _move(
        self, asset: Asset, alarm: Alarm, event: Event, finding: Finding, told: list[Told], *, ts: int, more: Evidence
    ) -> None:
        ack_required = self._writer.rule(alarm.asset, alarm.sensor).ack_required
        found = outcome(alarm.state, event, ack_required=ack_required)
        assert found is not None, "a finding that changes the condition is possible in every state"
        transition, state = found
        self._enter(alarm, state)
        remark = ""
        if ts != finding.ts:
            finding, remark = replace(finding, onset_ts=alarm.onset_ts), wording.held_back(ts - finding.ts)
        record = self._writer.from_finding(
            alarm,
            finding,
            transition,
            ts=ts,
            annunciated=asset.is_free(alarm, ts) and self._maintained.at(asset.name, ts).span is None,
            more=more,
            remark=remark,
        )
        self._tell(asset, alarm, record, told)

    def _advance(self, asset: Asset, alarm: Alarm, ts: int, told: list[Told]) -> None:
        """What should have happened to an alarm up to `ts` (ms), by its own time."""
        self._end_chatter(asset, alarm, ts, told)
        self._judge(asset, alarm, ts, told)

    def _end_chatter(self, asset: Asset, alarm: Alarm, ts: int, told: list[Told]) -> None:
        """Tell a return that was held back until now (ms), and forget chatter after a quiet while."""
        held_back = alarm.held_back
        if held_back is not None and held_back.until_ts <= ts:
            self._judge(asset, alarm, held_back.until_ts, told)
            alarm.held_back = None
            late_ms = held_back.until_ts - held_back.finding.ts
            more: Evidence = {"held_back_ms": late_ms}
            self._move(asset, alarm, Event.RETURN, held_back.finding, told, ts=held_back.until_ts, more=more)
        if alarm.chatter is not None and alarm.chatter.ends_ts <= ts:
            chattered = alarm.chatters
            alarm.chatter = None
            self._chattering -= chattered
            if chattered and alarm.stands:
                told.append(self._written(asset.record(alarm)))

    # ── Maintenance ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _judge(self, asset: Asset, alarm: Alarm, ts: int, told: list[Told]) -> None:
        """Tell each beginning and end of maintenance that an alarm has met up to `ts` (ms)."""
        if ts <= alarm.judged_ts or not self._may_be_maintained(alarm):
            return
        if ts - alarm.judged_ts > JUDGED_MS_MAX:
            self._judge_now(asset, alarm, ts - JUDGED_MS_MAX, told)
        while (end := self._judged_until(alarm)) <= ts:
            span = self._maintained.at(asset.name, end).span
            self._maintain(asset, alarm, span, told, ts=end)
            alarm.judged_ts = end
        alarm.judged_ts = ts

    def _judge_now(self, asset: Asset, alarm: Alarm, now_ms: int, told: list[Told]) -> None:
        """Tell whether an alarm is in maintenance now (ms); what began and ended meanwhile is past."""
        if now_ms <= alarm.judged_ts or not self._may_be_maintained(alarm):
            return
        span = self._maintained.at(asset.name, now_ms).span
        began_or_ended = span.start if span else min(alarm.maintained.end, now_ms) if alarm.maintained else now_ms
        self._maintain(asset, alarm, span, told, ts=began_or_ended)
        alarm.judged_ts = now_ms

    def _maintain(self, asset: Asset, alarm: Alarm, span: Span | None, told: list[Told], *, ts: int) -> None:
        before, alarm.maintained = alarm.maintained, span
        work = span or before
        if work is None or before == span:
            return
        if before and span:  # its calendar is another one since the last start, or it never ends
            told.append(self._written(asset.record(alarm)))
            return
        transition = Transition.SUPPRESSED if span else Transition.UNSUPPRESSED
        record = self._writer.from_newest(
            alarm,
            transition,
            ts=ts,
            cause=str(ts),
            annunciated=not span and alarm.active and asset.is_free(alarm, ts),
            remark=wording.maintenance(transition, comment=work.comment, active=alarm.active),
            by=MAINTENANCE,
            comment=work.comment,
        )
        self._tell(asset, alarm, record, told)

    def _may_be_maintained(self, alarm: Alarm) -> bool:
        return alarm.stands and (alarm.maintained is not None or self._maintained.concerns(alarm.asset))

    def _judged_until(self, alarm: Alarm) -> int:
        """When maintenance is next thought to begin or to end for an alarm that was judged up to now."""
        end = self._maintained.at(alarm.asset, alarm.judged_ts).end
        return min(end, max(alarm.maintained.end, alarm.judged_ts + 1)) if alarm.maintained else end

    # ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _pass(self, line: str, now_ms: int) -> list[Told]:
        """Look at what is due."""
        told = self._check_settings(now_ms)
        while (deadline := self._deadlines.take(line, now_ms)) is not None:
            asset = self._assets.get(deadline.asset)
            if asset is None:
                continue
            if deadline.subject == SHELVES:
                if asset.waits_ms == deadline.due_ms:
                    asset.waits_ms = None
                    self._end_shelves(asset, deadline.due_ms, told)
                continue
            alarm = asset.alarms.get(deadline.subject)
            if alarm is None or alarm.waits_ms != deadline.due_ms:
                continue
            alarm.waits_ms = None
            if deadline.due_ms < self._due_ms(alarm):  # it was put off: others are due before it
                self._settle(asset, alarm)
            else:
                self._look_at(asset, alarm, now_ms, told)
        return told

    def _look_at(self, asset: Asset, alarm: Alarm, now_ms: int, told: list[Told]) -> None:
        for one in asset.with_covered(alarm):
            if self._by_events:
                self._advance(asset, one, now_ms - SKEW_MS, told)
            else:
                self._end_chatter(asset, one, now_ms - one.lag_ms, told)
                self._judge_now(asset, one, now_ms, told)
            self._settle(asset, one)

    def _settle(self, asset: Asset, alarm: Alarm) -> None:
        """Forget an alarm of which nothing need be remembered; else see when it must be looked at."""
        if not alarm.stands and alarm.chatter is None:
            del asset.alarms[alarm.subject]
            self._drop_if_empty(asset)
            return
        due_ms = self._due_ms(alarm)
        if due_ms < (FOREVER if alarm.waits_ms is None else alarm.waits_ms):
            alarm.waits_ms = due_ms
            self._deadlines.wait(Deadline(due_ms, asset.name, alarm.subject))

    def _due_ms(self, alarm: Alarm) -> int:
        """When time alone will next change something about an alarm."""
        lag_ms = SKEW_MS if self._by_events else alarm.lag_ms
        due_ms = FOREVER
        if alarm.held_back is not None:
            due_ms = alarm.held_back.until_ts + lag_ms
        elif alarm.chatter is not None:
            due_ms = alarm.chatter.ends_ts + lag_ms
        if self._may_be_maintained(alarm):
            due_ms = min(due_ms, self._judged_until(alarm) + (SKEW_MS if self._by_events else 0))
        return due_ms

    def _await_shelves(self, asset: Asset) -> None:
        end_ms = asset.holds.next_end()
        if end_ms is not None and (asset.waits_ms is None or end_ms < asset.waits_ms):
            asset.waits_ms = end_ms
            self._deadlines.wait(Deadline(end_ms, asset.name, SHELVES))

    def _end_shelves(self, asset: Asset, due_ms: int, told: list[Told]) -> None:
        """End what ends by then; a shelf that was put off, or ends later, waits behind what is due before it."""
        while (end_ms := asset.holds.next_end()) is not None and end_ms <= due_ms:
            told += self._let_go(asset, asset.holds.ending_at(end_ms), "shelved", Transition.UNSHELVED, ts=end_ms)
        self._await_shelves(asset)
        self._drop_if_empty(asset)

    def _check_settings(self, now_ms: int) -> list[Told]:
        """After a start: close the alarms that nothing can clear any more, and see which maintenance was changed."""
        if not self._unchecked:
            return []
        self._unchecked = False
        told: list[Told] = []
        for asset in list(self._assets.values()):
            for alarm in asset.standing():
                sensor, kind, rule = alarm.sensor, alarm.kind, alarm.rule
                if not is_watched(self._settings, asset=alarm.asset, sensor=sensor, kind=kind, rule=rule):
                    self._remove(asset, alarm, now_ms, told)
                elif alarm.maintained and alarm.maintained != self._maintained.at(asset.name, alarm.judged_ts).span:
                    self._judge_now(asset, alarm, max(now_ms, alarm.judged_ts + 1), told)
                    self._settle(asset, alarm)
        return told

    def _remove(self, asset: Asset, alarm: Alarm, now_ms: int, told: list[Told]) -> None:
        alarm.held_back = None
        self._chattering -= alarm.chatters
        alarm.chatter = None
        self._enter(alarm, State.NORMAL)
        record = self._writer.from_newest(
            alarm,
            Transition.REMOVED,
            ts=now_ms,
            cause=f"removed/{alarm.raised_ts}",
            annunciated=self._is_heard(asset, alarm, now_ms),
            remark=wording.act(Transition.REMOVED, by=None, comment=None, active=False),
        )
        self._tell(asset, alarm, record, told)
        self._settle(asset, alarm)

    # ── People ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _acknowledge(self, command: Command) -> list[Told]:
        asset = self._assets.get(command.asset)
        alarm = asset.find(command.alert_id) if asset else None
        if asset is None or alarm is None:
            return [command.refused(refusals.no_such_alarm(command, asset))]
        found = outcome(alarm.state, Event.ACKNOWLEDGE, ack_required=True)
        if found is None:
            return [command.refused(refusals.acknowledged_already(alarm))]
        transition, state = found
        told: list[Told] = []
        self._enter(alarm, state)
        alarm.acknowledged = Act(command.by, command.comment, command.origin.ts_ms)
        heard = self._is_heard(asset, alarm, command.origin.ts_ms)
        self._say(asset, alarm, transition, command, told, annunciated=heard)
        self._settle(asset, alarm)
        return told

    def _hold(self, command: Command, scope: Scope) -> list[Told]:
        means, transition = _BEGINS[command.verb]
        max_h = self._settings.alarms.shelve_max_h
        asset = self._assets.get(command.asset)
        if fault := refusals.why_not_held_back(command, asset, scope, means, shelve_max_h=max_h):
            return [command.refused(fault)]
        asset = self._asset(command.asset)
        asset.holds.put(scope, means, Act(command.by, command.comment, command.origin.ts_ms, command.until_ms))
        self._await_shelves(asset)
        told: list[Told] = [self._written(asset.holds.record(scope))]
        for alarm in asset.covered([scope]):
            self._say(asset, alarm, transition, command, told, annunciated=False)
        return told

    def _let_go(
        self,
        asset: Asset,
        scopes: list[Scope],
        means: Means,
        transition: Transition,
        *,
        command: Command | None = None,
        ts: int = 0,
    ) -> list[Told]:
        """End holds of one sort, at once, by a command or because it is `ts` (ms): each alarm says so once."""
        for scope in scopes:
            asset.holds.put(scope, means, None)
        told: list[Told] = [self._written(asset.holds.record(scope)) for scope in scopes]
        for alarm in asset.covered(scopes):
            ended_ts = command.origin.ts_ms if command else ts
            annunciated = alarm.active and self._is_heard(asset, alarm, ended_ts)
            if command:
                self._say(asset, alarm, transition, command, told, annunciated=annunciated)
                continue
            record = self._writer.from_newest(
                alarm,
                transition,
                ts=ts,
                cause=str(ts),
                annunciated=annunciated,
                remark=wording.act(transition, by=None, comment=None, active=alarm.active),
            )
            self._tell(asset, alarm, record, told)
        self._drop_if_empty(asset)
        return told

    def _say(
        self,
        asset: Asset,
        alarm: Alarm,
        transition: Transition,
        command: Command,
        told: list[Told],
        *,
        annunciated: bool,
    ) -> None:
        """A commanded transition."""
        remark = wording.act(
            transition, by=command.by, comment=command.comment, active=alarm.active, until_ts=command.until_ms
        )
        record = self._writer.from_newest(
            alarm,
            transition,
            ts=command.origin.ts_ms,
            cause=command.origin.cause,
            annunciated=annunciated,
            remark=remark,
            by=command.by,
            comment=command.comment,
            source=command.origin.source,
        )
        self._tell(asset, alarm, record, told)

    # ── Comparison with the topic ───────────────────────────────────────────────────────────────────────────────────

    def _compare_holds(
        self, there: Mapping[str, RecordedHold], published: set[str], now_ms: int, told: list[Told]
    ) -> list[tuple[Asset, Scope]]:
        """Adopt what people hold back and isn't known here; say what the topic lacks. Returns what was adopted."""
        adopted = []
        for key, (body, state) in there.items():
            if key in published:
                continue
            if state is None:
                told.append(AlarmRecord(key, None))  # what stands here is said below
                continue
            asset = self._asset(state.asset)
            if self._adopt(asset, state, now_ms):
                adopted.append((asset, state.scope))
            if (record := asset.holds.record(state.scope)).body != body:
                told.append(record)
        for asset in self._assets.values():
            for scope in asset.holds:
                key = hold_key(asset.name, scope)
                if key not in published and (key not in there or there[key].state is None):
                    told.append(asset.holds.record(scope))
        return adopted

    def _adopt(self, asset: Asset, recorded: HoldState, now_ms: int) -> bool:
        changed = False
        for means in MEANS:
            hold = getattr(recorded, means)
            if hold is None or (hold.until_ts is not None and hold.until_ts <= now_ms):
                continue
            standing = asset.holds.of(recorded.scope)
            if getattr(standing, means) == act_of(hold):
                continue
            if standing == NOTHING and len(asset.holds) >= HOLDS_PER_ASSET_MAX:
                continue
            asset.holds.put(recorded.scope, means, act_of(hold))
            changed = True
        return changed

    def _compare_alarms(
        self, there: Mapping[str, RecordedAlarm], published: set[str], now_ms: int, told: list[Told]
    ) -> None:
        here = {alarm.key: (asset, alarm) for asset in self._assets.values() for alarm in asset.standing()}
        for key, recorded in there.items():
            if key in here:
                asset, alarm = here[key]
                if not self._adopt_acknowledging(asset, alarm, recorded.state, now_ms, told) and key not in published:
                    self._compare(asset, alarm, recorded, now_ms, told)
            elif key not in published:
                told += self._over(key, recorded.state, now_ms)
        for key, (asset, alarm) in here.items():
            if key not in there and key not in published:
                self._say_again(asset, alarm, None, now_ms, told)

    def _adopt_acknowledging(
        self, asset: Asset, alarm: Alarm, recorded: AlarmState | None, now_ms: int, told: list[Told]
    ) -> bool:
        """A person has acknowledged this episode, and here nobody knows of it."""
        if recorded is None or recorded.acknowledged is None or recorded.alert.alert_id != alarm.alert_id:
            return False
        found = outcome(alarm.state, Event.ACKNOWLEDGE, ack_required=True)
        if found is None:
            return False
        self._enter(alarm, found[1])
        alarm.acknowledged = act = act_of(recorded.acknowledged)
        self._say_again(asset, alarm, recorded, now_ms, told, by=act.by, comment=act.comment)
        self._settle(asset, alarm)
        return True

    def _compare(self, asset: Asset, alarm: Alarm, recorded: RecordedAlarm, now_ms: int, told: list[Told]) -> None:
        """An alarm that stands here and on the topic."""
        record = asset.record(alarm)
        if record.body == recorded.body:
            return
        state = recorded.state
        if state and (state.alert.alert_id, state.alert.state) == (alarm.alert_id, alarm.state):
            told.append(record)
        else:
            self._say_again(asset, alarm, state, now_ms, told)

    def _say_again(
        self,
        asset: Asset,
        alarm: Alarm,
        recorded: AlarmState | None,
        now_ms: int,
        told: list[Told],
        *,
        by: str | None = None,
        comment: str | None = None,
    ) -> None:
        record = self._writer.from_newest(
            alarm,
            Transition.RECONCILED,
            ts=now_ms,
            cause=f"reconciled/{recorded.alert.ts if recorded else alarm.raised_ts}",
            annunciated=self._is_heard(asset, alarm, now_ms),
            remark=wording.reconciled(stands=alarm.stands, by=by),
            by=by,
            comment=comment,
        )
        self._tell(asset, alarm, record, told)

    def _over(self, key: str, recorded: AlarmState | None, now_ms: int) -> list[Told]:
        """What the topic says that it stands, and here it is normal."""
        tombstone = AlarmRecord(key, None)
        if recorded is None or recorded.alert.kind is Kind.FLOOD:  # unreadable, or of a site that was renamed
            return [tombstone]
        alert = recorded.alert
        record = self._writer.again(
            alert,
            Transition.RECONCILED,
            state=State.NORMAL,
            ts=now_ms,
            cause=f"reconciled/{alert.ts}",
            annunciated=alert.annunciated,
            text=f"{recorded.said}; {wording.reconciled(stands=False)}",
        )
        return [record, tombstone]

    # ── What is common to all ───────────────────────────────────────────────────────────────────────────────────────

    def _tell(self, asset: Asset, alarm: Alarm, record: AlertRecord, told: list[Told]) -> None:
        """A transition, and what stands after it."""
        told += (record, self._written(asset.record(alarm)))
        if not alarm.stands:
            alarm.rest()

    def _written(self, record: AlarmRecord) -> AlarmRecord:
        """A record that is written now: the topic and we agree about its key from here on."""
        if self._published is not None:
            self._published.add(record.key)
        return record

    def _is_heard(self, asset: Asset, alarm: Alarm, ts: int) -> bool:
        """Whether a transition at `ts` (ms) that no data caused is for the operator's attention."""
        return alarm.maintained is None and asset.is_free(alarm, ts)

    def _enter(self, alarm: Alarm, state: State) -> None:
        """The one place where an alarm changes its state."""
        before = alarm.active
        alarm.state = state
        self._active[alarm.kind.value, priority_of(alarm.severity)] += alarm.active - before

    def _asset(self, name: str) -> Asset:
        asset = self._assets.get(name)
        if asset is None:
            asset = self._assets[name] = Asset(name, Holds(name))
        return asset

    def _drop_if_empty(self, asset: Asset) -> None:
        if asset.empty:
            self._assets.pop(asset.name, None)

    def _take(self, alarm: Alarm) -> None:
        """An alarm of a snapshot."""
        asset = self._asset(alarm.asset)
        asset.alarms[alarm.subject] = alarm
        if alarm.active:
            self._active[alarm.kind.value, priority_of(alarm.severity)] += 1
        self._chattering += alarm.chatters
        self._settle(asset, alarm)

    def _of_version_1(self, asset: str, sensor: str, kind: str, rule: str, onset_ts: int, severity: int) -> Alarm:
        alarm = Alarm(
            asset=asset,
            sensor=sensor,
            kind=Kind(kind),
            rule=rule,
            state=State.ACTIVE_UNACKED,
            onset_ts=onset_ts,
            raised_ts=onset_ts,
            severity=severity,
            judged_ts=onset_ts,
        )
        alarm.alert_id = alarm.name(onset_ts)
        self._writer.before_records(alarm)
        return alarm
