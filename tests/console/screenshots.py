"""`make screenshots`: pictures of the operators' page, light and dark, of a simulated plant on a bad morning.

The readings, the detectors and the alarms are those of `andon demo`; only the faults are more, and come together, so
that a flood is seen too. Two people answer some alarms. Then the plant stands still, and a browser takes the pictures.
"""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import click

from andon.console.simulated import SimulatedConsole, Watched
from andon.demo import HISTORY_DAYS, LIVE_START_MS, SETTINGS_PATH
from andon.engine import run_flow
from andon.plant import DAY_MS, Fault, Plant
from console.plant import Order
from contracts.findings import Kind
from contracts.loading import load
from dataflows.collect import Hand
from dataflows.detect import Sinks, build
from dataflows.happenings import Happenings
from dataflows.playback import Pace, Playback
from tests.conftest import ROOT
from tests.console.browser import open_browser

if TYPE_CHECKING:
    from contracts.alerts import AlertRecord
    from tests.console.browser import Browser, Screen

__all__ = ["main"]

PICTURES = ROOT / "docs" / "images" / "console"
SEED = 7
SPEED = 300.0
MINUTE_MS = 60_000
TROUBLE_MS = LIVE_START_MS + 190 * MINUTE_MS
END_MS = TROUBLE_MS + 15 * MINUTE_MS
LASTS_MS = END_MS + 60 * MINUTE_MS
"""Nothing is mended before the pictures are taken."""

ANSWER_WAIT_S = 60.0

FAULTS = (  # asset, sensor, kind, begins so many minutes after the trouble does, size
    ("press-04", "stroke_rate", Kind.DRIFT, -180, 1.5),
    ("oven-03", "burner_power", Kind.ANOMALY, -60, -18.0),
    ("pump-04", "flow", Kind.FLATLINE, -12, 0.0),
    ("oven-01", "exhaust_temp", Kind.LIMIT, 2, 38.0),
    ("oven-02", "exhaust_temp", Kind.LIMIT, 4, 38.0),
    ("oven-04", "zone1_temp", Kind.RATE, 5, 30.0),
    ("pump-01", "bearing_temp", Kind.LIMIT, 3, 24.0),
    ("pump-03", "bearing_temp", Kind.LIMIT, 6, 24.0),
    ("press-02", "hydraulic_pressure", Kind.LIMIT, 5, 42.0),
    ("pump-02", "pressure", Kind.RATE, 7, 1.2),
    ("press-01", "oil_temp", Kind.RATE, 8, 12.0),
    ("press-03", "force", Kind.STALE, 6, 0.0),
)
ANSWERS = (  # asset, command, who, why
    ("press-04", {"command": "acknowledge"}, "tom", "worn belt, is changed on Thursday"),
    ("pump-04", {"command": "shelve", "for_s": 8 * 3600}, "maria", "flow meter is being calibrated"),
    ("oven-01", {"command": "acknowledge"}, "maria", "damper stuck, Jens is on his way"),
)
PLANT_ZONE = "Europe/Berlin"


def main() -> None:
    """Take all pictures."""
    settings = load(SETTINGS_PATH, {"ANDON_CONSOLE__TIME_ZONE": PLANT_ZONE, "ANDON_SITE__NAME": "plant-1"})
    faults = [
        Fault(
            kind=kind, asset=asset, sensor=sensor, start_ms=TROUBLE_MS + minutes * MINUTE_MS, end_ms=LASTS_MS, size=size
        )
        for asset, sensor, kind, minutes, size in FAULTS
    ]
    start_ms = LIVE_START_MS - HISTORY_DAYS * DAY_MS
    plant = Watched(Plant(SEED, start_ms=start_ms, end_ms=END_MS, faults=faults))
    stop, told = Event(), []
    with SimulatedConsole(settings, plant, live_ms=LIVE_START_MS, speed=SPEED, seed=SEED) as console:
        console.open()
        assert console.url is not None
        happenings = Happenings()
        source = Playback(
            plant,
            settings,
            pace=Pace(speed=SPEED, from_ms=LIVE_START_MS),
            happenings=happenings,
            on_progress=lambda _readings, ts: console.take_time(ts),
        )

        def take(record: AlertRecord) -> None:
            told.append(record.alert)
            console.take_alert(record)

        commands = console.commands_source(stop, happenings)
        sinks = Sinks(alerts=Hand(take), dead_letters=Hand(console.take_refusal), alarms=Hand(console.take_state))
        people = Thread(target=_answer, args=(console,), daemon=True)
        people.start()
        click.echo("four days, and a bad morning …", err=True)
        run_flow(build(settings, source, commands, sinks, happenings), epoch_s=settings.service.epoch_s)
        people.join(ANSWER_WAIT_S)
        console.end()
        told_of_oven = [alert.alert_id for alert in told if (alert.asset, alert.rule) == ("oven-01", "hh")]
        PICTURES.mkdir(parents=True, exist_ok=True)
        with open_browser() as browser:
            for theme in ("light", "dark"):
                _take(browser, console.url, theme, told_of_oven[0])


def _answer(console: SimulatedConsole) -> None:
    """People do something about the most urgent alarm of each of these, as soon as it stands."""
    for asset, document, by, comment in ANSWERS:
        while True:
            standing = [one for one in list(console.table.alarms.values()) if one.alert.asset == asset]
            if standing:
                alert = max(standing, key=lambda one: one.alert.severity).alert
                order = {**document, "asset": asset, "alert_id": alert.alert_id, "comment": comment}
                if asset != "oven-01" or alert.rule == "hh":
                    click.echo(f"{asset}: {console.order(Order(document=order, by=by))}", err=True)
                    break
            time.sleep(0.02)


def _take(browser: Browser, url: str, theme: str, alert_id: str) -> None:
    pages = {
        "alarms": ("/", ".row"),
        "asset": ("/asset/oven-01?hours=8", ".u-over"),
        "alarm": (f"/alarm/{alert_id}", ".timeline li"),
        "report": ("/report", ".judged tr"),
        "system": ("/system", ".figure"),
    }
    with browser.screen(url, theme=theme) as screen:
        for name, (path, shows) in pages.items():
            _picture(screen, path, shows, PICTURES / f"{name}-{theme}.png")
    with browser.screen(url, theme=theme, size=(390, 844)) as screen:
        _picture(screen, "/", ".row", PICTURES / f"phone-{theme}.png")


def _picture(screen: Screen, path: str, shows: str, file: Path) -> None:
    screen.open(path)
    screen.page.wait_for_selector(shows)
    screen.page.evaluate("document.fonts.ready")
    screen.page.wait_for_timeout(1_500)  # trends come behind the rest
    screen.page.screenshot(path=str(file))
    click.echo(f"{file.relative_to(ROOT)}  {file.stat().st_size // 1000} kB", err=True)


if __name__ == "__main__":
    main()
