"""The service as its page shows it: one sum of what its processes say, and each of them."""

import pytest

from console.service import service_document


def process(number, *, processes=3, **more):
    """What one says."""
    return {
        "address": f"10.0.0.{number}:9464",
        "process": number,
        "processes": processes,
        "ready": True,
        "unready": [],
        "lag_rows": 10 * number,
        "series": 100,
        "assets": 10,
        "version": "1.0",
        "settings_hash": "abc",
        "lanes": {f"lane-0{number}": {"positions": {}, "lag_rows": {}, "caught_up": True}},
        "learning": {"learning": 90, "warming": number},
        "warming": [{"asset": f"press-{number}", "sensor": "temp", "seen": 1, "needed": 9}],
        "out_of_service": [{"asset": "press-9", "sensor": None}],
        **more,
    }


def test_three_processes_are_shown_as_one_service_and_each():
    """What is behind is told for the whole, and one sees which process it is."""
    document = service_document([process(2), process(0), process(1)])

    assert document["ready"]
    assert (document["lag_rows"], document["series"], document["assets"]) == (30, 300, 30)
    assert list(document["lanes"]) == ["lane-02", "lane-00", "lane-01"]
    assert document["learning"] == {"learning": 270, "warming": 3}
    assert [entry["asset"] for entry in document["warming"]] == ["press-2", "press-0", "press-1"]
    assert document["out_of_service"] == [{"asset": "press-9", "sensor": None}]
    assert [(one["process"], one["lag_rows"], one["lanes"]) for one in document["processes"]] == [
        (0, 0, 1),
        (1, 10, 1),
        (2, 20, 1),
    ]


def test_a_process_that_does_not_answer_is_seen_and_the_service_is_not_ready():
    """Two of three aren't all."""
    away = {"address": "10.0.0.2:9464", "fault": "nobody answers"}

    document = service_document([process(0), process(1, ready=False, unready=["no broker was seen yet"]), away])

    assert not document["ready"]
    assert document["unready"] == [
        "1 of its processes can't be asked: the figures are without them",
        "process 1: no broker was seen yet",
    ]
    assert document["processes"][-1] == {**away, "lanes": 0}


def test_a_single_process_speaks_for_itself():
    """Its reasons need no number."""
    document = service_document([process(0, processes=1, ready=False, unready=["the saved state isn't back yet"])])

    assert document["unready"] == ["the saved state isn't back yet"]


@pytest.mark.parametrize("told", [[], [{"address": "a", "fault": "nobody answers"}]])
def test_where_nobody_answers_it_is_said_why(told):
    """The page is calm about it: the heartbeats say whether the plant is watched."""
    assert service_document(told)["fault"] == (told[0]["fault"] if told else "nobody was asked")


def test_a_rolling_update_shows_both_versions():
    """Whoever looks in the middle of it isn't told that all is new."""
    assert service_document([process(0), process(1, version="1.1")])["version"] == "1.0 and 1.1"
