"""The reference pages are made from the code, and the alert schema holds for what the alarms write."""

from __future__ import annotations

import jsonschema
import orjson
import pytest

from alarms.lifecycle import Alarms
from andon.reference.pages import FOLDER, main, pages
from contracts.findings import Expected, Finding, Kind, Share, Window
from contracts.readings import Reason
from contracts.settings import Limit, Rule, Settings


@pytest.mark.parametrize("name", pages())
def test_a_reference_page_is_current(name):
    """What a person looks up is what the program does: run `python -m andon.reference`."""
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name]


def test_a_page_that_nothing_makes_is_not_in_the_folder():
    """A page of a former version misleads."""
    assert {path.name for path in FOLDER.iterdir()} == set(pages())


def test_a_wrong_argument_writes_nothing():
    """A slip of the hand doesn't change files."""
    assert main(["--chek"]) == 2
    assert main(["--check"]) == 0


def _bodies():
    settings = Settings(rules=(Rule(limit=Limit(h=85), unit="degC"),))
    alarms = Alarms(settings)
    limit = Finding(
        asset="press-1",
        sensor="temp",
        kind=Kind.LIMIT,
        rule="h",
        active=True,
        onset_ts=1_700_000_000_000,
        ts=1_700_000_005_000,
        value=97.1,
        expected=Expected(None, 85.0),
        contributions=(Share("temp", 1.0),),
        evidence={"limit": 85.0},
        source="readings/0/7",
    )
    anomaly = Finding(
        asset="press-1",
        sensor=None,
        kind=Kind.ANOMALY,
        rule="asset",
        active=True,
        onset_ts=1_700_000_000_000,
        ts=1_700_000_060_000,
        score=4.5,
        rank=0.8,
        contributions=(Share("temp", 0.75), Share("p", 0.25)),
        window=Window(1_700_000_000_000, 1_700_000_060_000, 60),
    )
    return [orjson.loads(alarms.decide(finding)[0].alert.body()) for finding in (limit, anomaly)]


@pytest.fixture
def schema():
    return orjson.loads((FOLDER / "alert-schema.json").read_bytes())


def test_every_alert_holds_to_the_published_schema(schema):
    """Whoever writes a consumer may rely on the schema."""
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)

    for body in _bodies():
        validator.validate(body)
    assert schema["$id"] == "urn:andon:alert:1"


@pytest.mark.parametrize(
    "change",
    [{"severity": 0}, {"alert_id": "x"}, {"transition": "exploded"}, {"extra": 1}, {"ts": "now"}, {"kind": None}],
    ids=lambda change: next(iter(change)),
)
def test_what_is_no_alert_does_not_hold_to_the_schema(schema, change):
    """A schema that takes everything promises nothing."""
    body = _bodies()[0] | change

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, schema)


@pytest.mark.parametrize("key", ["rule", "onset_ts", "message", "sensor"])
def test_an_alert_without_a_field_does_not_hold_to_the_schema(schema, key):
    """Fields are there, also when they are null."""
    body = _bodies()[0]
    del body[key]

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, schema)


def test_every_reason_is_told_with_a_meaning_and_a_remedy():
    """A dead letter's reason can be looked up by who has to mend it."""
    rows = [line for line in pages()["reject-reasons.md"].splitlines() if line.startswith("| `")]

    told = {row.split("|")[1].strip(" `"): [cell.strip() for cell in row.split("|")[2:4]] for row in rows}

    assert all(all(told[reason]) for reason in Reason)
