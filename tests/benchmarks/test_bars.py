"""Figures as a picture."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from benchmarks.bars import Bar, bars

SVG = "{http://www.w3.org/2000/svg}"


def test_a_tenfold_figure_has_a_bar_that_is_one_power_longer():
    """Whoever compares the bars compares powers of ten; the scale is written below."""
    picture = ET.fromstring(  # noqa: S314 - our own
        bars("Faster & better", "µs", [Bar("andon", 1.0, 0.9, 1.2, ours=True), Bar("<other>", 10.0, 9.0, 90.0)])
    )

    ours, theirs = (one for one in picture.iter(f"{SVG}rect") if one.get("class"))
    texts = [one.text for one in picture.iter(f"{SVG}text")]
    width = float(theirs.get("width")) - float(ours.get("width"))
    scale = [float(one.get("x")) for one in picture.iter(f"{SVG}text") if one.get("class") == "scale"]
    assert width == pytest.approx(scale[1] - scale[0], abs=0.2)
    assert texts[:5] == ["Faster & better", "0.1 µs", "1 µs", "10 µs", "100 µs"]
    assert {"andon", "<other>", "1", "10"} <= set(texts)


def test_what_is_not_above_zero_has_no_bar():
    """A scale of powers of ten has no place for it."""
    with pytest.raises(ValueError, match="begins above 0"):
        bars("title", "µs", [Bar("nothing", 0.0, 0.0, 1.0)])
