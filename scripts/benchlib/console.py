"""(v) The console on a long history: how long each page takes from the click to its content, and what open overviews
cost the coordinator.

Chromium, a console and a coordinator, all real; `screenshots.py` starts Chromium.
"""

import contextlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psutil
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

import screenshots
from benchlib import history
from benchlib.history_data import Sizes
from benchlib.processes import Grid, answers, free_port, grid, idlegrid, process, text, tree_cpu_seconds
from benchlib.report import Figure, at_most
from idlegrid import Client

SECTION = "v console"
CONTENT_SECONDS = 1.5
"""From the click until the content of a page stands, at most."""
ONE, MANY = 1, 10
"""Browsers with an open overview."""
SHARES = {ONE: 1.0, MANY: 5.0}
"""Per cent of a core that so many may cost the coordinator."""
REST_SECONDS = 2.5
"""Between two clicks: the page before has been drawn whole by then, and after a round of all pages even those answers
that the console keeps longest are asked for anew."""
SETTLE_SECONDS = 5.0
"""Between an opened or closed page and the window in which the coordinator is watched."""
PATIENCE_SECONDS = 120.0
NOTHING = "about:blank"

TILE, CELL = "[data-testid=stMetricValue]", "[data-testid=stDataFrame] [data-testid^=glide-cell-]"
PAGES = {
    "overview": ("", (TILE, *(f".st-key-{name} .main-svg" for name in ("throughput", "waits", "harvest")))),
    "submit": ("submit", (".st-key-code textarea", ".st-key-submit_send button")),
    "tasks": ("tasks", (CELL,)),
    "runs": ("runs", (CELL,)),
    "nodes": ("nodes", (CELL, ".st-key-node_bands .main-svg")),
    "queues": ("queues", (TILE, CELL, ".st-key-depth .main-svg")),
    "system": ("system", ("[class*=st-key-component_]", CELL, ".st-key-harvest .main-svg")),
    "keys": ("keys", (CELL,)),
    "webhooks": ("webhooks", (CELL,)),
}
"""Each page's path, and what stands on it, all of it, only when its content does."""

CLICK = """
const [link, path, signs, patience, done] = arguments;
const found = sign => [...document.querySelectorAll('[data-testid=stMain] ' + sign)];
const before = new Set(signs.flatMap(found));
const began = performance.now();
const look = () => {
  const here = location.pathname.replace(/^\\/+|\\/+$/g, '') === path;
  const missing = signs.filter(sign => !found(sign).some(one => !before.has(one)));
  if (here && !missing.length) done([performance.now() - began, []]);
  else if (performance.now() - began > patience) done([null, missing]);
  else requestAnimationFrame(look);
};
link.click();
requestAnimationFrame(look);
"""
"""Clicks, and looks with each frame whether the new page's content is there; nothing of the page before counts."""


class NotDrawn(Exception):
    """A page did not show its content; the message says what of it was missing."""


def figures(runs: int, visits: int, seconds: float) -> list[Figure]:
    """Make a history of so many runs, visit each page so often, and watch the coordinator for so long each time."""
    sizes = Sizes.of(runs)
    with grid(fill=lambda folder: history.fill(folder, sizes)) as here:
        _give_callers(here)
        with _console(here) as (url, console), screenshots.chromium() as browser:
            watched = (here.coordinator, console)
            return [*_pages(browser, url, visits), *_costs(browser, here, url, seconds, watched)]


def _give_callers(here: Grid) -> None:
    """Keys and endpoints, of which the history has none; nothing happens that they would be told of."""
    with Client(here.url) as client:
        for number in range(20):
            client.make_key(f"person-{number}", ["submit"])
        for number in range(5):
            client.make_webhook(f"https://example.org/{number}", ["task.deleted"])


@contextlib.contextmanager
def _console(here: Grid) -> Iterator[tuple[str, psutil.Process]]:
    port = free_port()
    argv = [*idlegrid("console"), "--server", here.url, "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with process("console", argv, here.data, lambda: answers(f"{url}/_stcore/health")) as started:
        yield url, started


# --- how soon a page stands ---


def _pages(browser: webdriver.Chrome, url: str, visits: int) -> Iterator[Figure]:
    """The very first visit of each page by itself: console and browser load then what the others have already."""
    browser.set_script_timeout(PATIENCE_SECONDS * 2)
    _open(browser, url)
    names = [*list(PAGES)[1:], *list(PAGES)[:1]]  # the overview is open: it comes last
    first, *rounds = [{name: _visit(browser, name) for name in names} for _ in range(visits + 1)]
    bound = at_most(CONTENT_SECONDS, "s")
    for name in PAGES:
        times = [one[name] for one in rounds]
        detail = {"seconds": [round(value, 3) for value in times], "first": round(first[name], 3)}
        yield Figure(SECTION, f"{name}, click to content, p50", statistics.median(times), "s", bound, detail)
        yield Figure(SECTION, f"{name}, click to content, worst of {visits}", max(times), "s", bound)
    slowest = max(first, key=lambda name: first[name])
    yield Figure(SECTION, f"the very first visits of all, the slowest ({slowest})", first[slowest], "s")


def _open(browser: webdriver.Chrome, url: str) -> None:
    browser.get(url)
    _until(browser, lambda b: all(b.find_elements(By.CSS_SELECTOR, sign) for sign in PAGES["overview"][1]))


def _until(browser: webdriver.Chrome, holds: Callable[[webdriver.Chrome], Any]) -> None:
    WebDriverWait(browser, PATIENCE_SECONDS).until(holds, "the overview is not drawn")


def _visit(browser: webdriver.Chrome, name: str) -> float:
    """Seconds from the click on a page's link until its content stands. Raises NotDrawn."""
    time.sleep(REST_SECONDS)
    path, signs = PAGES[name]
    link = browser.find_element(By.CSS_SELECTOR, f"[data-testid=stSidebarNavLink][href$='/{path}']")
    took, missing = browser.execute_async_script(CLICK, link, path, list(signs), PATIENCE_SECONDS * 1000)
    if took is None:
        raise NotDrawn(f"{name}: {', '.join(missing) or 'its address'}")
    print(f"{name}: {took:.0f} ms", file=sys.stderr, flush=True)
    return float(took) / 1000


# --- what open overviews cost ---


def _costs(
    browser: webdriver.Chrome, here: Grid, url: str, seconds: float, watched: Sequence[psutil.Process]
) -> Iterator[Figure]:
    """With no page open it is looked twice, before and after: the coordinator has duties of its own now and then."""
    browser.get(NOTHING)
    idle, shares, asked = [_shares(watched, seconds)[0]], dict[int, tuple[float, ...]](), dict[int, float]()
    for count in SHARES:
        _have_open(browser, url, count)
        before, began = _requests(here), time.monotonic()
        shares[count] = _shares(watched, seconds)
        asked[count] = (_requests(here) - before) / (time.monotonic() - began)
    for handle in browser.window_handles:
        browser.switch_to.window(handle)
        browser.get(NOTHING)
    idle.append(_shares(watched, seconds)[0])
    alone = statistics.mean(idle)
    yield Figure(SECTION, "coordinator, CPU, no page open", alone, "% of a core", detail={"before, after": idle})
    for count, most in SHARES.items():
        where = f"the overview open in {count} browser{'s' if count > ONE else ''}"
        above, bound = max(0.0, shares[count][0] - alone), at_most(most, "%")
        detail = {"coordinator_percent": shares[count][0]}
        yield Figure(SECTION, f"coordinator, CPU above that, {where}", above, "% of a core", bound, detail)
        yield Figure(SECTION, f"coordinator, requests, {where}", asked[count], "1/s")
        yield Figure(SECTION, f"console, CPU, {where}", shares[count][1], "% of a core")


def _have_open(browser: webdriver.Chrome, url: str, count: int) -> None:
    """Windows of one Chromium, each with a session of its own in the console; all of them are seen, for what is not
    seen refreshes itself less often. Raises NotDrawn.
    """
    while len(browser.window_handles) < count:
        browser.switch_to.new_window("window")
    for handle in browser.window_handles:
        browser.switch_to.window(handle)
        _open(browser, url)
        if browser.execute_script("return document.visibilityState") != "visible":
            raise NotDrawn("the overview: its window is hidden")


def _requests(here: Grid) -> float:
    """How many requests the coordinator has answered."""
    lines = text(f"{here.url}/api/system/metrics").splitlines()
    counts = (line for line in lines if line.startswith("scheduler_http_request_duration_seconds_count"))
    return sum(float(line.rpartition("}")[2]) for line in counts)


def _shares(watched: Sequence[psutil.Process], seconds: float) -> tuple[float, ...]:
    """Per cent of a core that each of them takes, with all that it has started."""
    time.sleep(SETTLE_SECONDS)
    before, began = [tree_cpu_seconds(one) for one in watched], time.monotonic()
    time.sleep(seconds)
    window = time.monotonic() - began
    return tuple((tree_cpu_seconds(one) - then) / window * 100 for one, then in zip(watched, before, strict=True))
