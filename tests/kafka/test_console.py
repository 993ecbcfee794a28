"""The operators' page in a real browser, on a real broker with the real service behind it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.debian import home
from tests.console.browser import open_browser
from tests.console.process import Console
from tests.deploy.broker import free_port
from tests.deploy.tools import debian
from tests.kafka.service import Service, Topics, environment, produce, reading, wait_until

RULES = """
[[rules]]
unit = "degC"
limit = { hh = 95, h = 85 }
ack_required = true
anomaly = false
drift = false
stale = false
"""
MINUTE = 60_000


def now_ms():
    return time.time_ns() // 1_000_000


@dataclass
class Plant:
    """A service that runs, and a hand that turns its machines hot and cold."""

    bootstrap: str
    topics: Topics
    service: Service
    clock: int = 0

    @property
    def metrics(self):
        """Where its processes are asked how they are, in their order."""
        ports = {event["process"]: event["port"] for event in self.service.events("metrics served")}
        return [f"127.0.0.1:{port}" for _, port in sorted(ports.items())]

    def read_by(self, metrics):
        """How many messages a process has read."""
        _, status = self.service.get("/status", port=int(metrics.split(":")[1]))
        return sum(sum(lane["positions"].values()) for lane in json.loads(status)["lanes"].values())

    def reads(self, asset, value, *, sensor="temp"):
        """One reading, each later than the one before."""
        self.clock = max(self.clock + 1, now_ms())
        produce(self.bootstrap, self.topics.readings, [reading(asset, value, self.clock, sensor)])


@pytest.fixture(scope="module")
def plant(kafka, module_topics, tmp_path_factory):
    """Two hours of four presses, and the service that has read them, in two processes."""
    topics = Topics(module_topics)
    service = Service(tmp_path_factory.mktemp("service"), kafka, topics, rules=RULES, service="epoch_s = 1")
    start = now_ms() - 120 * MINUTE
    history = [
        reading(f"press-{press}", 60 + (minute * 7 + press) % 9, start + minute * MINUTE, sensor)
        for minute in range(118)
        for press in range(1, 5)
        for sensor in ("temp", "speed")
    ]
    produce(kafka, topics.readings, history, sent_then=True)
    with service:
        service.start("--processes", "2")
        plant = Plant(kafka, topics, service)
        wait_until(lambda: sum(map(plant.read_by, plant.metrics)) >= len(history), "all is read")
        yield plant


@pytest.fixture(scope="module")
def chromium():
    """One browser for all tests of this file."""
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def prometheus(plant, tmp_path_factory):
    """A real one that scrapes the service."""
    folder = tmp_path_factory.mktemp("prometheus")
    scrape = {"job_name": "andon", "static_configs": [{"targets": plant.metrics}]}
    (folder / "prometheus.yml").write_text(
        json.dumps({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [scrape]})
    )
    path, port = Path(debian("prometheus")), free_port()
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                path,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            cwd=home(path),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def console(plant, prometheus, tmp_path_factory):
    """A console of which nothing is expected but that it runs."""
    variables = {
        "ANDON_CONSOLE__STATUS_URLS": ",".join(f"http://{address}" for address in plant.metrics),
        "ANDON_CONSOLE__TIME_ZONE": "Europe/Berlin",
        "ANDON_CONSOLE__PROMETHEUS_URL": prometheus,
    }
    with Console(plant.service.settings, tmp_path_factory.mktemp("console"), "--by", "tom", variables=variables) as one:
        yield one.start()


def rows(screen):
    """What the list shows: (asset, state) by row."""
    found = screen.page.evaluate(
        "[...document.querySelectorAll('.row')].map(row => [row.querySelector('.asset').textContent,"
        " row.querySelector('.sensor').textContent, row.querySelector('.state').textContent])"
    )
    return {(asset, sensor): state for asset, sensor, state in found}


def keys(screen):
    """The keys of all rows that the page holds."""
    return screen.page.evaluate("[...document.querySelectorAll('.row')].map(row => row.dataset.key)")


def test_an_alarm_is_on_the_screen_and_its_acknowledgement_comes_back(plant, console, chromium):
    """From a hot press to a name beside its alarm: the whole way, by keys alone."""
    plant.reads("press-1", 90.0)
    with chromium.screen(console.url) as screen:
        screen.until(lambda: ("press-1", "temp") in rows(screen), "the alarm is shown")
        assert rows(screen)["press-1", "temp"] == "unacknowledged"

        screen.page.keyboard.press("a")
        screen.page.wait_for_selector("dialog[open] textarea")
        screen.page.keyboard.type("I am on my way")
        screen.page.keyboard.press("Enter")

        screen.until(lambda: rows(screen).get(("press-1", "temp")) == "acknowledged · tom", "it is acknowledged")
        assert "I am on my way" in screen.page.inner_text(".detail")
        assert "press-1" in screen.page.inner_text(".notice")
    plant.reads("press-1", 60.0)


def test_every_page_is_clean_and_asks_no_other_host(plant, console, chromium):
    """No script that isn't ours, no fault in the browser's log, no request that leaves the house."""
    plant.reads("press-2", 97.0)
    wait_until(lambda: "press-2" in json.dumps(console.get("/api/assets")), "the asset is known")
    wait_until(lambda: len(console.get(f"/api/asset?name=press-2&from=1&to={now_ms()}")["standing"]) == 2, "it stands")
    (alert_id, *_) = [
        state["alert"]["alert_id"] for state in console.get(f"/api/asset?name=press-2&from=1&to={now_ms()}")["standing"]
    ]
    shown = {
        "/": ".row",
        f"/alarm/{alert_id}": ".timeline li",
        "/asset/press-2": ".u-over",
        "/report": ".judged tr",
        "/system": ".figure",
    }
    wrong = []
    for theme in ("light", "dark"):
        with chromium.screen(console.url, theme=theme) as screen:
            for path, selector in shown.items():
                screen.open(path)
                screen.until(lambda selector=selector: screen.page.is_visible(selector), f"{path} shows {selector}")
                screen.until(lambda: not screen.page.is_visible(".shell.old"), f"{path} is live")
                wrong += [(path, theme, each) for each in screen.axe()]
            assert screen.faults == []
            assert {url.split("/")[2] for url in screen.requests if not url.startswith("data:")} == {
                console.url.split("/")[2]
            }
    assert wrong == []
    plant.reads("press-2", 60.0)


def test_all_processes_of_the_service_are_shown(plant, console, chromium):
    """Each with what it has to read; and together they are one service."""
    with chromium.screen(console.url) as screen:
        screen.open("/system")
        screen.until(lambda: screen.page.locator(".processes tbody tr").count() == 2, "both are there")
        screen.until(lambda: screen.page.inner_text(".processes tbody").count("● ready") == 2, "both are ready")

        text = screen.page.inner_text(".processes tbody")
        assert [address for address in plant.metrics if address not in text] == []
        assert len(console.get("/api/system")["service"]["lanes"]) == 4


@pytest.mark.parametrize(("page", "title"), [("system", "Taken"), ("report", "Active")])
def test_what_prometheus_has_kept_is_drawn(console, chromium, page, title):
    """Lag, throughput and alarms from before this console was there; the server asks, the browser doesn't."""

    def known():
        charts = console.get(f"/api/past?page={page}&hours=8")["charts"]
        return any(chart["trend"]["start"] for chart in charts if chart["title"] == title)

    wait_until(known, "Prometheus has scraped")
    with chromium.screen(console.url) as screen:
        screen.open(f"/{page}")
        screen.until(lambda: screen.page.locator(f".past section:has-text('{title}') canvas").count() == 1, "a chart")

        assert {url.split("/")[2] for url in screen.requests if not url.startswith("data:")} == {
            console.url.split("/")[2]
        }
        assert screen.faults == []
        assert screen.axe() == []


def test_an_alarm_tells_its_whole_story(plant, console, chromium):
    """Transitions with their causes, evidence, and commands that somebody may type."""
    plant.reads("press-3", 91.0)
    with chromium.screen(console.url) as screen:
        screen.until(lambda: ("press-3", "temp") in rows(screen), "the alarm is shown")
        screen.page.click(".row:has-text('press-3')")
        screen.page.keyboard.press("Enter")
        screen.page.wait_for_selector(".timeline li")
        plant.reads("press-3", 60.0)
        screen.until(lambda: "cleared" in screen.page.inner_text(".timeline"), "its end is told")

        text = screen.page.inner_text(".alarm-page")
        assert plant.topics.readings in text
        assert "andon record --settings" in text
        assert "over, unacknowledged" in text
        assert "LIMIT" in text.upper()


def test_trends_show_what_was_read_and_can_be_zoomed(plant, console, chromium):
    """Two hours of readings are there; a drag looks closer, and the address says at what."""
    with chromium.screen(console.url) as screen:
        screen.open("/asset/press-4?hours=8")
        screen.page.wait_for_selector(".u-over", timeout=60_000)

        def trend():
            place = f"asset=press-4&sensor=temp&from={now_ms() - 8 * 60 * MINUTE}&to={now_ms()}"
            return console.get(f"/api/trend?{place}&points=700")

        wait_until(lambda: len(trend()["start"]) >= 100, "the console has read all of it")
        assert min(trend()["low"]) >= 60
        assert max(trend()["high"]) <= 68
        box = screen.page.locator(".u-over").first.bounding_box()
        screen.page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 20)
        screen.page.mouse.down()
        screen.page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 20, steps=4)
        screen.page.mouse.up()
        screen.until(lambda: "from=" in screen.page.url, "the address says what is looked at")
        screen.page.keyboard.press("0")
        screen.until(lambda: "hours=8" in screen.page.url, "back again")


def test_two_operators_acknowledge_at_once_and_both_see_who_was_first(plant, chromium, tmp_path):
    """One name stands in the alert; the other is told, and nothing is wrong on either screen."""
    users = tmp_path / "users"
    for name in ("maria", "tom"):
        _add_user(plant.service.settings, users, name)
    variables = {"ANDON_CONSOLE__USERS_FILE": str(users)}
    with Console(plant.service.settings, tmp_path / "console", variables=variables) as console:
        console.start()
        assert console.get("/api/assets")["status"] == 401
        plant.reads("press-1", 96.0, sensor="speed")
        with chromium.screen(console.url) as one, chromium.screen(console.url) as two:
            for screen, name in ((one, "maria"), (two, "tom")):
                screen.page.fill("input[name=name]", name)
                screen.page.fill("input[name=password]", "correct horse battery")
                screen.page.click("button.primary")
                screen.until(lambda screen=screen: ("press-1", "speed") in rows(screen), f"{name} sees the alarm")
                screen.page.click(".row.critical:has-text('press-1')")
                screen.page.keyboard.press("a")
                screen.page.wait_for_selector("dialog[open] textarea")
            for screen in (one, two):
                screen.page.keyboard.press("Enter")
            for screen in (one, two):
                screen.page.wait_for_selector(".notice", timeout=60_000)
            notices = [screen.page.inner_text(".notice") for screen in (one, two)]
            states = []
            for screen in (one, two):
                screen.until(
                    lambda screen=screen: "acknowledged · " in screen.page.inner_text(".row.selected"), "acknowledged"
                )
                states.append(screen.page.inner_text(".row.selected .state"))

        assert states[0] == states[1]
        assert sum("Acknowledged" in notice for notice in notices) >= 1
    plant.reads("press-1", 60.0, sensor="speed")


def test_a_shelf_holds_an_alarm_back_and_ends_by_itself(plant, console, chromium):
    """It leaves the list, is found under what is held back, and comes back when its time is over."""

    def shelve(screen, for_s):
        order = {"command": "shelve", "asset": "press-4", "alert_id": alert_id, "for_s": for_s, "comment": "cleaning"}
        assert screen.send(order)["done"]

    plant.reads("press-4", 90.0)
    with chromium.screen(console.url) as screen:
        screen.until(lambda: ("press-4", "temp") in rows(screen), "the alarm is shown")
        screen.page.click(".row:has-text('press-4')")
        alert_id = screen.selected()
        shelve(screen, 3600)
        screen.until(lambda: ("press-4", "temp") not in rows(screen), "it left the list")
        screen.page.keyboard.press("h")
        screen.until(lambda: "shelved to" in rows(screen).get(("press-4", "temp"), ""), "it is held back")
        screen.page.keyboard.press("h")
        screen.until(lambda: ("press-4", "temp") not in rows(screen), "what is held back is hidden again")
        shelve(screen, 2)  # nothing is looked at while these two seconds last: a busy machine may sleep through them
        screen.until(lambda: rows(screen).get(("press-4", "temp")) == "unacknowledged", "the shelf has ended")
    plant.reads("press-4", 60.0)


def test_a_shelf_is_put_up_by_keys_and_taken_down_again(plant, console, chromium):
    """s, a choice, Enter; then u."""
    plant.reads("press-4", 90.0, sensor="speed")
    with chromium.screen(console.url) as screen:
        screen.until(lambda: ("press-4", "speed") in rows(screen), "the alarm is shown")
        screen.page.click(".row:has-text('press-4'):has-text('speed')")
        screen.page.keyboard.press("s")
        screen.page.wait_for_selector("dialog[open]")
        screen.page.click("dialog .choice:has-text('2 h')")
        screen.page.fill("dialog textarea", "sensor is being changed")
        screen.page.keyboard.press("Enter")
        screen.page.wait_for_selector("dialog", state="detached")
        screen.until(lambda: ("press-4", "speed") not in rows(screen), "it left the list")
        screen.page.keyboard.press("h")
        screen.until(lambda: ("press-4", "speed") in rows(screen), "what is held back is shown")
        screen.page.click(".row:has-text('press-4'):has-text('speed')")
        assert "sensor is being changed" in screen.page.inner_text(".detail")
        screen.page.keyboard.press("u")
        screen.until(lambda: rows(screen).get(("press-4", "speed")) == "unacknowledged", "the shelf is taken down")
    plant.reads("press-4", 60.0, sensor="speed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_after_a_restart_of_the_server_a_screen_has_every_row_once(plant, chromium, tmp_path, number):
    """What changed while it was away is there, what ended is gone, and nothing is there twice."""
    with Console(plant.service.settings, tmp_path / "console") as console:
        console.start()
        plant.reads("cell-1", 90.0)
        plant.reads("cell-2", 90.0)
        with chromium.screen(console.url) as screen:
            screen.until(lambda: {("cell-1", "temp"), ("cell-2", "temp")} <= rows(screen).keys(), "both stand")
            console.end(number)
            screen.until(lambda: "connection lost" in screen.page.inner_text(".watching"), "the page says so")
            plant.reads("cell-3", 90.0)
            plant.reads("cell-1", 97.0)
            console.start()
            screen.until(lambda: "connection lost" not in screen.page.inner_text(".watching"), "it is back")
            screen.until(
                lambda: len([key for key in keys(screen) if key.startswith("cell-1")]) == 2, "a new limit of one"
            )
            screen.until(lambda: ("cell-3", "temp") in rows(screen), "and the new one")

            found = keys(screen)
            assert len(found) == len(set(found))
            standing = {key for key in screen.page.evaluate("[...andon.live.rows.keys()]") if not key.endswith("/hold")}
            assert {
                "cell-1/temp/limit/h",
                "cell-1/temp/limit/hh",
                "cell-2/temp/limit/h",
                "cell-3/temp/limit/h",
            } <= standing
    for press in (1, 2, 3):
        plant.reads(f"cell-{press}", 60.0)


def test_a_phone_shows_the_list_and_then_the_alarm(plant, console, chromium):
    """In the hall one has one hand free."""
    plant.reads("press-2", 91.0, sensor="speed")
    with chromium.screen(console.url, size=(390, 844)) as screen:
        screen.until(lambda: ("press-2", "speed") in rows(screen), "the alarm is shown")
        assert not screen.page.is_visible(".detail")
        screen.page.click(".row:has-text('press-2'):has-text('speed')")
        assert screen.page.is_visible(".detail .actions")
        assert screen.page.evaluate("document.documentElement.scrollWidth") <= 390
        screen.page.click(".detail .back")
        assert screen.page.is_visible(".row")
        for path, selector in (("/system", ".processes tr"), ("/report", ".judged tr"), ("/asset/press-2", ".u-over")):
            screen.open(path)
            screen.page.wait_for_selector(selector)
            assert screen.page.evaluate("document.querySelector('main').scrollWidth") <= 390, path
    plant.reads("press-2", 60.0, sensor="speed")


def test_it_says_when_nobody_watches_the_plant(kafka, topics, chromium, tmp_path):
    """A quiet plant and a dead watcher look different; and a Prometheus that is away is a line, and no more."""
    service = Service(tmp_path / "service", kafka, Topics(topics), rules=RULES)
    away = f"http://127.0.0.1:{free_port()}"
    variables = {"ANDON_CONSOLE__PROMETHEUS_URL": away, "ANDON_CONSOLE__STATUS_URLS": away}
    with Console(service.settings, tmp_path / "console", variables=variables) as console:
        console.start()
        with chromium.screen(console.url) as screen:
            screen.until(lambda: "no heartbeat" in screen.page.inner_text(".watching"), "it says so")
            assert "No alarm stands." in screen.page.inner_text(".list")
            for page in ("system", "report"):
                screen.open(f"/{page}")
                screen.until(lambda: screen.page.is_visible(".past"), "there is a place for it")
                assert f"Prometheus at {away} doesn't answer" in screen.page.inner_text(".past")
            assert screen.faults == []


def _add_user(settings, users, name):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "andon",
            "console",
            "--settings",
            str(settings),
            "add-user",
            name,
            "--role",
            "operator",
            "--users",
            str(users),
        ],
        input="correct horse battery\n",
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
