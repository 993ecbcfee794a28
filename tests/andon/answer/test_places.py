"""Places of the plant, as people type them."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.answer.places import Place, parse_place

NAMES = st.text(alphabet=st.one_of(st.sampled_from("/%2Ff "), st.characters(exclude_categories=["C"])), min_size=1)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("press-1", Place("press-1", None)),
        ("press-1/temp", Place("press-1", "temp")),
        ("press-1/", Place("press-1", "")),
        ("press-1/zone%2F3", Place("press-1", "zone/3")),
        ("line 4%2fpress/Öl %", Place("line 4/press", "Öl %")),
    ],
)
def test_a_place_is_an_asset_a_sensor_or_the_asset_as_a_whole(text, place):
    """Names may hold whatever plants write; only a slash within one is written as %2F."""
    assert parse_place(text) == place


@pytest.mark.parametrize(
    ("text", "words"),
    [("a/b/c", "more than one slash: write %2F"), ("", "names no asset"), ("/temp", "names no asset")],
)
def test_what_is_no_place_is_told(text, words):
    """A typing mistake doesn't shelve something else."""
    with pytest.raises(click.BadParameter) as error:
        parse_place(text)

    assert words in error.value.message


@given(asset=NAMES, sensor=st.none() | st.just("") | NAMES)
def test_what_is_shown_can_be_typed(asset, sensor):
    """A place copied from a screen names the same place."""
    place = Place(asset, sensor)

    assert parse_place(str(place)) == place
