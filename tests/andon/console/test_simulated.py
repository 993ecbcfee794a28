"""The demo's own page: what goes wrong is on it as it is found, and what people say there is done."""

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
T_MAX = 4_000_000_000_000
WAIT_S = 150


def ask(request):
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own http
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return json.loads(error.read())


def get(url, path):
    return ask(urllib.request.Request(f"{url}{path}"))  # noqa: S310 - as above


def order(url, **document):
    headers = {"content-type": "application/json", "x-andon-token": get(url, "/api/me")["token"]}
    body = json.dumps(document).encode()
    return ask(urllib.request.Request(f"{url}/api/commands", body, headers, method="POST"))  # noqa: S310 - as above


@pytest.fixture(scope="module")
def watched():
    """A short demo whose page stays: what it said, and what was on the page in the end."""
    command = [sys.executable, "-m", "andon", "demo", "--seconds", "12", "--speed", "1600", "--json", "--stay"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        err = [demo.stderr.readline() for _ in range(2)]
        url = re.search(r"http://\S+", err[1])[0]
        said, out = {}, []
        while not out or "faults" not in out[-1]:
            line = demo.stdout.readline()
            assert line, demo.stderr.read()
            out.append(json.loads(line))
            if not said.get("done") and out[-1].get("transition") == "raised":
                said = acknowledged(url, out[-1])  # it may be over by then: an hour of the plant is two seconds
                about = {"asset": said["asset"], "alert_id": "0" * 32, "verdict": "false_alarm"}
                doubted = order(url, command="feedback", **about)
        spans = {}
        for asset in get(url, "/api/assets"):
            spans[asset["asset"]] = get(url, f"/api/asset?name={asset['asset']}&from=1&to={T_MAX}")["spans"]
        story = get(url, f"/api/alarm/{said['alert_id']}")["lines"]
        late = order(url, command="acknowledge", asset=said["asset"], alert_id=said["alert_id"])
        place = {"asset": said["asset"], "sensor": said["sensor"], "from": said["ts"] - 3_600_000, "to": said["ts"]}
        trend = get(url, f"/api/trend?{urllib.parse.urlencode(place)}")
        demo.send_signal(signal.SIGINT)
        err.append(demo.communicate(timeout=WAIT_S)[1])
    return {
        "out": out,
        "err": "".join(err),
        "code": demo.returncode,
        "spans": spans,
        "said": said,
        "doubted": doubted,
        "story": story,
        "late": late,
        "trend": trend,
    }


def acknowledged(url, alert):
    """Say that it was seen; what became of that."""
    what = {"asset": alert["asset"], "alert_id": alert["alert_id"], "comment": "I have seen it"}
    sensor = alert["sensor"] or alert["contributions"][0]["sensor"]
    return alert | {"sensor": sensor} | order(url, command="acknowledge", **what)


def test_every_fault_is_on_the_page(watched):
    """The first thing that a newcomer sees is a living plant."""
    faults = watched["out"][-1]["faults"]

    assert watched["code"] == 0, watched["err"]
    assert len(faults) == 6
    assert all(fault["found"] for fault in faults)
    for fault in faults:
        assert fault["kind"] in {span["kind"] for span in watched["spans"][fault["asset"]]}, fault


def test_what_is_said_there_is_done_and_stands_in_the_alert(watched):
    """A command without a broker goes the same way through the flow, and comes out as the same transition."""
    acknowledgements = [alert for alert in watched["out"][:-1] if alert["transition"] == "acknowledged"]

    assert watched["said"]["done"], watched["said"]
    assert [(alert["by"], alert["comment"]) for alert in acknowledgements] == [("you", "I have seen it")]
    assert [line["alert"]["transition"] for line in watched["story"]][:2] == ["raised", "acknowledged"]


def test_feedback_that_is_refused_is_told_as_such(watched):
    """Nobody is thanked for what changes nothing."""
    assert not watched["doubted"]["done"]
    assert f"{'0' * 32} isn't the newest anomaly" in watched["doubted"]["why"]


def test_when_the_plant_stands_still_nothing_can_be_changed_and_it_says_so(watched):
    """The page stays to be looked at."""
    assert watched["late"] == {"done": False, "why": "the demo is over: nothing can be changed any more."}
    assert "The page stays as it is until Ctrl-C: http://127.0.0.1:" in watched["err"]


def test_there_are_trends_behind_it(watched):
    """An hour before the alarm, in points."""
    trend = watched["trend"]

    assert len(trend["start"]) > 50, watched["said"]
    assert all(low <= last <= high for low, last, high in zip(trend["low"], trend["last"], trend["high"], strict=True))


def test_its_address_is_said_before_anything_else_happens(watched):
    """Whoever reads the alerts reads nothing else: standard output was all JSON."""
    assert watched["err"].splitlines()[1].startswith("The operators' page, to look at meanwhile: http://127.0.0.1:")
