"""Who spoke in a recording, and when."""

import numpy as np

from andon.replay.witness import Presence, Witness, of_each
from contracts.settings import Settings
from dataflows.files import Files
from dataflows.sheets import Choice

T0 = 1_700_000_000_000


def test_a_recording_passes_by_unchanged_and_is_remembered(tmp_path):
    """What is scored is what was judged."""
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text(f"ts,asset,sensor,value\n{T0 + 5},pump,x,1\n{T0},press,x,2\n{T0 + 3},pump,y,3\n")
    second.write_text(f"ts,asset,sensor,value\n{T0 + 90},pump,x,1\n")
    seen = []
    files = Files([first, second], Settings(), Choice())
    witness = Witness(files, seen.append)

    handed = list(witness.chunks())

    assert handed == seen
    assert (witness.names, witness.sources) == (files.names, ("a.csv", "b.csv"))
    assert witness.presences() == [
        Presence("press", 0, T0, T0),
        Presence("pump", 0, T0 + 3, T0 + 5),
        Presence("pump", 1, T0 + 90, T0 + 90),
    ]


def test_rows_are_told_apart_by_a_number_and_keep_their_order():
    """A series is what it was, whoever spoke in between."""
    rows = np.array([(3, 1), (1, 2), (3, 0), (-1, 5)], [("name", np.int32), ("ts", np.int64)])

    found = [(name, part["ts"].tolist()) for name, part in of_each(rows, "name")]

    assert found == [(-1, [5]), (1, [2]), (3, [1, 0])]
    assert list(of_each(rows[:0], "name")) == []
