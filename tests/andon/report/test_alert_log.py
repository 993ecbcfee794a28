"""Alerts are read back once each, however often they were written."""

from __future__ import annotations

from io import BytesIO

import pytest

from andon.report.alert_log import AlertLog, lines_of
from contracts.alarm_states import AlarmState
from contracts.alerts import State, Transition
from contracts.errors import SourceError
from contracts.limits import MESSAGE_BYTES_MAX
from tests.andon.alert_bodies import NOON, alert


def log_of(*bodies, **bounds):
    log = AlertLog(**bounds)
    for body in bodies:
        log.take(*body) if isinstance(body, tuple) else log.take(body)
    return log


def test_an_alert_that_was_repeated_after_a_crash_counts_once():
    """The service says a transition again after a kill -9; the report isn't worse for it."""
    raised = alert(NOON).body()

    log = log_of((raised, b"id-1"), (raised, b"id-1"), (alert(NOON + 1).body(), b"id-2"))

    assert len(log.events) == 2
    assert (log.read, log.repeated) == (3, 1)


def test_equal_bodies_with_different_ids_are_different_transitions():
    """Two people may do the same in the same millisecond."""
    body = alert(NOON).body()

    assert len(log_of((body, b"id-1"), (body, b"id-2")).events) == 2


def test_in_a_file_an_equal_line_is_the_same_alert():
    """Two recordings of the same day can be given together."""
    body = alert(NOON).body()

    log = log_of(body, body)

    assert (len(log.events), log.repeated) == (1, 1)


@pytest.mark.parametrize("body", [None, b"", b"{}", b"null", b"\xff", b'{"schema":1'])
def test_what_is_no_alert_is_counted_and_passed_over(body):
    """A foreign record on the topic costs nobody the report."""
    log = log_of(body, alert(NOON).body())

    assert (len(log.events), log.unreadable, log.read) == (1, 1, 2)


def test_more_alerts_than_memory_should_hold_are_refused_with_the_way_out():
    """A year of floods ends in a sentence, not in a machine without memory."""
    with pytest.raises(SourceError, match="more than 2 alerts: report a shorter time with --since"):
        log_of(*(alert(NOON + place).body() for place in range(3)), alerts_max=2)


def test_an_alarm_that_was_raised_before_the_first_alert_is_known_from_its_state():
    """What has stood for a week is stale, though its raise was long ago."""
    log = AlertLog()

    log.stands(state_of(alert(NOON, "acknowledged", onset_ts=NOON - 5000), raised_ts=NOON - 4000))

    assert [(event.ts, event.transition, event.state) for event in log.events] == [
        (NOON - 4000, Transition.RAISED, State.ACTIVE_UNACKED),
        (NOON, Transition.ACKNOWLEDGED, State.ACTIVE_ACKED),
    ]


def test_an_alarm_whose_alerts_were_read_is_not_counted_again():
    """The state topic adds only what the alerts don't say."""
    log = log_of(alert(NOON).body())

    log.stands(state_of(alert(NOON), raised_ts=NOON))

    assert len(log.events) == 1


def test_lines_are_read_without_empty_ones():
    """A file that was edited by hand is read as well."""
    assert list(lines_of(BytesIO(b"a\n\n  \nb \r\nc"))) == [b"a", b"b", b"c"]


def test_a_line_without_an_end_takes_no_memory():
    """A file that is no NDJSON at all is refused, not held."""
    long = b"x" * (3 * MESSAGE_BYTES_MAX)

    lines = list(lines_of(BytesIO(long + b"\nnext\n")))

    assert [len(line) for line in lines] == [MESSAGE_BYTES_MAX, 4]


def state_of(newest, *, raised_ts):
    return AlarmState(alert=newest, said=newest.message, raised_ts=raised_ts)
