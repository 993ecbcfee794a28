"""`python -m andon` is `andon`."""

from __future__ import annotations

from andon.cli import main

main()
