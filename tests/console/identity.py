"""A certified OpenID Connect provider as a process of its own: `provider/`, by what npm fetched once."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from deploy.debian import ProgramError
from deploy.npm import tree
from tests.conftest import ROOT, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["identity_provider"]

FOLDER = ROOT / "tests" / "console" / "provider"


@contextmanager
def identity_provider(redirect_url: str) -> Iterator[str]:
    """Its issuer. Who signs in there is who they say; `op-…` are operators. Without node it skips, or fails in CI.

    Args:
        redirect_url: where it may send people back to.
    """
    node = shutil.which("node")
    try:
        modules = tree(FOLDER)
    except ProgramError as error:
        unavailable(f"there is no identity provider to test with: {error}")
    if node is None:
        unavailable("the identity provider needs node on PATH: install it (Debian: nodejs)")
    process = subprocess.Popen(
        [node, FOLDER / "provider.mjs", modules, redirect_url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("http://localhost:"), f"the provider ended: {process.poll()}"
        yield issuer
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
