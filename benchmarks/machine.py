"""What a figure was measured on and with: said before every table."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

__all__ = ["machine"]

VERSIONS = ("bytewax", "confluent-kafka", "numba", "numpy", "orjson")


def machine() -> str:
    """Processor, Python and the libraries that matter."""
    versions = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())
