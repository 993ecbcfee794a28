"""The two dashboards, made by code: `python -m deploy.grafana.dashboards` writes plant.json and service.json anew.

*Plant* is for those who look after alarms: how many stand, how many come, against what a person can handle (EEMUA 191,
ISA-18.2). *Service* is for those who run andon: does it keep up, is it sound, where does the time go. Every query is
put to a real Prometheus by tests/kafka/test_compose.py.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from grafana_foundation_sdk.builders import (
    alertgroups,
    bargauge,
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DASHBOARDS", "FOLDER", "main", "written"]

FOLDER = Path(__file__).resolve().parent
SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
ALERTMANAGER = "Alertmanager"
"""The source's name, as provisioning/datasources/sources.yml has it. No metric names an asset; alerts do."""
MINE = 'job=~"$job"'
GREEN, YELLOW, ORANGE, RED, BLUE = "green", "yellow", "orange", "red", "blue"
_COLOURS = {"critical": "dark-red", "high": RED, "medium": YELLOW, "low": BLUE}
_PRIORITIES = tuple(_COLOURS)


# ── Plant ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def plant() -> dashboard.Dashboard:
    """What stands and what comes, and whether people can follow."""
    page = _page("andon: plant", "andon-plant", "Alarms: what stands, what comes, and whether people can follow.")
    page.with_row(dashboard.Row("What stands"))
    for priority in _PRIORITIES:
        page.with_panel(
            _number(
                priority,
                f'sum(andon_alarms_active{{{MINE}, priority="{priority}"}})',
                f"Active alarms of priority {priority}, also those that are shelved or suppressed.",
                steps=((0, GREEN), (1, _COLOURS[priority])),
            )
        )
    page.with_panel(
        _number(
            "longer than a day",
            f"sum(andon_alarms_stale{{{MINE}}})",
            "Standing alarms: nobody looks at them any more. At most four at a time.",
            steps=((0, GREEN), (5, RED)),
        )
    )
    page.with_panel(
        _number(
            "chattering",
            f"sum(andon_alarms_chattering{{{MINE}}})",
            "Raised and cleared again and again. They are told once; their rules want a deadband or a delay.",
            steps=((0, GREEN), (1, ORANGE)),
        )
    )
    page.with_panel(
        _lines(
            "Active alarms, by priority",
            [(f"sum by (priority) (andon_alarms_active{{{MINE}}})", "{{priority}}")],
            "What stands, over time.",
            stacked=True,
        )
    )
    page.with_panel(
        _lines(
            "Active alarms, by kind",
            [(f"sum by (kind) (andon_alarms_active{{{MINE}}})", "{{kind}}")],
            "Limits, silence, anomalies … A kind that grows by itself has one cause: a gateway, a rule, a network.",
            stacked=True,
        )
    )
    page.with_panel(
        alertgroups.Panel()
        .title("What stands, by asset")
        .description("What Alertmanager holds of the plant, in the groups of deploy/alertmanager/alertmanager.yml.")
        .span(24)
        .height(8)
        .alertmanager(ALERTMANAGER)
        .labels('kind=~".+"')
    )
    raised = f'increase(andon_alerts_total{{{MINE}, transition="raised"}}[1d])'
    page.with_row(dashboard.Row("What comes, against what a person can handle"))
    page.with_panel(
        _lines(
            "Alarms in ten minutes",
            [
                (f"sum(andon_alarms_per_10min{{{MINE}}})", "now"),
                (f"sum(avg_over_time(andon_alarms_per_10min{{{MINE}}}[1d]))", "mean of a day"),
            ],
            "EEMUA 191: one in ten minutes is handled well, more than ten is a flood.",
            steps=((0, GREEN), (1, YELLOW), (10, RED)),
        )
    )
    page.with_panel(
        _number(
            "alarms in a day",
            f'sum(increase(andon_alerts_total{{{MINE}, transition="raised", kind!="flood"}}[1d]))',
            "ISA-18.2: about 150 a day are acceptable, 300 the most that can be managed.",
            steps=((0, GREEN), (150, YELLOW), (300, RED)),
            beside_lines=6,
        )
    )
    page.with_panel(
        _number(
            "flood",
            f"max(andon_alarms_flood{{{MINE}}})",
            "1 while more than ten alarms came in ten minutes, until fewer than five do.",
            steps=((0, GREEN), (1, RED)),
            beside_lines=6,
        )
    )
    page.with_panel(
        _bars(
            "Share of each priority, last day",
            f"sum by (priority) ({raised}) / ignoring (priority) group_left sum({raised} > 0)",
            "{{priority}}",
            "ISA-18.2: about 80 % low, 15 % medium, 5 % high, less than 1 % critical.",
            unit="percentunit",
        )
    )
    page.with_panel(
        _bars(
            "Raised in a day, by kind",
            f"sum by (kind) ({raised})",
            "{{kind}}",
            "Where the load comes from. `andon report` names the alarms.",
        )
    )
    page.with_panel(
        _lines(
            "What people and alarms did",
            [
                (
                    f"sum by (transition) (increase(andon_alerts_total{{{MINE}}}[$__rate_interval]))",
                    "{{transition}}",
                )
            ],
            "Raised, acknowledged, shelved, cleared …",
            span=8,
        )
    )
    page.with_row(dashboard.Row("Who is watched"))
    page.with_panel(_number("sensors", f"sum(andon_series{{{MINE}}})", "Series that andon knows.", beside_lines=4))
    page.with_panel(_number("assets", f"sum(andon_assets{{{MINE}}})", "Machines that andon knows.", beside_lines=4))
    page.with_panel(
        _lines(
            "Learned detectors",
            [(f"sum by (state) (andon_learning{{{MINE}}})", "{{state}}")],
            "Warming up: not judged yet. Paused: judged, and nothing is learned. `andon status` says who and why.",
            stacked=True,
            span=8,
        )
    )
    page.with_panel(
        _lines(
            "Readings of less than good quality",
            [(f"sum by (quality) (rate(andon_readings_bad_total{{{MINE}}}[$__rate_interval]))", "{{quality}}")],
            "Uncertain ones are checked and never learned, bad ones are neither.",
            unit="reqps",
            span=8,
        )
    )
    return page


# ── Service ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def service() -> dashboard.Dashboard:
    """Does it keep up, is it sound, and where does the time go."""
    page = _page("andon: service", "andon-service", "Does andon keep up, is it sound, and where does the time go.")
    page.with_row(dashboard.Row("Is it well"))
    page.with_panel(
        _number(
            "processes that do their work",
            f"sum(andon_ready{{{MINE}}})",
            "Of those that Prometheus reaches. /readyz and `andon status` say why one doesn't.",
            steps=((0, RED), (1, GREEN)),
        )
    )
    page.with_panel(
        _number(
            "messages to read",
            f"sum(andon_consumer_lag_rows{{{MINE}}})",
            "Lag: what waits in Kafka.",
            steps=((0, GREEN), (10_000, ORANGE), (1_000_000, RED)),
        )
    )
    page.with_panel(
        _number(
            "saved",
            f"time() - min(andon_last_snapshot_timestamp_seconds{{{MINE}}} > 0)",
            "How long ago the process that is last in it saved its state; a crash repeats this much.",
            unit="s",
            steps=((0, GREEN), (60, ORANGE), (300, RED)),
        )
    )
    page.with_panel(
        _number(
            "different settings",
            f"count(count by (hash) (andon_config_info{{{MINE}}}))",
            "More than one: processes don't agree.",
            steps=((0, GREEN), (2, RED)),
        )
    )
    page.with_panel(
        _number(
            "versions",
            f"count by (version) (andon_build_info{{{MINE}}})",
            "Processes of each version.",
            legend="{{version}}",
        )
    )
    page.with_panel(
        _number(
            "starts in a day",
            f"sum(changes(process_start_time_seconds{{{MINE}}}[1d]))",
            "Beyond the first. In a cluster all begin again when one does.",
            steps=((0, GREEN), (4, ORANGE)),
        )
    )
    page.with_row(dashboard.Row("Does it keep up"))
    page.with_panel(
        _lines(
            "Readings in a second, by what became of them",
            [(f"sum by (result) (rate(andon_readings_total{{{MINE}}}[$__rate_interval]))", "{{result}}")],
            "Accepted, out of order (judged by windows only), late and duplicate (dropped).",
            unit="reqps",
            stacked=True,
        )
    )
    page.with_panel(
        _lines(
            "Refused in a second, by reason",
            [(f"sum by (reason) (rate(andon_rejects_total{{{MINE}}}[$__rate_interval]))", "{{reason}}")],
            "They are on the dead-letter topic: `andon dead-letters`.",
            unit="reqps",
            stacked=True,
        )
    )
    page.with_panel(
        _lines(
            "Lag by partition",
            [(f"sum by (topic, partition) (andon_consumer_lag_rows{{{MINE}}})", "{{topic}}/{{partition}}")],
            "One partition alone: a hot asset. All alike: too few processes, or a slow broker.",
        )
    )
    page.with_panel(
        _lines(
            "Processors in use",
            [(f"rate(process_cpu_seconds_total{{{MINE}}}[$__rate_interval])", "{{instance}}")],
            "A process uses one at most, and is at its end there: add processes.",
            steps=((0, GREEN), (0.8, ORANGE), (0.95, RED)),
        )
    )
    page.with_panel(
        _lines(
            "Where the time goes",
            [(f"sum by (stage) (rate(andon_stage_seconds_total{{{MINE}}}[$__rate_interval]))", "{{stage}}")],
            "Seconds of work in each second, by stage.",
            unit="percentunit",
            stacked=True,
        )
    )
    page.with_panel(
        _lines(
            "Waiting to be told",
            [
                (f"sum(andon_findings_waiting{{{MINE}}})", "findings without a decision"),
                (f"sum(andon_sink_in_flight{{{MINE}}})", "records that the broker hasn't confirmed"),
            ],
            "Both near zero but in a burst of thousands of alarms.",
        )
    )
    spread = f"increase(andon_event_to_alert_seconds_bucket{{{MINE}}}[1h])"
    page.with_row(dashboard.Row("From event to alert"))
    page.with_panel(
        heatmap.Panel()
        .title("From event to alert")
        .description("How long after its event an alert was handed to the producer.")
        .datasource(SOURCE)
        .span(12)
        .height(8)
        .unit("s")
        .with_target(
            _query(
                f"sum by (le) (increase(andon_event_to_alert_seconds_bucket{{{MINE}}}[$__rate_interval]))", "{{le}}"
            ).format(PromQueryFormat.HEATMAP)
        )
    )
    page.with_panel(
        _lines(
            "From event to alert: half, and all but one in a hundred",
            [
                (f"histogram_quantile({share}, sum by (le) ({spread}))", name)
                for share, name in ((0.5, "half"), (0.99, "99 %"))
            ],
            "Anomalies are known when their window closes: a minute by default.",
            unit="s",
        )
    )
    page.with_row(dashboard.Row("State"))
    page.with_panel(
        _lines(
            "Size, by step",
            [(f"sum by (step) (andon_snapshot_bytes{{{MINE}}})", "{{step}}")],
            "As last saved. It grows with sensors, not with time.",
            unit="bytes",
            stacked=True,
        )
    )
    page.with_panel(
        _lines(
            "Time spent copying it",
            [(f"sum by (step) (rate(andon_snapshot_seconds_total{{{MINE}}}[$__rate_interval]))", "{{step}}")],
            "Seconds in each second.",
            unit="percentunit",
            stacked=True,
        )
    )
    page.with_panel(
        _lines(
            "Epochs",
            [
                (f"andon_epoch_seconds{{{MINE}}}", "{{instance}}"),
                (
                    f"rate(andon_epoch_stall_seconds_sum{{{MINE}}}[$__rate_interval])",
                    "{{instance}}, stalled in a second",
                ),
            ],
            "Time between two snapshots: service.epoch_s, and more where saving takes long.",
            unit="s",
        )
    )
    page.with_panel(
        _lines(
            "Memory",
            [(f"process_resident_memory_bytes{{{MINE}}}", "{{instance}}")],
            "Of each process.",
            unit="bytes",
        )
    )
    page.with_row(dashboard.Row("Troubles, each counted"))
    page.with_panel(
        _lines(
            "Faults",
            [
                (f"sum(increase(andon_sink_errors_total{{{MINE}}}[$__rate_interval]))", "records not delivered"),
                (f"sum(increase(andon_source_errors_total{{{MINE}}}[$__rate_interval]))", "faults of the source"),
                (f"sum(increase(andon_broker_outages_total{{{MINE}}}[$__rate_interval]))", "broker away"),
                (f"sum(increase(andon_offsets_lost_rows_total{{{MINE}}}[$__rate_interval]))", "messages expired"),
                (
                    f'sum(increase(andon_heartbeats_total{{{MINE}, result="failed"}}[$__rate_interval]))',
                    "heartbeats failed",
                ),
            ],
            "All zero on a good day.",
        )
    )
    page.with_panel(
        _lines(
            "Commands",
            [
                (
                    f"sum by (command, result) (increase(andon_commands_total{{{MINE}}}[$__rate_interval]))",
                    "{{command}} {{result}}",
                )
            ],
            "What people asked for; what was refused is on the dead-letter topic with the reason.",
        )
    )
    return page


DASHBOARDS = {"plant.json": plant, "service.json": service}


# ── How panels look ──────────────────────────────────────────────────────────────────────────────────────────────────


def _page(title: str, uid: str, about: str) -> dashboard.Dashboard:
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(about)
        .tags(["andon"])
        .readonly()
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("source").label("source").type("prometheus"))
        .with_variable(
            dashboard.QueryVariable("job")
            .label("andon")
            .datasource(SOURCE)
            .query("label_values(andon_build_info, job)")
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .include_all(include_all=True)
            .multi(multi=True)
        )
    )


def _query(expression: str, legend: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).legend_format(legend)


def _steps(steps: Sequence[tuple[float, str]]) -> dashboard.ThresholdsConfig:
    """Colours from these values on; the first is what everything below has too."""
    (_, lowest), *others = steps
    thresholds = [
        Threshold(value=None, color=lowest),
        *(Threshold(value=value, color=colour) for value, colour in others),
    ]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(thresholds)


def _number(
    title: str,
    expression: str,
    about: str,
    *,
    unit: str = "short",
    legend: str = "",
    steps: Sequence[tuple[float, str]] = ((0, BLUE),),
    beside_lines: int = 0,
) -> stat.Panel:
    """One figure, as of now; `beside_lines`: as high as these, so many columns wide."""
    return (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .span(beside_lines or 4)
        .height(8 if beside_lines else 4)
        .unit(unit)
        .thresholds(_steps(steps))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA)
        .with_target(_query(expression, legend))
    )


def _lines(
    title: str,
    queries: Sequence[tuple[str, str]],
    about: str,
    *,
    unit: str = "short",
    stacked: bool = False,
    steps: Sequence[tuple[float, str]] = (),
    span: int = 12,
) -> timeseries.Panel:
    """Figures over time; (query, legend) each."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .span(span)
        .height(8)
        .unit(unit)
        .min(0)
        .fill_opacity(20 if stacked else 5)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if steps:
        panel.thresholds(_steps(steps))
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED))
    for expression, legend in queries:
        panel.with_target(_query(expression, legend))
    return panel


def _bars(title: str, expression: str, legend: str, about: str, *, unit: str = "short") -> bargauge.Panel:
    """Figures beside each other, as of now."""
    return (
        bargauge.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .span(8)
        .height(8)
        .unit(unit)
        .min(0)
        .orientation(VizOrientation.HORIZONTAL)
        .with_target(_query(expression, legend).instant())
    )


# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def written() -> dict[str, str]:
    """The text of every dashboard by its file name."""
    return {name: _json(make()) for name, make in DASHBOARDS.items()}


def _json(page: dashboard.Dashboard) -> str:
    return JSONEncoder(sort_keys=True, indent=2).encode(page.build()) + "\n"


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` compare them; returns the exit code."""
    stale = [name for name, text in written().items() if not _is_current(FOLDER / name, text)]
    if arguments == ["--check"]:
        for name in stale:
            click.echo(f"deploy/grafana/{name} isn't current: run `python -m deploy.grafana.dashboards`.", err=True)
        return 1 if stale else 0
    for name in stale:
        (FOLDER / name).write_text(written()[name], encoding="utf-8")
        click.echo(f"wrote deploy/grafana/{name}")
    return 0


def _is_current(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
