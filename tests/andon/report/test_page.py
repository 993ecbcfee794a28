"""The page is well formed, asks no host for anything, and no name can do anything in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from andon.report.figures import HeldBack, Period, event_of, figures
from andon.report.page import page
from andon.report.targets import verdicts
from contracts.findings import Kind
from tests.andon.alert_bodies import NOON, alert

HOUR = 3_600_000
DAY = 24 * HOUR
EVIL = "\"><script>alert(1)</script>&<b>'\u202e"
VOID = {"meta"}


class Strict(HTMLParser):
    """Fails where a tag isn't closed by its own end; keeps what it sees."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open = []
        self.elements = []
        self.texts = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        """Keep it."""
        assert len(dict(attrs)) == len(attrs), f"an attribute of {tag} comes twice"
        assert all(value is not None for _, value in attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Keep it; it is closed already."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """It must be the innermost open one."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Keep it."""
        self.texts.append(data)

    def all(self, tag, name=None):
        """The attributes of all elements of a tag, or of those of a class."""
        return [attrs for found, attrs in self.elements if found == tag and name in (None, attrs.get("class"))]


def page_of(*alerts, period=None, held=None):
    period = period or Period(NOON, NOON + DAY)
    found = figures([event_of(one) for one in alerts], period, held=held)
    return page(found, verdicts(found))


def busy(site="plant-1", asset="press", sensor="temp"):
    """A day with everything in it."""
    flood = [
        alert(NOON + HOUR + place * 1000, asset=f"{asset}-{place}", sensor=sensor, site=site) for place in range(60)
    ]
    stale = [alert(NOON - 2 * DAY, asset=asset, sensor=None, kind=Kind.STALE, rule="silent", severity=500, site=site)]
    chatter = [
        alert(NOON + 9 * HOUR + place, asset=asset, sensor=sensor, severity=300, site=site) for place in range(4)
    ]
    short = [alert(NOON, asset=asset, site=site), alert(NOON + 9, "cleared", onset_ts=NOON, asset=asset, site=site)]
    return [*flood, *stale, *chatter, *short]


HELD = [
    HeldBack(sort="shelved", what="press-1/*/*/*/hold", by="maria", since_ts=NOON, until_ts=NOON + 1, comment=EVIL),
    HeldBack(sort="out_of_service", what="oven/*/*/*/hold", by=EVIL, since_ts=NOON, until_ts=None, comment=None),
]

PAGES = {
    "busy": lambda: page_of(*busy(), held=HELD),
    "quiet": page_of,
    "a month": lambda: page_of(*busy(), period=Period(NOON - 30 * DAY, NOON + DAY)),
    "a year": lambda: page_of(*busy(), period=Period(NOON - 365 * DAY, NOON + DAY)),
    "ten minutes": lambda: page_of(alert(NOON), period=Period(NOON, NOON + 600_000)),
    "evil": lambda: page_of(*busy(EVIL, EVIL, EVIL), held=HELD),
}


@pytest.mark.parametrize("make", PAGES.values(), ids=PAGES)
def test_the_page_is_well_formed(make):
    """Every browser, printer and mail program shows it alike."""
    parsed = Strict(make())

    ids = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert [len(parsed.all(tag)) for tag in ("html", "head", "body", "main", "h1")] == [1] * 5


@pytest.mark.parametrize("make", PAGES.values(), ids=PAGES)
def test_the_page_asks_nobody_for_anything(make):
    """It opens in a plant without the internet, and tells nobody that it was opened."""
    text = make()
    parsed = Strict(text)

    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form"} & {
        tag for tag, _ in parsed.elements
    }
    for _, attrs in parsed.elements:
        assert not {"src", "href", "xlink:href", "action", "style", "srcset"} & attrs.keys()
        assert not [name for name in attrs if name.startswith("on")]
    assert "://" not in text
    assert set(re.findall(r"url\(([^)]*)\)", text)) <= {"#hatch"}
    assert "@import" not in text
    (policy,) = [
        attrs["content"] for attrs in parsed.all("meta") if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_names_are_shown_and_do_nothing():
    """An asset may be called whatever it likes."""
    parsed = Strict(PAGES["evil"]())
    shown = "".join(parsed.texts)

    assert not parsed.all("script")
    assert not parsed.all("b")
    harmless = EVIL.replace("\u202e", "\\u202e")
    in_key = harmless.replace("/", "%2F")
    assert f"Alarm report: {harmless}" in shown
    assert f"{in_key}/{in_key}/limit/hh" in shown
    assert harmless in parsed.texts  # who holds back, and why
    assert "\u202e" not in shown


@pytest.mark.parametrize("make", PAGES.values(), ids=PAGES)
def test_every_bar_lies_within_its_plot(make):
    """Nothing is drawn where nobody sees it."""
    for svg in re.findall(r"<svg.*?</svg>", make(), flags=re.DOTALL):
        width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
        for x, y, wide, high in re.findall(
            r'<rect[^>]* x="([\d.-]+)" y="([\d.-]+)" width="([\d.-]+)" height="([\d.-]+)"', svg
        ):
            assert float(x) >= 0
            assert float(y) >= 0
            assert float(x) + float(wide) <= width
            assert float(y) + float(high) <= height
        for x in re.findall(r'<(?:text|line)[^>]* x1?="([\d.-]+)"', svg):
            assert 0 <= float(x) <= width


def test_plots_say_in_words_what_they_show():
    """Who can't see them hears them, and no colour carries a meaning alone."""
    text = PAGES["busy"]()
    parsed = Strict(text)

    plots = parsed.all("svg")
    assert len(plots) == 3
    for attrs in plots:
        assert attrs["role"] == "img"
        named = attrs["aria-labelledby"].split()
        assert [tag for tag, own in parsed.elements if own.get("id") in named] == ["title", "desc"]
    assert "flood above 10" in text
    assert "✗ missed" in text
    assert "✓ met" in text
    assert all("scope" in attrs for attrs in parsed.all("th"))


def test_the_rate_is_drawn_with_its_targets_and_floods():
    """One look shows how bad the day was, and when."""
    parsed = Strict(PAGES["busy"]())

    assert len(parsed.all("rect", "flood")) == 1
    assert len(parsed.all("line", "target")) == 2 + 4  # of the rate, and of each priority
    rate, *_ = re.findall(r"<svg.*?</svg>", PAGES["busy"](), flags=re.DOTALL)
    assert rate.count('class="bar"') == 3


def test_a_column_of_a_long_time_says_how_many_periods_it_stands_for():
    """A peak isn't hidden by a mean."""
    assert "Each column is the highest of 16 periods of ten minutes." in PAGES["a month"]()
    assert "Each column" not in PAGES["busy"]()


def test_long_lists_end_with_how_many_more_there_are():
    """Ten thousand assets make no page of ten thousand rows."""
    text = page_of(*(alert(NOON + place, asset=f"press-{place}") for place in range(250)))

    assert '<p class="muted">and 150 more</p>' in text


def test_the_page_suits_dark_screens_and_paper():
    """Colours follow the reader's."""
    style = re.search(r"<style>(.*)</style>", page_of(), flags=re.DOTALL)[1]

    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
    used = set(re.findall(r"var\((--[a-z]+)\)", style))
    for palette in re.findall(r":root \{([^}]*)\}", style):
        assert set(re.findall(r"(--[a-z]+):", palette)) == used
