"""The API of an Alertmanager, without one."""

import base64
import json

import httpx
import pytest

from andon.notify.alertmanager import Alertmanager, AwayError, Letter
from andon.notify.notices import notice_of
from tests.alarm_states import T0, alarm_state

URL = "http://am:9093"


def letters_of(count):
    return [Letter(notice_of(alarm_state(sensor=f"s{number}")), T0 + 1_000) for number in range(count)]


class Remote:
    """The other side: what it was asked, and what it says."""

    def __init__(self, answer=lambda _request: httpx.Response(200, json=[])):
        self.requests = []
        self._answer = answer

    def __call__(self, request):
        """Be asked."""
        self.requests.append(request)
        return self._answer(request)

    def client(self, url=URL, **more):
        """Our side of it."""
        return Alertmanager(url, transport=httpx.MockTransport(self), **more)

    @property
    def posted(self):
        """The alerts of each request."""
        return [json.loads(request.content) for request in self.requests if request.method == "POST"]


def refuses(status, text=""):
    return lambda _request: httpx.Response(status, text=text)


def test_an_alert_is_posted_as_alertmanager_wants_it():
    """Labels, annotations, and both of its times in RFC 3339."""
    remote = Remote()
    notice = notice_of(alarm_state(), link="https://plant/{asset}")

    assert remote.client().post([Letter(notice, T0 + 240_000)]) == []

    assert str(remote.requests[0].url) == "http://am:9093/api/v2/alerts"
    assert remote.requests[0].headers["Content-Type"] == "application/json"
    assert remote.posted == [
        [
            {
                "labels": dict(notice.labels),
                "annotations": dict(notice.annotations),
                "startsAt": "2023-11-14T22:13:20.000Z",
                "endsAt": "2023-11-14T22:17:20.000Z",
                "generatorURL": "https://plant/press-1",
            }
        ]
    ]


def test_our_alerts_are_told_from_those_of_others():
    """Nobody else's alert is ever resolved by us, also when it has our site's name."""
    ours = notice_of(alarm_state())
    silent = {"alertname": "AndonWatcherSilent", "site": "plant-1", "priority": "critical"}

    def alert(labels, annotations):
        return {"labels": labels, "annotations": annotations, "startsAt": "2023-11-14T22:13:20.000Z", "status": {}}

    remote = Remote(
        lambda _request: httpx.Response(
            200,
            json=[
                alert(dict(ours.labels), dict(ours.annotations)),
                alert(silent, {}),
                alert({"alertname": "AndonDown", "site": "plant-1"}, {"alert_id": "1"}),
                alert({"alertname": "AndonLimit", "site": "plant-1"}, {}),
            ],
        )
    )

    found = remote.client().standing('pl"a\\nt')

    assert [notice.labels for notice in found] == [ours.labels, tuple(sorted(silent.items()))]
    assert found[0].starts_ms == T0
    assert remote.requests[0].url.params["filter"] == r'site="pl\"a\\nt"'


@pytest.mark.parametrize("answer", ["no JSON", "[1]", "{}", '[{"labels":{"alertname":"AndonRate"}}]', '"alerts"'])
def test_an_answer_that_is_no_list_of_alerts_is_told(answer):
    """The URL may lead to something else than an Alertmanager."""
    with pytest.raises(AwayError, match="http://am:9093 answers with something that is no list of alerts"):
        Remote(refuses(200, answer)).client().standing("plant-1")


def test_a_list_too_long_to_be_read_is_left_alone():
    """What shouldn't fire ends by itself then; what should is told all the same."""
    remote = Remote(refuses(200, "x" * 1_001))

    assert remote.client(answer_bytes_max=1_000).standing("plant-1") == []


def test_user_and_password_of_the_url_are_sent_and_never_shown():
    """A secret belongs into the request, not into logs."""
    remote = Remote()
    alertmanager = remote.client("https://maria:s%40crt@am.example.com/behind/")

    alertmanager.post(letters_of(1))

    assert alertmanager.name == "https://am.example.com/behind"
    assert str(remote.requests[0].url) == "https://am.example.com/behind/api/v2/alerts"
    assert remote.requests[0].headers["Authorization"] == f"Basic {base64.b64encode(b'maria:s@crt').decode()}"


def test_a_token_is_asked_for_each_time():
    """Tokens are changed under running programs."""
    remote = Remote()
    tokens = iter(("one", "two", ""))
    alertmanager = remote.client(token=lambda: next(tokens))

    for _ in range(3):
        alertmanager.post(letters_of(1))

    sent = [request.headers.get("Authorization") for request in remote.requests]
    assert sent == ["Bearer one", "Bearer two", None]


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("am:9093", "doesn't begin with http"),
        ("ftp://am", "doesn't begin with http"),
        ("http://", "doesn't begin with http"),
        ("http://am:port", "Invalid port"),
        ("http://am/?x=1", "has a query"),
    ],
)
def test_what_is_no_address_is_refused(url, fault):
    """A mistyped URL is told at once."""
    with pytest.raises(ValueError, match=fault):
        Alertmanager(url)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "answers 401 Unauthorized. Give a user and a password in the URL, or a token."),
        (404, "Is the URL right?"),
        (301, "Give the URL that it redirects to."),
        (503, "answers 503 Service Unavailable."),
    ],
)
def test_an_alertmanager_that_takes_nothing_is_told_again_later(status, said):
    """Nothing is lost by a proxy that is restarted, and the reason helps whoever reads the log."""
    with pytest.raises(AwayError, match=said.replace("?", r"\?")):
        Remote(refuses(status)).client().post(letters_of(1))


def test_no_answer_is_told_again_later():
    """Nobody listens, or it hangs."""

    def hang(_request):
        raise httpx.ReadTimeout("")

    with pytest.raises(AwayError, match="http://am:9093: ReadTimeout"):
        Remote(hang).client().post(letters_of(1))


def test_one_alert_that_is_refused_does_not_keep_the_others_back():
    """Alertmanager validates a request as a whole: the one at fault is found, and only that is left out."""

    def dislike_one(request):
        bad = any(alert["labels"]["sensor"] == "s5" for alert in json.loads(request.content))
        return httpx.Response(422 if bad else 200, text="  that one\n")

    remote = Remote(dislike_one)

    refusals = remote.client().post(letters_of(9))

    assert refusals == ["422: that one"]
    accepted = {
        alert["labels"]["sensor"]
        for alerts in remote.posted
        if all(alert["labels"]["sensor"] != "s5" for alert in alerts)
        for alert in alerts
    }
    assert accepted == {f"s{number}" for number in range(9)} - {"s5"}


def test_a_request_of_which_some_alerts_are_refused_is_not_repeated():
    """With status 400 Alertmanager has taken the others."""
    remote = Remote(refuses(400, "invalid label set"))

    assert remote.client().post(letters_of(3)) == ["400: invalid label set"]
    assert len(remote.requests) == 1
