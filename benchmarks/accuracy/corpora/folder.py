"""Where the recordings are: in the folder that ANDON_CORPORA names, or beside the project."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["SOURCES", "MissingCorpusError", "corpora_folder", "corpus_folder"]

SOURCES = {
    "nab": "github.com/numenta/NAB (data/ and labels/)",
    "skab": "github.com/waico/SKAB (the contents of data/)",
    "tep": "github.com/camaramm/tennessee-eastman-profBraatz",
}


class MissingCorpusError(Exception):
    """A corpus isn't there; the message says where the public gets it."""


def corpora_folder() -> Path:
    """The folder with one folder a corpus; it may be missing."""
    given = os.environ.get("ANDON_CORPORA")
    return Path(given) if given else Path(__file__).parents[3].parent / "shared" / "corpora"


def corpus_folder(corpora: Path, corpus: str) -> Path:
    """The folder of one corpus.

    Raises: MissingCorpusError if it isn't there.
    """
    folder = corpora / corpus
    if not folder.is_dir():
        raise MissingCorpusError(
            f"{folder} isn't there. Get it from {SOURCES[corpus]}, and name the folder around it in ANDON_CORPORA."
        )
    return folder
