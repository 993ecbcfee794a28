"""What happens in a dataflow, told to Prometheus and to the log: one method for each happening, and only they do so.

Labels come from closed lists, never from the plant, and every label value starts at 0. What happens again and again is
logged once and counted each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from contracts.alerts import Priority, Transition
from contracts.findings import Kind
from contracts.readings import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from contracts.alerts import AlertRecord
    from dataflows.offsets import Lost
    from detectors.windows import Warming

__all__ = ["STAGES", "STEPS", "Happenings"]

STAGES = ("poll", "decode", "split", "samples", "windows", "alarms", "deliver")
STEPS = ("samples", "windows", "alarms")
RESULTS = ("accepted", "late", "duplicate", "out_of_order")
LEARNING = ("warming", "learning", "paused")
WARMING_MAX = 100
"""Series that are named while they warm: who looks wants to know why, not to read a thousand names."""
LATENCY_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Happenings:
    """The metrics of one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        on = self.registry
        self._readings = Counter("andon_readings", "Readings by what became of them.", ["result"], registry=on)
        self._bad = Counter("andon_readings_bad", "Readings of less than good quality.", ["quality"], registry=on)
        self._rejects = Counter("andon_rejects", "Messages or values refused, by reason.", ["reason"], registry=on)
        self._ts_missing = Counter(
            "andon_ts_missing", "Messages without ts: the Kafka timestamp was used.", registry=on
        )
        self._alerts = Counter("andon_alerts", "Alarm transitions.", ["kind", "priority", "transition"], registry=on)
        self._active = Gauge("andon_alarms_active", "Alarms active now.", ["kind", "priority"], registry=on)
        self._lag = Gauge("andon_consumer_lag_rows", "Messages not read yet.", ["topic", "partition"], registry=on)
        self._latency = Histogram(
            "andon_event_to_alert_seconds",
            "From the event time of an alert to its being handed to the producer; wall clock only.",
            buckets=LATENCY_S,
            registry=on,
        )
        self._stage = Counter("andon_stage_seconds", "Time spent in each stage.", ["stage"], registry=on)
        self._epoch = Gauge("andon_epoch_seconds", "Time between the last two snapshots of a lane.", registry=on)
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
        self._lost = Counter("andon_offsets_lost_rows", "Messages that expired before they were read.", registry=on)
        self._build = Gauge("andon_build_info", "Always 1.", ["version", "python", "bytewax"], registry=on)
        self._config = Gauge("andon_config_info", "Always 1.", ["hash"], registry=on)
        self._log = structlog.get_logger("andon")
        self._learners: list[Callable[[], Sequence[Warming]]] = []
        self._told: set[str] = set()
        self._cut_off: set[str] = set()
        self._start_at_zero()

    def _start_at_zero(self) -> None:
        for metric, values in (
            (self._readings, RESULTS),
            (self._bad, ("uncertain", "bad")),
            (self._rejects, tuple(Reason)),
            (self._stage, STAGES),
            (self._snapshot, STEPS),
            (self._snapshot_bytes, STEPS),
            (self._learning, LEARNING),
        ):
            for value in values:
                metric.labels(value)
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

    def alarm_changed(self, record: AlertRecord) -> None:
        """An alarm made a transition."""
        alert = record.alert
        self._alerts.labels(alert.kind, alert.priority, alert.transition).inc()
        if alert.transition is Transition.RAISED:
            self._active.labels(alert.kind, alert.priority).inc()
        elif alert.transition in (Transition.CLEARED, Transition.REMOVED):
            self._active.labels(alert.kind, alert.priority).dec()

    def alarm_restored(self, kind: str, priority: Priority) -> None:
        """An alarm was active when the state was saved."""
        self._active.labels(kind, priority).inc()

    def alert_sent(self, seconds: float) -> None:
        """An alert was handed to the producer so long after its event time."""
        self._latency.observe(max(0.0, seconds))

    def lag_measured(self, *, topic: str, partition: int, rows: int) -> None:
        """A lane compared its position with the end of a partition."""
        self._lag.labels(topic, partition).set(rows)

    def stage_took(self, stage: str, seconds: float) -> None:
        """One batch spent this long in a stage."""
        self._stage.labels(stage).inc(seconds)

    def epoch_ended(self, seconds: float) -> None:
        """A lane was asked for its position again after so long."""
        self._epoch.set(seconds)

    def snapshot_taken(self, step: str, *, seconds: float, bytes_before: int, bytes_after: int) -> None:
        """A key group's state was copied."""
        self._snapshot.labels(step).inc(seconds)
        self._snapshot_bytes.labels(step).inc(bytes_after - bytes_before)

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
        self._log.info("ready", lanes=lanes, partitions=len(positions), resumed=resumed, positions=dict(positions))

    def reading_began(self, *, topic: str, partition: int, offset: int) -> None:
        """The first messages of this process came."""
        self._log.info("first reading", topic=topic, partition=partition, offset=offset)

    def source_failed(self, name: str, detail: str) -> None:
        """A fault that librdkafka mends by itself, tells of again and again, and names."""
        self._sources_failed.inc()
        if self._once(f"source {name}"):
            self._log.warning("source failed", error=name, detail=detail, repeated="counted, not logged")

    def offsets_lost(self, lost: Lost) -> None:
        """Retention passed the position of a partition, and the settings say to go on."""
        self._lost.inc(lost.rows)
        partition, asked, available = lost
        self._log.error(
            "offsets lost",
            partition=str(partition),
            asked=asked,
            first=available.first,
            end=available.end,
            rows=lost.rows,
        )

    def partitions_added(self, counts: Mapping[str, int]) -> None:
        """Topics have more partitions than when the process started, and nobody reads those."""
        if self._once(f"partitions {sorted(counts.items())}"):
            self._log.error(
                "partitions unread", topics=dict(counts), remedy="restart andon: new partitions are read then"
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

    def learner_met(self, warming: Callable[[], Sequence[Warming]]) -> None:
        """A key group's learned detectors are there: who of theirs is still warming can be asked for."""
        self._learners.append(warming)

    def model_restarted(self, *, asset: str, sensor: str | None, reason: str) -> None:
        """A model couldn't go on from what was saved, and learns afresh."""
        self._log.warning("model restarted", asset=asset, sensor=sensor, reason=reason)

    def warming(self) -> list[Warming]:
        """Series that haven't seen enough windows to alarm; at most `WARMING_MAX` of them."""
        found: list[Warming] = []
        for learner in self._learners:
            found += learner()[: WARMING_MAX - len(found)]
        return found

    def account(self) -> dict[str, int | Mapping[str, float]]:
        """What has happened until now, in few figures: for the line with which a process ends."""
        counted = {"readings": self._readings, "rejects": self._rejects, "alerts": self._alerts}
        results = {result: int(count) for result, count in _by_label(self._readings).items()}
        totals = {name: int(sum(_by_label(metric).values())) for name, metric in counted.items()}
        return {
            **totals,
            "results": results,
            "stage_seconds": {stage: round(spent, 3) for stage, spent in _by_label(self._stage).items()},
        }

    def started(self, *, version: str, python: str, bytewax: str, config_hash: str) -> None:
        """The process runs with these."""
        self._build.labels(version, python, bytewax).set(1)
        self._config.labels(config_hash).set(1)


def _by_label(counter: Counter) -> dict[str, float]:
    """A counter's totals by its labels, joined."""
    return {
        "/".join(sample.labels.values()): sample.value
        for metric in counter.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
