"""What a browser keeps for us."""

import pytest

from console.seal import Seal


class Clock:
    """A clock that is set."""

    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):  # noqa: D102 - as its class says
        return self.now


@pytest.mark.parametrize("value", ["", [1, "two", None], {"name": "Jürgen"}])
def test_what_was_closed_is_opened_until_its_time_is_over(value):
    """And not a moment later."""
    clock = Clock()
    seal = Seal(b"s", clock)
    cookie = seal.close("session", value, lasts_s=60)

    assert seal.open("session", cookie) == (value, clock.now + 60)
    clock.now += 60
    assert seal.open("session", cookie) is None


def test_it_is_good_for_its_purpose_and_by_its_secret_only():
    """A cookie of one sort is none of another."""
    seal = Seal(b"s", Clock())
    cookie = seal.close("session", "maria", lasts_s=60)

    assert seal.open("journey", cookie) is None
    assert Seal(b"other", Clock()).open("session", cookie) is None
    for changed in ("", ".", "x" + cookie, cookie[:-1], cookie + "0", None):
        assert seal.open("session", changed) is None
