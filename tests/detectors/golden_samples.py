"""Makes a saved state that must be readable for ever: `python -m tests.detectors.golden_samples`.

Run it only for a new version, under a new name: an existing file is the proof that old states are still read.
"""

from __future__ import annotations

import pickle
from pathlib import Path

from contracts.commands import Verb
from detectors.samples import VERSION, Samples
from tests.detectors.plant import UNCERTAIN, block_of, command_of, rows_of, settings_of

FOLDER = Path(__file__).resolve().parent.parent / "golden"
NAMES = (("press", "temp"), ("press", "flow"), ("pump", "temp"), ("pump", "flow"))
SETTINGS = settings_of(
    {
        "limit": {"hh": 95, "h": 85, "deadband": 1, "off_delay_s": 5},
        "rate": {"rise_max_per_s": 2.0},
        "flatline": {"after_s": 20},
        "stale": {"after_s": 30},
    },
    running={"sensor": "flow", "min": 0},
)
BEFORE = [
    *((series, s, 20.0 + s % 2 if series else 20.0) for s in range(50) for series in (0, 1)),
    (1, 50, 90.0, UNCERTAIN),
    *((2, s, 20.0 + s % 2) for s in range(30)),
    *((3, s, 20.0 + s % 2) for s in range(70)),
]
"""At its end: press/temp is flat, press/flow above h and rising, pump/temp silent, and all have open windows."""
AFTER = [(0, 51, 21.0), (1, 51, 80.0), (1, 57, 80.0), (2, 75, 20.0), (3, 75, 20.0), (0, 125, 0.0), (1, 125, 0.0)]


def main() -> None:
    """Save the state in the midst of an alarm of each kind; from version 2 on, a sensor is out of service."""
    samples = Samples(SETTINGS)
    findings = samples.read(block_of(rows_of(BEFORE), NAMES)).findings
    active = {(finding.asset, finding.sensor, finding.rule) for finding in findings if finding.active}
    assert active == {
        ("press", "temp", "flat"),
        ("press", "flow", "h"),
        ("press", "flow", "rise"),
        ("pump", "temp", "silent"),
    }
    samples.obey(command_of(Verb.OUT_OF_SERVICE, "press", "temp"))
    (FOLDER / f"samples-{VERSION}.pickle").write_bytes(pickle.dumps(samples.snapshot(), protocol=4))


if __name__ == "__main__":
    main()
