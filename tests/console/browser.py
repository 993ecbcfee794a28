"""A real browser for tests, and what it saw: requests, faults, and what axe-core finds wrong for who can't see."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from deploy.browser import ProgramError, browser
from deploy.npm import package
from tests.conftest import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

__all__ = ["AXE", "Browser", "Screen", "open_browser"]

WAIT_S = 90.0
LOOK_S = 0.05
AXE = ("axe-core", "4.14.1")
SERIOUS = ("serious", "critical")


class Screen:
    """One page of one person: nothing is shared with others."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.faults: list[str] = []
        self.requests: list[str] = []
        self._url = url
        page.on("console", lambda line: self._log(line.type, line.text))
        page.on("pageerror", lambda error: self.faults.append(f"{error}\n{error.stack}"))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: str) -> None:
        """Go to a page of the console."""
        self.page.goto(f"{self._url}{path}")

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Look again and again until it is so."""
        deadline = time.monotonic() + WAIT_S
        while not true():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {WAIT_S} s: {what}; the page says:\n{self.page.inner_text('body')}")
            self.page.wait_for_timeout(LOOK_S * 1000)

    def selected(self) -> str:
        """The alert id of the row that is chosen."""
        key = self.page.get_attribute(".row.selected", "data-key")
        found: str = self.page.evaluate("key => andon.live.rows.get(key).alert.alert_id", key)
        return found

    def send(self, document: dict[str, Any]) -> Any:
        """Have something done from within the page, as its own script does."""
        return self.page.evaluate(
            "async document => { const me = await (await fetch('/api/me')).json();"
            " return (await fetch('/api/commands', {method: 'POST', body: JSON.stringify(document),"
            " headers: {'content-type': 'application/json', 'x-andon-token': me.token}})).json(); }",
            document,
        )

    def axe(self) -> list[str]:
        """What axe-core finds that is serious or worse, in a line each."""
        script = (package(*AXE) / "axe.min.js").read_text(encoding="utf-8")
        self.page.evaluate(script)  # past the page's policy, as only a debugger can
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {each['help']}: {node['html'][:200]}; {node.get('failureSummary', '')[:300]}"
            for each in found["violations"]
            if each["impact"] in SERIOUS
            for node in each["nodes"]
        ]

    def _log(self, sort: str, text: str) -> None:
        if sort in ("error", "warning"):
            self.faults.append(text)


class Browser:
    """Opens screens."""

    def __init__(self, playwright_browser: Any) -> None:
        self._browser = playwright_browser

    @contextmanager
    def screen(self, url: str, *, theme: str = "light", size: tuple[int, int] = (1366, 768)) -> Iterator[Screen]:
        """A screen that shows the console's first page; of a person of its own."""
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=theme, reduced_motion="reduce"
        )
        context.set_default_timeout(WAIT_S * 1000)
        try:
            screen = Screen(context.new_page(), url)
            screen.open("/")
            yield screen
        finally:
            context.close()


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A browser without a window: skips, or fails in CI, where none is to be had."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - it starts a process

    try:
        found = browser()
        package(*AXE)
    except (ProgramError, subprocess.SubprocessError) as error:
        unavailable(f"there is no browser to test with: {error}")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=str(found.path),
            env={**os.environ, **found.environment, "HOME": home},
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        try:
            yield Browser(opened)
        finally:
            opened.close()
