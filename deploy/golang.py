"""Programs written in Go on a machine that hasn't installed them: from PATH, or built once by `go install`.

`program("kustomize")` gives the path of a program that runs. It is built into a cache that all checkouts share; a new
version here is built anew. Standard library only.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from deploy.cache import fetched
from deploy.debian import ProgramError, run

__all__ = ["PROGRAMS", "program"]

BUILD_WAIT_S = 900.0


class _Module(NamedTuple):
    path: str
    version: str


PROGRAMS = {"kustomize": _Module("sigs.k8s.io/kustomize/kustomize/v5", "v5.7.1")}


def program(name: str) -> Path:
    """The path of one of PROGRAMS; it is built if need be (a minute or two, once).

    Raises: ProgramError if it is not on PATH and can't be built.
    """
    module = PROGRAMS[name]
    if found := shutil.which(name):
        return Path(found)

    def build(scratch: Path) -> Path:
        if shutil.which("go") is None:
            raise ProgramError(f"there is no {name} on PATH, and without Go it can't be built: install one of them.")
        variables = {"GOBIN": str(scratch), "GOFLAGS": "-mod=mod"}
        run(["go", "install", f"{module.path}@{module.version}"], scratch, wait_s=BUILD_WAIT_S, variables=variables)
        return scratch / name

    return fetched(f"go-{name}-{module.version}", build, doing=f"building {name} {module.version} (once)")
