"""What was kept of a run counts in the next one as if it had been part of it."""

from __future__ import annotations

from collections import Counter

from tests.crash.bench import Outcome, Round
from tests.crash.judge import Verdict
from tests.crash.kept import keep, kept
from tests.crash.report import summary, table

ROUNDS = [
    Round(
        outcomes=(Outcome("cut", 1.5, 2.25, ""), Outcome("expired", 9.0, 4.0, "a cause")),
        verdict=Verdict(Counter({-1: 2}), Counter({1: 1}), Counter({0: 7}), ("press//s0",), ("lost: …",)),
        alerts=120,
        readings=4_000,
        memory_mb_max=270.5,
        processes=2,
    ),
    Round(
        outcomes=(Outcome("cut", 3.0, 0.75, ""),),
        verdict=Verdict(Counter(), Counter(), Counter(), (), ()),
        alerts=60,
        readings=2_000,
        memory_mb_max=300.0,
        processes=1,
    ),
]


def test_rounds_come_back_as_they_were_kept(tmp_path):
    """With every fault, and with whose it was."""
    for round_ in ROUNDS:
        keep(tmp_path / "rounds", round_)

    again = kept(tmp_path / "rounds")

    assert again == ROUNDS
    assert (table(again), summary(again)) == (table(ROUNDS), summary(ROUNDS))


def test_nothing_was_kept_before_the_first_run(tmp_path):
    """The file is made by it."""
    assert kept(tmp_path / "rounds") == []
