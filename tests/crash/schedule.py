"""Which fault comes when: seeded, so that a run can be repeated."""

from __future__ import annotations

from random import Random

from tests.crash.faults import FAULTS

__all__ = ["SHORT", "SHORT_ASSETS", "SHORT_CLIENT", "SHORT_PROCESSES_MAX", "long_schedule", "short_schedule"]

SHORT = {
    "kill one process": 1,
    "kill all processes": 1,
    "terminate": 1,
    "rescale": 1,
    "pause broker 5 s": 1,
    "kill broker": 1,
    "delay": 4,
    "cut": 6,
    "half-open": 1,
    "full disk": 1,
    "clock jump": 1,
    "partition added": 1,
    "expired": 1,
}
"""How often each fault comes in the short form: those that take a minute are left to the long one."""
SHORT_ASSETS = 50
"""It is to be short on a busy machine, too: 5,000 readings a second, and at most two processes."""
SHORT_PROCESSES_MAX = 2
SHORT_CLIENT = """
[kafka.client]
"socket.timeout.ms" = 6000
"topic.metadata.refresh.interval.ms" = 2000
"""
"""What is only waited for is shorter: until a silent connection is given up, and a topic is seen to have grown."""

WEIGHTS = {
    "pause broker 40 s": 1,
    "readings deleted": 1,
    "alerts deleted": 1,
    "states deleted": 1,
    "clock jump": 2,
    "rescale": 3,
}
"""Of 4: how often a fault comes in the long form, beside the others."""

ROUND_FAULTS = 20
"""A round has topics and a state directory of its own, so that the topics don't fill the disk."""


def short_schedule(seed: int) -> list[list[str]]:
    """One round."""
    names = [name for name, times in SHORT.items() for _ in range(times)]
    Random(seed).shuffle(names)
    return [names]


def long_schedule(seed: int, *, faults: int) -> list[list[str]]:
    """Rounds in which each fault comes at least once, if there are enough of them."""
    random = Random(seed)
    names = list(FAULTS)[:faults]
    weights = [WEIGHTS.get(name, 4) for name in FAULTS]
    names += random.choices(list(FAULTS), weights, k=max(0, faults - len(names)))
    random.shuffle(names)
    return [names[at : at + ROUND_FAULTS] for at in range(0, len(names), ROUND_FAULTS)]
