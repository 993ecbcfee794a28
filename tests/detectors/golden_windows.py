"""Makes a saved state that must be readable for ever: `python -m tests.detectors.golden_windows`.

Run it only for a new version, under a new name: an existing file is the proof that old states are still read.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from contracts.commands import Verdict
from detectors.windows import VERSION, Windows
from tests.detectors.closing import closed_of, feedback_of, noise, settings_of

NAMES = [("press", "temp"), ("pump", "flow"), ("mill", "speed"), ("mill", "load")]
FOLDER = Path(__file__).resolve().parent.parent / "golden"


def main() -> None:
    """Two series, one in an anomaly, one in a drift; since version 2, people call the anomaly false and then true.

    Since version 3 the scores of four families and of spikes are in it, and an asset with two sensors, whose group
    judges.
    """
    table = noise(seed=21, times=900, series=len(NAMES))
    table[880:, 0] += 10
    table[200:, 1] += 10
    windows = Windows(settings_of(anomaly={"false_alarms_per_week": 5.0}))
    findings = windows.judge(closed_of(table, names=NAMES))
    active: set[tuple[str, int]] = set()
    for finding in findings:
        episode = (finding.kind.value, finding.onset_ts)
        active = active | {episode} if finding.active else active - {episode}
    onset = next(onset for kind, onset in active if kind == "anomaly")
    for verdict in (Verdict.FALSE_ALARM, Verdict.TRUE_ALARM):
        assert windows.feedback(feedback_of(verdict, *NAMES[0], onset)) is None
    saved = {"snapshot": windows.snapshot(), "names": NAMES, "windows": len(table), "active": active}
    assert {kind for kind, _ in active} == {"anomaly", "drift"}, "the state must hold an alarm of each kind"
    assert np.isfinite(table).all()
    assert saved["snapshot"]["groups"]["monitor"]["k"].tolist() == [1], "the state must hold a group that judges"
    path = FOLDER / f"windows-{VERSION}.pickle"
    path.write_bytes(pickle.dumps(saved, protocol=4))


if __name__ == "__main__":
    main()
