"""The soak's plot shows what was measured."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from benchmarks.stress.curves import Curve, curves

SVG = "{http://www.w3.org/2000/svg}"


def test_each_curve_is_drawn_on_its_own_scale_over_one_time_axis():
    """What grows is seen to grow, beside what doesn't."""
    drawn = curves([Curve("memory, MB", [(0, 100), (5, 200)]), Curve("a < b", [(10, 3)])], across="minutes")

    root = ET.fromstring(drawn)  # noqa: S314 - our own
    lines = [line.get("points").split() for line in root.iter(f"{SVG}polyline")]
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert [len(points) for points in lines] == [2, 1]
    (x0, y0), (x1, y1) = (map(float, point.split(",")) for point in lines[0])
    assert x1 - x0 == 400  # half of the axis of ten minutes
    assert y1 < y0
    assert {"memory, MB", "a < b", "10 minutes"} <= set(texts)


def test_many_points_are_thinned_and_none_are_no_error():
    """An hour has seven thousand looks."""
    long = curves([Curve("threads", [(x, 1) for x in range(7_200)])], across="minutes")

    (line,) = ET.fromstring(long).iter(f"{SVG}polyline")  # noqa: S314
    assert 300 < len(line.get("points").split()) <= 660
    assert "polyline" in curves([Curve("nothing", [])], across="minutes")
