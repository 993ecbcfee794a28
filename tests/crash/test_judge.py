"""The judge finds each sort of difference: a bench that can't fail proves nothing."""

from __future__ import annotations

from tests.crash.collector import Told
from tests.crash.judge import judge, standing

STATES = {"press/temp/limit/h": b"stands"}


def told(ce_id, *, body=b"{}", kind="limit", ts=1_000, at_s=0.0):
    return Told(ce_id, body, "press-001", kind, ts, at_s)


def judged(disturbed, undisturbed, *, states=STATES, undisturbed_states=STATES):
    """Event times below 2,000 are during fault 0, others during fault 1; the same for when records were written."""
    return judge(
        disturbed,
        undisturbed,
        states=states,
        undisturbed_states=undisturbed_states,
        fault_of=lambda record: int(record.ts >= 2_000),
        fault_at=lambda record: int(record.at_s >= 2.0),
    )


def test_the_same_alerts_are_clean_whatever_their_order_and_however_often_they_were_written():
    """At least once is what is promised."""
    verdict = judged([told("b"), told("a"), told("a", at_s=3.0)], [told("a"), told("b")])

    assert verdict.clean
    assert verdict.repeated == {1: 1}


def test_a_lost_alert_is_put_down_to_the_fault_during_which_it_happened():
    """That is where to look for the reason."""
    verdict = judged([told("a")], [told("a"), told("b", ts=2_500)])

    assert not verdict.clean
    assert verdict.lost == {1: 1}
    assert len(verdict.examples) == 1


def test_an_alert_that_nobody_else_tells_is_doubled():
    """The same alarm under a new id, for instance: a consumer would see it twice."""
    verdict = judged([told("a"), told("again")], [told("a")])

    assert not verdict.clean
    assert verdict.doubled == {0: 1}


def test_an_alert_whose_body_differs_is_doubled():
    """Byte for byte is what is promised: among its own copies, and against the undisturbed run."""
    among = judged([told("a"), told("a", body=b"other", at_s=3.0)], [told("a")])
    against = judged([told("a", body=b"other")], [told("a")])

    assert among.doubled == {1: 1}
    assert against.doubled == {0: 1}


def test_what_stands_must_be_equal():
    """Both ways: a state too many, one too few, another one."""
    for states in ({}, {**STATES, "more": b""}, {"press/temp/limit/h": b"other"}):
        assert not judged([], [], states=states).clean


def test_floods_are_not_judged():
    """When one begins hangs on the order between assets."""
    assert judged([told("x", kind="flood")], []).clean


def test_what_stands_is_the_newest_of_each_key_without_tombstones_heartbeats_and_floods():
    """As a console reads a compacted topic."""
    records = [("a", b"1"), ("b", b"1"), ("a", b"2"), ("b", None), ("_heartbeat/p/h", b"x"), ("//flood/site", b"x")]

    assert standing(records) == {"a": b"2"}
