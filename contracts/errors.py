"""The errors that andon raises, one subtype per boundary.

    AndonError                 base: catch this to catch all of ours
    ├── ConfigError            the settings are wrong: a person must edit them (exit code 2)
    ├── SourceError            readings or commands can't be read
    ├── SinkError              an alert or a dead letter can't be delivered
    ├── StateError             the state directory can't be used
    └── ClusterError           another process of the cluster is gone, or was never there

Bad *data* never raises: it is a value, `contracts.readings.Reject`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AndonError", "ClusterError", "ConfigError", "Problem", "SinkError", "SourceError", "StateError"]


class AndonError(Exception):
    """Base of all errors that andon raises for the world's faults and for wrong settings."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in the settings: where it is, what it is, what would be right."""

    key: str
    """Dotted path of the key, list items by their position from 1: `rules[2].limit.hh`."""
    fault: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.key}: {self.fault} {self.remedy}".rstrip()


class ConfigError(AndonError):
    """The settings have mistakes; all of them are in `problems`."""

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        self.source = source
        self.problems = problems
        count = len(problems)
        head = f"{source}: {count} mistake{'s' if count != 1 else ''}"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in problems)]))


class SourceError(AndonError):
    """A source of readings or commands can't be read."""


class SinkError(AndonError):
    """A record can't be delivered. The process stops rather than losing an alert."""


class StateError(AndonError):
    """The state directory is locked, foreign, of another shape or can't be written."""


class ClusterError(AndonError):
    """A process of the cluster ended, or can't be reached. None goes on without the others; all start again."""
