"""Which version of a package is installed here."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["version_of"]


def version_of(package: str) -> str:
    """The installed version; a source tree that nobody installed has none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "uninstalled"
