"""Traces: one for each epoch, a span for each batch, bounded."""

from __future__ import annotations

import time

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from andon.traces import SPANS_MAX, Traces
from dataflows.happenings import Happenings


@pytest.fixture
def exporter():
    """Keeps spans instead of sending them."""
    return InMemorySpanExporter()


def traced(exporter):
    """Metrics of a process that also makes traces."""
    happenings = Happenings()
    happenings.spans = Traces(exporter, version="1", site="plant-1", process=2)
    return happenings


def test_an_epoch_is_a_trace_and_each_batch_a_span_of_it(exporter):
    """Whoever looks at a slow epoch sees which stage took it."""
    happenings = traced(exporter)

    happenings.stage_took("decode", 0.25)
    happenings.snapshot_taken("samples", seconds=0.5, bytes_before=0, bytes_after=1000)
    happenings.epoch_ended(0.0)
    happenings.stage_took("decode", 0.75)
    happenings.spans.close()

    spans = exporter.get_finished_spans()
    roots = [span for span in spans if span.name == "epoch"]
    first = [span for span in spans if span.parent and span.parent.span_id == roots[0].context.span_id]
    assert len(roots) == 2
    assert [(span.name, (span.end_time - span.start_time) / 1e9) for span in first] == [
        ("decode", pytest.approx(0.25)),
        ("snapshot samples", pytest.approx(0.5)),
    ]
    assert first[1].attributes == {"bytes": 1000}
    assert roots[0].resource.attributes["service.namespace"] == "plant-1"
    assert roots[0].resource.attributes["service.instance.id"] == "2"


def test_the_epochs_of_all_lanes_are_one_trace(exporter):
    """Twelve lanes end theirs within moments."""
    happenings = traced(exporter)

    for _ in range(12):
        happenings.epoch_ended(3600.0)
    happenings.spans.close()

    assert [span.name for span in exporter.get_finished_spans()] == ["epoch"]


def test_short_spans_and_too_many_are_left_out_and_counted(exporter):
    """A flood of batches isn't made a flood of spans."""
    happenings = traced(exporter)

    happenings.stage_took("split", 0.0001)
    for _ in range(SPANS_MAX + 10):
        happenings.stage_took("decode", 0.002)
    happenings.spans.close()

    (root,) = [span for span in exporter.get_finished_spans() if span.name == "epoch"]
    assert root.attributes == {"andon.spans": SPANS_MAX, "andon.spans_left_out": 11}


def test_spans_lie_in_the_time_in_which_the_work_was_done(exporter):
    """They end when they are told, and begin that long before."""
    happenings = traced(exporter)
    before = time.time_ns()

    happenings.stage_took("samples", 0.1)
    happenings.spans.close()

    (span,) = [span for span in exporter.get_finished_spans() if span.name == "samples"]
    assert before <= span.end_time <= time.time_ns()
