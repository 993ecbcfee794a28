"""`python -m andon.reference` writes docs/reference from the code; `--check` only says whether it is current."""

from __future__ import annotations

import sys

from andon.reference.pages import main

sys.exit(main(sys.argv[1:]))
