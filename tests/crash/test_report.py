"""What a run says in the end: to people by fault, to programs as one object."""

from __future__ import annotations

from collections import Counter

from tests.crash.bench import Outcome, Round
from tests.crash.judge import Verdict
from tests.crash.report import failures, summary, table

CLEAN = Verdict(Counter(), Counter(), Counter({0: 7}), (), ())


def judged(verdict=CLEAN, *, missing="", memory_mb_max=300.0, alerts=120):
    """One round of two faults."""
    return Round(
        outcomes=(Outcome("cut", 1.0, 2.0, ""), Outcome("kill broker", 9.0, 6.0, missing)),
        verdict=verdict,
        alerts=alerts,
        readings=4_000,
        memory_mb_max=memory_mb_max,
        processes=2,
    )


def test_a_clean_run_is_a_line_for_each_sort_of_fault_and_no_failure():
    """In the order of the list of faults, whatever came first."""
    rounds = [judged(), judged()]

    assert table(rounds).splitlines()[2:] == [
        "| kill broker | 2 | 0 | 0 | 0 | 6.0 s | 6.0 s |",
        "| cut | 2 | 0 | 0 | 14 | 2.0 s | 2.0 s |",
    ]
    assert list(failures(rounds)) == []


def test_programs_are_told_the_totals():
    """Of all rounds together."""
    told = summary([judged(Verdict(Counter({-1: 1}), Counter({1: 2}), Counter(), ("key",), ())), judged()])

    assert told["faults"] == 4
    assert (told["lost"], told["doubled"], told["states_differing"]) == (1, 2, 1)
    assert (told["resume_s_p50"], told["resume_s_p99"]) == (4.0, 6.0)


def test_what_happens_before_the_first_fault_has_a_line_of_its_own():
    """A service that loses something in peace is no better."""
    lost = judged(Verdict(Counter({-1: 3}), Counter(), Counter(), (), ()))

    assert table([lost]).splitlines()[-1] == "| (before the first) | 0 | 3 | 0 | 0 | – | – |"


def test_each_thing_that_is_not_as_it_should_be_is_a_failure():
    """Lost, doubled, another state; a cause that wasn't named; too much memory; nothing to compare."""
    for round_, told in (
        (judged(Verdict(Counter({0: 1}), Counter(), Counter(), (), ("lost: it",))), ["1 lost", "lost: it"]),
        (judged(Verdict(Counter(), Counter({0: 1}), Counter(), (), ())), ["1 doubled"]),
        (judged(Verdict(Counter(), Counter(), Counter(), ("key",), ())), ["1 states differ"]),
        (judged(missing="broker lost"), ["kill broker: nothing in the log says 'broker lost'"]),
        (judged(memory_mb_max=2_000), ["a process took 2000 MB"]),
        (judged(alerts=0), ["nothing to compare"]),
    ):
        found = list(failures([round_]))
        assert len(found) == len(told)
        assert all(part in line for part, line in zip(told, found, strict=True)), found
