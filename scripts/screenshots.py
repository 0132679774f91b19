"""Remake the console's screenshots in docs/console/: `python scripts/screenshots.py`.

Starts a grid of its own with a few nodes, gives it some work, and photographs each page of the console with Chromium,
light and dark, some of them also as wide as a phone. Needs what the browser tests need: Chromium and its driver.
`--console URL --server URL` photographs a grid that runs already.
"""

import argparse
import contextlib
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from idlegrid import Client

HERE = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT, PHONE = 1400, 900, 390
TALLEST = 3_000
"""Pixels: a picture is as tall as its page, so that nothing is cut off."""
SETTLE_SECONDS = 3.0
"""Charts and tables draw themselves after the page says that it is ready; nothing announces the last stroke."""
COLOURS = 256
"""In a picture: a page has few, and the pictures are read over the net."""

FIELD = "[data-testid=stTextInput] input"
CHART, TABLE = ".js-plotly-plot .main-svg", "[data-testid=stDataFrame] canvas"
PICTURES = {
    "overview": ("", CHART),
    "submit": ("submit", ".st-key-code textarea"),
    "runs": ("runs", TABLE),
    "run": ("runs?run={run}", "[data-testid=stTabs]"),
    "usage": ("runs?run={run}", "[data-testid=stTabs]"),
    "tasks": ("tasks", TABLE),
    "task": ("tasks?task={task}", "[data-testid=stTabs], " + CHART),
    "nodes": ("nodes", TABLE),
    "node": ("nodes?node={node}", CHART),
    "queues": ("queues", TABLE),
    "system": ("system", TABLE),
    "keys": ("keys", TABLE),
    "webhooks": ("webhooks", TABLE),
}
"""Each page's address below the console's, and what stands there when it is drawn."""
TABS = {"usage": "Resource use"}
"""Which tab is opened first."""
ON_A_PHONE = ("overview", "submit", "run", "nodes")

BUSY = """\
import time
for step in range({steps}):
    print("step", step, flush=True)
    time.sleep({pause})
print({answer})
"""
SIGNS = {
    "overview": ".js-plotly-plot:has(.main-svg)",
    "submit": ".st-key-code textarea",
    "tasks": "[data-testid=stDataFrame] canvas",
    "runs": "[data-testid=stDataFrame] canvas",
    "nodes": "[data-testid=stDataFrame] canvas",
}
"""What stands on a page when it is drawn."""

CHARTS = 4
"""On the overview."""

NODES = {"lab-01": "always", "lab-02": "always", "lab-03": "desktop"}
"""The machines in the pictures, and who comes first there; another one is lost before they are taken."""

MEASURED = """\
import csv, os, time
os.makedirs("out", exist_ok=True)
kept, began = [], time.monotonic()
with open("out/steps.csv", "w") as file:
    rows = csv.writer(file)
    rows.writerow(["step", "seconds", "blocks"])
    for step in range(12):
        kept.append(bytearray(6_000_000))
        busy = time.monotonic() + 0.7
        while time.monotonic() < busy:
            sum(range(1000))
        time.sleep(0.3)
        rows.writerow([step, round(time.monotonic() - began, 2), len(kept)])
        print("step", step, "of 12", flush=True)
print("done in", round(time.monotonic() - began), "seconds")
"""
"""Long enough to have used something over time, with a table to show."""
REPORT = "import idlegrid\nprint('figures of', idlegrid.parameters()['rows'], 'rows')\n"
FAILING = "import json\njson.loads('not json')\n"


def main() -> int:
    """Take the pictures; the exit status says whether all were taken."""
    options = _options()
    options.to.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        server, console = options.server, options.console
        if not console:
            server, console = stack.enter_context(grid(nodes=0))
            for name, profile in NODES.items():
                stack.enter_context(node(server, name, profile))
        with Client(server) as client:
            if options.work:
                give_work(client, options.seconds)
            places = _places(client)
        door = None if options.console else stack.enter_context(locked_console())
        for dark in (False, True):
            with chromium(dark=dark) as browser:
                take(browser, console, places, options)
                if door:
                    photograph(browser, door, FIELD, options.to / f"sign-in{'-dark' if dark else ''}.png")
    return 0


def take(browser: webdriver.Chrome, console: str, places: dict[str, str], options: argparse.Namespace) -> None:
    """Take all pictures of one look, and those of the phone."""
    dark = "-dark" if browser.execute_script(DARK) else ""
    for page in options.pages:
        path, sign = PICTURES[page]
        url = f"{console}/{path.format(**places)}"
        photograph(browser, url, sign, options.to / f"{page}{dark}.png", tab=TABS.get(page))
        if page in ON_A_PHONE and not dark:
            photograph(browser, url, sign, options.to / f"{page}-phone.png", width=PHONE)


def photograph(
    browser: webdriver.Chrome, url: str, sign: str, target: Path, *, width: int = WIDTH, tab: str | None = None
) -> None:
    """Open one page, wait until it stands, and keep its picture, whole."""
    _resize(browser, width, HEIGHT)
    browser.get(url)
    waiting = WebDriverWait(browser, 60)
    waiting.until(lambda b: b.find_elements(By.CSS_SELECTOR, sign), f"{url} is not drawn")
    time.sleep(SETTLE_SECONDS)
    if tab:
        browser.find_element(By.XPATH, f"//*[@role='tab'][contains(., '{tab}')]").click()
        time.sleep(SETTLE_SECONDS)
    _resize(browser, width, min(TALLEST, max(HEIGHT, browser.execute_script(TALL))))
    time.sleep(SETTLE_SECONDS)
    with Image.open(io.BytesIO(browser.get_screenshot_as_png())) as picture:
        picture.convert("RGB").quantize(COLOURS).save(target, optimize=True)
    print(target, flush=True)


TALL = "return document.querySelector('[data-testid=stMain]').scrollHeight"
DARK = "return matchMedia('(prefers-color-scheme: dark)').matches"


def _resize(browser: webdriver.Chrome, width: int, height: int) -> None:
    """A headless window's outer size includes bars that it does not draw: this is the page's own."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def _places(client: Client) -> dict[str, str]:
    """Which run, task and node have a page in the pictures."""
    task = next(task for task in client.tasks(search="transform"))
    run = client.submit(MEASURED)
    run.wait(60)
    found = client.node_page(search="lab-01").items[0]
    return {"run": str(run.id), "task": str(task.id), "node": quote(found.id)}


def give_tasks(client: Client) -> None:
    """Define some tasks of each kind, and trigger those that nothing else makes due."""
    extract = client.create_task("extract", code="print('rows:', 1200)", schedule="*/30 * * * *", tags=["data"])
    client.create_task("transform", code="print('rows:', 1180)", dependencies=["extract"], tags=["data"])
    client.create_task("heartbeat", task_type="shell", command="date", interval_seconds=20)
    cleanup = client.create_task("cleanup", task_type="shell", command="exit 1", retry_count=0)
    client.create_task("weekly_backup", task_type="shell", command="true", schedule="0 3 * * sun").pause()
    zone = {"timezone": "Europe/Berlin"}
    report = client.create_task(
        "nightly_report", code=REPORT, schedule="30 2 * * 1-5", metadata=zone, priority="high", tags=["data", "daily"],
        description="The day's figures, by mail before anybody is in", parameters={"rows": 3},
    )  # fmt: skip
    for task in (extract, report, report, cleanup, cleanup, cleanup):
        task.trigger()


def give_callers(client: Client) -> None:
    """Keys for people and a machine, and an endpoint."""
    month = 30 * 86_400.0
    client.make_key("ana", ["submit"], expires_in=3 * month)
    client.make_key("grafana", ["read:system", "read:workers"])
    client.make_key("lab machines", ["join"], expires_in=month, uses=20)
    client.revoke_key(client.make_key("ben", ["submit"])["id"])
    client.make_webhook("https://hooks.example.org/idlegrid", ["task.failed", "worker.unregistered"])


def give_work(client: Client, seconds: float) -> None:
    """Submit a mixture over some time, so that the charts have something to show."""
    give_tasks(client)
    give_callers(client)
    ends = time.monotonic() + seconds
    number = 0
    while time.monotonic() < ends:
        number += 1
        client.submit(BUSY.format(steps=number % 5, pause=0.1 * (number % 4), answer=number))
        if number % 7 == 0:
            client.submit(FAILING)
        if number % 40 == 0:
            client.submit_many([BUSY.format(steps=2, pause=0.3, answer=n) for n in range(40)])
        time.sleep(0.5)
    _until(lambda: client.stats()["tasks"]["pending"] == 0, "the queue does not empty")
    client.submit("print('needs a larger machine')", cpu=64)
    for _ in range(2):
        client.submit(BUSY.format(steps=60, pause=1, answer=0))


@contextlib.contextmanager
def grid(nodes: int, **environment: str) -> Iterator[tuple[str, str]]:
    """A grid of its own in a temporary folder: the URLs of its coordinator and its console."""
    server, console = _free_port(), _free_port()
    words = ["up", "--nodes", str(nodes), "--port", str(server), "--console-port", str(console)]
    with _running(words, **environment):
        for url in (f"http://127.0.0.1:{server}/health", f"http://127.0.0.1:{console}/_stcore/health"):
            _until(lambda url=url: _answers(url), f"{url} does not answer")  # type: ignore[misc]
        yield f"http://127.0.0.1:{server}", f"http://127.0.0.1:{console}"


@contextlib.contextmanager
def locked_console() -> Iterator[str]:
    """The URL of a console without a key, at a coordinator that asks for one."""
    port = _free_port()
    with grid(nodes=0, IDLEGRID_AUTH="required") as (server, _), tempfile.TemporaryDirectory() as home:
        words = ["console", "--server", server, "--port", str(port)]
        with _process(words, {**os.environ, "HOME": home, "IDLEGRID_API_KEY": ""}):
            url = f"http://127.0.0.1:{port}"
            _until(lambda: _answers(f"{url}/_stcore/health"), f"{url} does not answer")
            yield url


@contextlib.contextmanager
def node(server: str, name: str, profile: str) -> Iterator[None]:
    """A node under a name of its own."""
    with _running(["node", "--server", server, "--name", name, "--profile", profile, "--slots", "2"]):
        yield


@contextlib.contextmanager
def _running(words: list[str], **environment: str) -> Iterator[None]:
    """An `idlegrid` command with a data folder of its own, until the end of the block."""
    with tempfile.TemporaryDirectory() as data, _process([*words, "--data", data], {**os.environ, **environment}):
        yield


@contextlib.contextmanager
def _process(words: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen([str(Path(sys.executable).with_name("idlegrid")), *words], env=environment)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextlib.contextmanager
def chromium(*, dark: bool = False) -> Iterator[webdriver.Chrome]:
    """A headless Chromium with a profile of its own, which talks to nobody but the page."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "/usr/bin/chromium"
    with tempfile.TemporaryDirectory() as profile:
        for flag in (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}", "--hide-scrollbars",
            *(["--blink-settings=preferredColorScheme=0"] if dark else []),
        ):  # fmt: skip
            options.add_argument(flag)
        service = webdriver.ChromeService(shutil.which("chromedriver") or "/usr/bin/chromedriver")
        browser = webdriver.Chrome(options=options, service=service)
        try:
            _resize(browser, WIDTH, HEIGHT)
            yield browser
        finally:
            browser.quit()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=HERE / "docs" / "console", help="the folder of the pictures")
    parser.add_argument("--pages", nargs="+", default=list(PICTURES), choices=list(PICTURES))
    parser.add_argument("--seconds", type=float, default=90.0, help="how long to submit work before")
    parser.add_argument("--console", help="the console of a running grid")
    parser.add_argument("--server", default=os.environ.get("IDLEGRID_URL"), help="its coordinator")
    parser.add_argument("--no-work", dest="work", action="store_false", help="submit nothing before")
    return parser.parse_args()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _until(holds: Callable[[], bool], otherwise: str, seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > ends:
            raise TimeoutError(otherwise)
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
