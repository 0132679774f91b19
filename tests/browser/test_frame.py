"""What every page has: light and dark, the width of a phone, the keyboard, and a coordinator that goes and comes."""

import pytest
from selenium.webdriver.common.keys import Keys

from ..acceptance.grids import Apart, eventually
from .pages import Console, found, heading, links, until

pytestmark = pytest.mark.browser

PAGES = ["Overview", "Submit", "Tasks", "Runs", "Nodes", "Queues", "System", "Keys", "Webhooks"]
PHONE, DESK = (390, 844), (1400, 900)

BRIGHTNESS = """\
const [r, g, b] = getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor.match(/\\d+/g);
return (Number(r) + Number(g) + Number(b)) / 3;
"""
BEYOND = """\
const wide = document.documentElement.clientWidth + 1;
const scrolls = (part) => {
  for (let at = part; at.dataset.testid !== "stMain"; at = at.parentElement)
    if (["auto", "scroll"].includes(getComputedStyle(at).overflowX)) return true;
  return !!part.closest("[data-testid=stDataFrame], .js-plotly-plot");
};
return [...document.querySelectorAll("[data-testid=stMain] *")]
  .filter((part) => part.getBoundingClientRect().width && part.getBoundingClientRect().right > wide && !scrolls(part))
  .map((part) => part.dataset.testid || part.tagName);
"""
"""The parts that reach beyond the window's right edge, but for what can be scrolled into it."""

PHONES = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
"""By what a browser calls itself Streamlit decides whether the navigation closes behind a choice."""

FOCUS = """\
const at = document.activeElement, style = getComputedStyle(at);
return [at.innerText.split("\\n").pop(), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1];
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory, camera):
    """A coordinator and a console, each of which can be ended by itself."""
    folder = tmp_path_factory.mktemp("frame")
    grid = Apart(folder, folder / "data").start(nodes=0)
    console = Console(folder, grid.url)
    console.start()
    try:
        eventually(lambda: camera._answers(f"{console.url}/_stcore/health"), "the console answers")
        yield grid, console
    finally:
        console.close()
        grid.close()


@pytest.fixture
def browser(chromium):
    yield chromium
    sized(chromium, DESK)
    prefers(chromium, "light")


def sized(browser, size):
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setUserAgentOverride", {"userAgent": PHONES if size == PHONE else ""})


def prefers(browser, look):
    feature = {"name": "prefers-color-scheme", "value": look}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def opened(browser, lab, title="Overview"):
    browser.get(f"{lab[1].url}/{title.lower() if title != 'Overview' else ''}")
    found(browser, "[data-testid=stMain] h1")


def test_the_browsers_preference_makes_it_light_or_dark(browser, lab):
    shades = {}
    for look in ("light", "dark"):
        prefers(browser, look)
        opened(browser, lab)
        shades[look] = browser.execute_script(BRIGHTNESS)
    assert shades["light"] > 200
    assert shades["dark"] < 60


def test_nothing_is_cut_off_at_the_width_of_a_phone(browser, lab):
    sized(browser, PHONE)
    for title in PAGES:
        opened(browser, lab, title)
        eventually(lambda: not browser.execute_script(BEYOND), f"{title} fits")


def test_a_phone_has_the_navigation_behind_a_button(browser, lab):
    sized(browser, PHONE)
    opened(browser, lab)
    found(browser, "[data-testid=stExpandSidebarButton]").click()
    eventually(lambda: links(browser) == PAGES, "the navigation is open")
    found(browser, "[data-testid=stSidebarNav] a[href$='/nodes']").click()
    eventually(lambda: heading(browser) == "Nodes", "the page stands")
    found(browser, "[data-testid=stExpandSidebarButton]")


def test_the_keyboard_reaches_every_page_and_shows_where_it_is(browser, lab):
    opened(browser, lab)
    until(browser, "Webhooks")
    reached = []
    while len(reached) < 30 and (not reached or reached[-1][0] != PAGES[-1]):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(browser.execute_script(FOCUS))
    assert [name for name, _ in reached if name in PAGES] == PAGES
    assert all(visible for name, visible in reached if name in PAGES)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    eventually(lambda: heading(browser) == PAGES[-1], "the page stands")


def test_a_coordinator_that_is_killed_is_missed_and_its_return_noticed(browser, lab):
    opened(browser, lab, "Nodes")
    until(browser, "No node yet")
    lab[0].coordinator.kill()
    until(browser, "does not answer", "what was known at", "No node yet")
    lab[0].coordinator.start()
    until(browser, "No node yet", gone=["does not answer"])
