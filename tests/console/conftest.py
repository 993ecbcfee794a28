"""What the console's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """A real hash takes long by design: these tests make dozens, and one of them looks at a real one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("console.users.HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield
