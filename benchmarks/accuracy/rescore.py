"""`python -m benchmarks.accuracy.rescore FOLDER`: NAB's figures of scores that lie in files, ours or anybody's.

The folder holds one CSV a stream, as `build/accuracy/nab/<contender>` or NAB's own results do, with a column
`anomaly_score`. The threshold is the one that the labels like best. Prints one JSON object.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import click

from benchmarks.accuracy.corpora.folder import MissingCorpusError, corpora_folder, corpus_folder
from benchmarks.accuracy.corpora.nab import read_labels, read_streams
from benchmarks.accuracy.results import read_scores
from benchmarks.accuracy.scorers.nab import PROFILES, best_threshold, places_of

__all__ = ["main"]


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Score a folder."""
    try:
        nab = corpus_folder(corpora_folder(), "nab")
    except MissingCorpusError as error:
        raise click.ClickException(str(error)) from error
    scores, labels = read_scores(folder), read_labels(nab)
    streams = read_streams(nab)
    if missing := [one.name for one in streams if len(scores.get(one.name, ())) != len(one.times_ms)]:
        raise click.ClickException(f"{folder}: no scores, or not one a row, of {', '.join(missing[:3])} …")
    places = [places_of(stream.times_ms, labels[stream.name]) for stream in streams]
    figures = {}
    for profile in PROFILES:
        threshold, score = best_threshold(places, [scores[stream.name] for stream in streams], profile)
        figures[profile.name] = {"score": round(score, 2), "threshold": threshold if math.isfinite(threshold) else None}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
