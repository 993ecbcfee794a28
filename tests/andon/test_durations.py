"""Spans of time as people type them."""

import pytest

from andon.durations import duration_ms


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [("90s", 90_000), ("30m", 1_800_000), ("2h", 7_200_000), ("1d", 86_400_000), (" 1.5 H ", 5_400_000)],
)
def test_a_number_and_a_letter_are_a_span_of_time(text, expected_ms):
    """Two hours are typed as one says them."""
    assert duration_ms(text) == expected_ms


@pytest.mark.parametrize("text", ["", "2", "h", "-2h", "0s", "2 weeks", "1h30m", "٣h", "1e3s", "9" * 40 + "h"])
def test_anything_else_is_refused_with_what_would_do(text):
    """A shelf doesn't end at once because of a missing letter."""
    with pytest.raises(ValueError, match="isn't a span of time like 90s, 30m, 2h or 1d"):
        duration_ms(text)
