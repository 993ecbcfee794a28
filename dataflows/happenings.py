"""What happens in a dataflow, told to Prometheus and to the log: one method for each happening, and only they do so.

Labels come from closed lists, never from the plant, and every label value starts at 0. What happens again and again is
logged once and counted each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import process_time
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, TypeVar
from weakref import WeakMethod

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from contracts.alerts import AlertRecord, Priority, Transition
from contracts.commands import Verb
from contracts.findings import Kind
from contracts.readings import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dataflows.offsets import Lost
    from detectors.windows import Adjusted, Paused, Restarted, Warming

Entry = TypeVar("Entry")

__all__ = ["LISTED_MAX", "STAGES", "STEPS", "Happenings", "Named", "Refused", "Spans"]

STAGES = ("poll", "decode", "split", "samples", "windows", "alarms", "flood", "deliver")
STEPS = ("samples", "windows", "alarms", "flood")
RESULTS = ("accepted", "late", "duplicate", "out_of_order")
COMMANDS = ("done", "refused")
HEARTBEATS = ("delivered", "failed")
PASSED_OVER = ("unreadable", "too_many")
"""Why records of devices are."""
LEARNING = ("warming", "learning", "paused")
LISTED_MAX = 100
"""Series that are named in a list: who looks wants to know why, not to read a thousand names."""
STALL_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LATENCY_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


Named: TypeAlias = tuple[str, str | None]
"""(asset, sensor); a sensor of None: the asset as a whole."""


class Refused(NamedTuple):
    """Whose new series are refused: an asset has too many sensors, or a key group too many series."""

    rule: str
    """`sensors` of the asset, or `series` of the key group."""
    asset: str
    """For `series`: the first one that was refused."""
    group: str
    bound: int


class _Lists(NamedTuple):
    """What a key group's learned detectors can be asked for."""

    warming: Callable[[], Sequence[Warming]]
    paused: Callable[[], Sequence[Paused]]
    adjusted: Callable[[], Sequence[Adjusted]]


class Spans(Protocol):
    """Where it is told how long each batch took, beside the metrics."""

    def took(self, name: str, seconds: float, **attributes: int) -> None:
        """Something that has just ended took so long."""

    def epoch(self, seconds: float) -> None:
        """A lane's epoch has just ended, and was so long."""


class Happenings:
    """The metrics of one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Begin to count, from zero."""
        self.spans: Spans | None = None  # nobody is told how long each batch took
        self.registry = registry or CollectorRegistry()
        on = self.registry
        self._readings = Counter("andon_readings", "Readings by what became of them.", ["result"], registry=on)
        self._bad = Counter("andon_readings_bad", "Readings of less than good quality.", ["quality"], registry=on)
        self._rejects = Counter("andon_rejects", "Messages or values refused, by reason.", ["reason"], registry=on)
        self._devices_passed_over = Counter(
            "andon_devices_passed_over",
            "Records of the inventory topic that can't be read, or are about more devices than are watched.",
            ["reason"],
            registry=on,
        )
        self._umh_left_out = Counter(
            "andon_umh_left_out",
            "Messages of UMH topics that are no readings: texts, records, tombstones.",
            registry=on,
        )
        self._ts_missing = Counter(
            "andon_ts_missing", "Messages without ts: the Kafka timestamp was used.", registry=on
        )
        self._alerts = Counter("andon_alerts", "Alarm transitions.", ["kind", "priority", "transition"], registry=on)
        self._active = Gauge("andon_alarms_active", "Alarms active now.", ["kind", "priority"], registry=on)
        self._per_10min = Gauge("andon_alarms_per_10min", "Annunciated raises in the last 10 minutes.", registry=on)
        self._flood = Gauge("andon_alarms_flood", "1 while there are more than a person can follow.", registry=on)
        self._chattering = Gauge("andon_alarms_chattering", "Alarms that are raised again and again.", registry=on)
        self._old = Gauge("andon_alarms_stale", "Alarms active for more than 24 hours.", registry=on)
        self._waiting = Gauge("andon_findings_waiting", "Findings on which no alarm is decided yet.", registry=on)
        self._reconciled = Counter(
            "andon_alarms_reconciled", "Records that mended the alarm-state topic after a start.", registry=on
        )
        self._commands = Counter(
            "andon_commands", "Commands carried out or refused.", ["command", "result"], registry=on
        )
        self._heartbeats = Counter("andon_heartbeats", "Heartbeats by what became of them.", ["result"], registry=on)
        self._lag = Gauge("andon_consumer_lag_rows", "Messages not read yet.", ["topic", "partition"], registry=on)
        self._latency = Histogram(
            "andon_event_to_alert_seconds",
            "From the event time of an alert to its being handed to the producer; wall clock only.",
            buckets=LATENCY_S,
            registry=on,
        )
        self._stage = Counter("andon_stage_seconds", "Time spent in each stage.", ["stage"], registry=on)
        self._ready = Gauge("andon_ready", "1 while /readyz says so: the process does its work.", registry=on)
        self._snapshot_at = Gauge(
            "andon_last_snapshot_timestamp_seconds",
            "When a lane last saved its position, seconds since 1970; 0 before the first time.",
            registry=on,
        )
        self._epoch = Gauge("andon_epoch_seconds", "Time between the last two snapshots of a lane.", registry=on)
        self._stall = Histogram(
            "andon_epoch_stall_seconds",
            "Time for which a lane read nothing, because state was saved.",
            buckets=STALL_S,
            registry=on,
        )
        self._stall_s_max = self._stall_worked_s_max = 0.0
        self._snapshot = Counter("andon_snapshot_seconds", "Time spent copying state.", ["step"], registry=on)
        self._snapshot_bytes = Gauge("andon_snapshot_bytes", "Bytes of state, as last saved.", ["step"], registry=on)
        self._series = Gauge("andon_series", "Series known.", registry=on)
        self._assets = Gauge("andon_assets", "Assets known.", registry=on)
        self._windows = Counter("andon_windows_closed", "Windows closed.", registry=on)
        self._learning = Gauge("andon_learning", "Series by state of their learned detector.", ["state"], registry=on)
        self._in_flight = Gauge(
            "andon_sink_in_flight", "Records handed to the producer, not confirmed yet.", registry=on
        )
        self._sink_errors = Counter("andon_sink_errors", "Records that could not be delivered.", registry=on)
        self._sources_failed = Counter(
            "andon_source_errors", "Faults of the source that pass by themselves.", registry=on
        )
        self._outages = Counter("andon_broker_outages", "Times at which the broker stopped answering.", registry=on)
        self._lost = Counter(
            "andon_offsets_lost_rows",
            "Messages that were gone before they were read; at least one a partition, where nobody knows how many.",
            registry=on,
        )
        self._build = Gauge("andon_build_info", "Always 1.", ["version", "python", "bytewax"], registry=on)
        self._config = Gauge("andon_config_info", "Always 1.", ["hash"], registry=on)
        ProcessCollector(registry=on)  # its memory, processor time, open files and start
        self._log = structlog.get_logger("andon")
        self._learners: list[_Lists] = []
        self._samplers: tuple[WeakMethod[Callable[[], Sequence[Named]]], ...] = ()
        self._machines: tuple[WeakMethod[Callable[[], Sequence[Named]]], ...] = ()
        self._refused: list[Refused] = []
        self._told: set[str] = set()
        self._cut_off: set[str] = set()
        self._start_at_zero()
        self._stages = {stage: self._stage.labels(stage) for stage in STAGES}  # asked for with every block

    def _start_at_zero(self) -> None:
        for metric, values in (
            (self._readings, RESULTS),
            (self._bad, ("uncertain", "bad")),
            (self._rejects, tuple(Reason)),
            (self._stage, STAGES),
            (self._snapshot, STEPS),
            (self._snapshot_bytes, STEPS),
            (self._learning, LEARNING),
            (self._heartbeats, HEARTBEATS),
            (self._devices_passed_over, PASSED_OVER),
        ):
            for value in values:
                metric.labels(value)
        for verb in Verb:
            for result in COMMANDS:
                self._commands.labels(verb, result)
        for kind in Kind:
            for priority in Priority:
                self._active.labels(kind, priority)
                for transition in Transition:
                    self._alerts.labels(kind, priority, transition)

    def readings_judged(
        self, *, accepted: int, late: int, duplicate: int, out_of_order: int, uncertain: int, bad: int
    ) -> None:
        """Rows of one block went through the rules; the first four sum to the rows."""
        for result, count in zip(RESULTS, (accepted, late, duplicate, out_of_order), strict=True):
            if count:
                self._readings.labels(result).inc(count)
        if uncertain:
            self._bad.labels("uncertain").inc(uncertain)
        if bad:
            self._bad.labels("bad").inc(bad)

    def message_rejected(self, reason: Reason, count: int = 1) -> None:
        """Messages, or values of messages of many, were set aside for the dead letters."""
        self._rejects.labels(reason).inc(count)

    def ts_missed(self, count: int) -> None:
        """Messages came without a time of their own."""
        self._ts_missing.inc(count)

    def devices_passed_over(self, reason: str, count: int) -> None:
        """Records of devices can't be read, or there are more devices than are watched."""
        self._devices_passed_over.labels(reason).inc(count)
        if self._once(f"devices {reason}"):
            self._log.warning("devices passed over", reason=reason, repeated="counted, not logged")

    def umh_left_out(self, count: int) -> None:
        """Messages of a UMH topic said something that is no reading."""
        self._umh_left_out.inc(count)

    def alarm_changed(self, record: AlertRecord) -> None:
        """An alarm made a transition."""
        alert = record.alert
        self._alerts.labels(alert.kind, alert.priority, alert.transition).inc()

    def alarms_stand(self, changes: Mapping[tuple[str, Priority], int], *, chattering: int) -> None:
        """So many more (or fewer) alarms are active, by kind and priority, and so many more chatter."""
        for (kind, priority), change in changes.items():
            if change:
                self._active.labels(kind, priority).inc(change)
        if chattering:
            self._chattering.inc(chattering)

    def alarms_aged(self, change: int) -> None:
        """So many more (or fewer) alarms have been active for more than a day."""
        self._old.inc(change)

    def findings_wait(self, count: int) -> None:
        """So many findings wait to be decided, those of all key groups of this process."""
        self._waiting.set(count)

    def flood_measured(self, *, under_way: bool, raised_lately: int) -> None:
        """The site's raises of the last ten minutes were counted."""
        self._flood.set(under_way)
        self._per_10min.set(raised_lately)

    def alarm_states_read(self, *, records: int, left_out: int, unreadable: int) -> None:
        """The alarm-state topic was read up to where it ended at the start."""
        self._log.info("alarm states read", records=records)
        if left_out or unreadable:
            self._log.error("alarm states not compared", left_out=left_out, unreadable=unreadable)

    def alarm_states_compared(self) -> None:
        """Every key group was told what the alarm-state topic said of it at the start."""
        self._log.info("alarm states compared")

    def alarms_reconciled(self, told: Sequence[object]) -> None:
        """What the alarm-state topic said of a key group wasn't what is known here, and was mended."""
        self._reconciled.inc(len(told))
        transitions = sum(isinstance(one, AlertRecord) for one in told)
        self._log.warning("alarm states mended", transitions=transitions, records=len(told) - transitions)

    def command_refused(self, reason: Reason) -> None:
        """A command can't be read, or can't be done, and becomes a dead letter."""
        self.message_rejected(reason)
        if reason is Reason.BAD_SIGNATURE and self._once("signature"):
            self._log.warning(
                "command refused", reason=reason, detail="see its dead letter", repeated="counted, not logged"
            )

    def command_ended(self, verb: Verb, *, done: bool) -> None:
        """A command was carried out, or refused."""
        self._commands.labels(verb, COMMANDS[not done]).inc()
        if not done:
            self.command_refused(Reason.BAD_COMMAND)

    def heartbeat_ended(self, *, delivered: bool) -> None:
        """The broker has a heartbeat, or it never will."""
        self._heartbeats.labels(HEARTBEATS[not delivered]).inc()

    def alert_sent(self, seconds: float) -> None:
        """An alert was handed to the producer so long after its event time."""
        self._latency.observe(max(0.0, seconds))

    def lag_measured(self, *, topic: str, partition: int, rows: int) -> None:
        """A lane compared its position with the end of a partition."""
        self._lag.labels(topic, partition).set(rows)

    def stage_took(self, stage: str, seconds: float) -> None:
        """One batch spent this long in a stage."""
        self._stages[stage].inc(seconds)
        if self.spans is not None:
            self.spans.took(stage, seconds)

    def epoch_ended(self, seconds: float) -> None:
        """A lane was asked for its position again after so long."""
        self._epoch.set(seconds)
        self._snapshot_at.set_to_current_time()
        if self.spans is not None:
            self.spans.epoch(seconds)

    def traces_unsent(self, reason: str) -> None:
        """Whoever collects traces doesn't take them: they are thrown away, and andon goes on."""
        if self._once("traces"):
            self._log.warning("traces not sent", reason=reason, repeated="not logged")

    def readiness_asked(self, *, ready: bool) -> None:
        """Somebody wants to know whether this process does its work."""
        self._ready.set(ready)

    def epoch_closed(self, seconds: float, *, worked_s: float) -> None:
        """A lane reads again, so long after it was asked for its position: meanwhile all of the state was saved.

        Args:
            worked_s: how much of it was work, not waiting for the disk, other processes and other programs.
        """
        self._stall.observe(seconds)
        self._stall_s_max = max(self._stall_s_max, seconds)
        self._stall_worked_s_max = max(self._stall_worked_s_max, worked_s)

    def snapshot_taken(self, step: str, *, seconds: float, bytes_before: int, bytes_after: int) -> None:
        """A key group's state was copied."""
        self._snapshot.labels(step).inc(seconds)
        self._snapshot_bytes.labels(step).inc(bytes_after - bytes_before)
        if self.spans is not None:
            self.spans.took(f"snapshot {step}", seconds, bytes=bytes_after)

    def series_grew(self, *, series: int, assets: int) -> None:
        """A key group knows so many more."""
        self._series.inc(series)
        self._assets.inc(assets)

    def windows_closed(self, count: int) -> None:
        """Windows went to the learned detectors."""
        self._windows.inc(count)

    def learning_changed(self, *, warming: int, learning: int, paused: int) -> None:
        """A key group has so many more (or fewer) series in each state."""
        for state, change in zip(LEARNING, (warming, learning, paused), strict=True):
            if change:
                self._learning.labels(state).inc(change)

    def lanes_opened(self, *, lanes: int, positions: Mapping[str, int], resumed: bool) -> None:
        """All lanes of this process know where to read."""
        self._log.info(
            "ready",
            lanes=lanes,
            partitions=len(positions),
            resumed=resumed,
            cpu_s=round(process_time(), 2),
            positions=dict(positions),
        )

    def reading_began(self, *, topic: str, partition: int, offset: int) -> None:
        """The first messages of this process came."""
        self._log.info("first reading", topic=topic, partition=partition, offset=offset)

    def source_failed(self, name: str, detail: str) -> None:
        """A fault that librdkafka mends by itself, tells of again and again, and names."""
        self._sources_failed.inc()
        if self._once(f"source {name}"):
            self._log.warning("source failed", error=name, detail=detail, repeated="counted, not logged")

    def commits_refused(self, *, group: str, detail: str) -> None:
        """Positions can't be committed: andon goes on, and Kafka's tools don't see how far it is."""
        if self._once(f"commits {group}"):
            self._log.warning("commits refused", group=group, detail=detail, remedy=f"grant READ of group {group}")

    def direct_lane_missed(self, reason: str) -> None:
        """Messages come as objects, though they were to come directly: slower, and otherwise the same."""
        if self._once("direct lane"):
            self._log.warning("direct lane missed", reason=reason, instead="messages")

    def offsets_lost(self, lost: Lost) -> None:
        """Retention passed a position, or its topic was made anew, and the settings say to go on."""
        self._lost.inc(max(1, lost.rows))
        self._log.error(
            "offsets lost",
            partition=str(lost.partition),
            asked=lost.asked,
            first=lost.available.first,
            end=lost.available.end,
            rows=lost.rows,
            made_anew=lost.anew,
        )

    def broker_lost(self, reader: str) -> None:
        """The broker stopped answering one of the readers of this process."""
        if not self._cut_off:
            self._outages.inc()
            self._log.warning("broker lost", noticed_by=reader)
        self._cut_off.add(reader)

    def broker_found(self, reader: str) -> None:
        """The broker answers a reader again."""
        self._cut_off.discard(reader)
        if not self._cut_off:
            self._log.info("broker found", noticed_by=reader)

    def _once(self, what: str) -> bool:
        news = what not in self._told
        self._told.add(what)
        return news

    def sink_in_flight(self, count: int) -> None:
        """The producer holds so many records."""
        self._in_flight.set(count)

    def sink_troubled(self, name: str, detail: str) -> None:
        """The producer tells of a fault that may pass: records wait meanwhile."""
        if self._once(f"sink {name}"):
            self._log.warning("sink troubled", error=name, detail=detail)

    def sink_failed(self) -> None:
        """A record could not be delivered: the process is about to stop."""
        self._sink_errors.inc()

    def learner_met(
        self,
        warming: Callable[[], Sequence[Warming]],
        paused: Callable[[], Sequence[Paused]] = tuple,
        adjusted: Callable[[], Sequence[Adjusted]] = tuple,
    ) -> None:
        """A key group's learned detectors are there: who of theirs warms, is paused, is adjusted can be asked for."""
        self._learners.append(_Lists(warming, paused, adjusted))

    def sampler_met(
        self, out_of_service: Callable[[], Sequence[Named]], resting: Callable[[], Sequence[Named]] | None = None
    ) -> None:
        """A key group is there: what of it is out of service, or rests, can be asked for while it lives.

        Args:
            out_of_service: a bound method.
            resting: another one of the same object.
        """
        living = (one for one in self._samplers if one() is not None)
        self._samplers = (*living, WeakMethod(out_of_service))
        if resting is not None:
            still = (one for one in self._machines if one() is not None)
            self._machines = (*still, WeakMethod(resting))

    def capacity_met(self, refused: Refused) -> None:
        """A bound was met for the first time by an asset, or by a key group: its new series are refused."""
        if len(self._refused) < LISTED_MAX and refused not in self._refused:
            self._refused.append(refused)
            self._log.warning("capacity met", **refused._asdict())

    def models_restarted(self, restarted: Iterable[Restarted]) -> None:
        """Models of a key group couldn't go on from what was saved, and learn afresh: a line for each reason.

        Changed settings may concern every series of the plant.
        """
        by_reason: dict[str, list[Restarted]] = {}
        for one in restarted:
            by_reason.setdefault(one.reason, []).append(one)
        for reason, those in by_reason.items():
            first = those[0]
            self._log.warning(
                "models restarted", asset=first.asset, sensor=first.sensor, reason=reason, others=len(those) - 1
            )

    def warming(self) -> list[Warming]:
        """Series that haven't seen enough windows to alarm; at most `LISTED_MAX` of them."""
        return _first(learner.warming for learner in self._learners)

    def paused(self) -> list[Paused]:
        """Series whose newest window wasn't learned; at most `LISTED_MAX` of them."""
        return _first(learner.paused for learner in self._learners)

    def adjusted(self) -> list[Adjusted]:
        """Series whose threshold people have raised; at most `LISTED_MAX` of them."""
        return _first(learner.adjusted for learner in self._learners)

    def out_of_service(self) -> list[Named]:
        """What people have taken out of service; at most `LISTED_MAX` of it."""
        return _first(ask for one in self._samplers if (ask := one()) is not None)

    def resting(self) -> list[Named]:
        """Machines that rest, by what their own sensor says; at most `LISTED_MAX` of them."""
        return _first(ask for one in self._machines if (ask := one()) is not None)

    def refused(self) -> list[Refused]:
        """Where a bound was met, so that new series are refused; at most `LISTED_MAX` of these."""
        return list(self._refused)

    def account(self) -> dict[str, float | Mapping[str, float]]:
        """What has happened until now, in few figures: for the line with which a process ends."""
        counted = {"readings": self._readings, "rejects": self._rejects, "alerts": self._alerts}
        results = {result: int(count) for result, count in _by_label(self._readings).items()}
        totals = {name: int(sum(_by_label(metric).values())) for name, metric in counted.items()}
        return {
            **totals,
            "results": results,
            "cpu_s": round(process_time(), 2),
            "epoch_stall_s_max": round(self._stall_s_max, 3),
            "epoch_stall_worked_s_max": round(self._stall_worked_s_max, 3),
            "stage_seconds": {stage: round(spent, 3) for stage, spent in _by_label(self._stage).items()},
        }

    def started(self, *, version: str, python: str, bytewax: str, config_hash: str) -> None:
        """The process runs with these."""
        self._build.labels(version, python, bytewax).set(1)
        self._config.labels(config_hash).set(1)


def _first(asks: Iterable[Callable[[], Sequence[Entry]]]) -> list[Entry]:
    """The beginning of all lists together."""
    found: list[Entry] = []
    for ask in asks:
        found += ask()[: LISTED_MAX - len(found)]
    return found


def _by_label(counter: Counter) -> dict[str, float]:
    """A counter's totals by its labels, joined."""
    return {
        "/".join(sample.labels.values()): sample.value
        for metric in counter.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
