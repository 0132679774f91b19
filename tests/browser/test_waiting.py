"""A run that no node takes, in a real browser: why it waits, whatever the width of the window."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser

PANEL = "[data-testid=stMain] .st-key-waiting_run"
WIDTHS = (1280, 768)
"""A small laptop's window and a tablet's, in pixels."""

STICKING_OUT = f"""\
const panel = document.querySelector("{PANEL}"), edge = panel.getBoundingClientRect().right;
const out = [...panel.querySelectorAll("*")].filter(part => part.getBoundingClientRect().right > edge + 1);
return [document.documentElement.scrollWidth - innerWidth, ...out.map(part => part.outerHTML)];
"""
"""By how much the page is too wide, and the parts of the explanation that leave its frame."""


@pytest.fixture(scope="module")
def grid(camera):
    """A grid of its own without a node."""
    with camera.grid(nodes=0) as urls:
        yield urls


@pytest.fixture
def resize(chromium):
    """`resize(width)`: give the window that width in pixels; it gets its own back."""
    before = chromium.execute_script("return [innerWidth, innerHeight]")

    def resized(width, height=before[1]):
        words = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", words)
        until(chromium, lambda b: b.execute_script("return innerWidth") == width, f"the window is {width} px wide")

    yield resized
    resized(*before)


def until(browser, condition, description):
    return WebDriverWait(browser, 60, poll_frequency=0.1).until(condition, f"waited in vain until {description}")


def says(browser, text):
    panel = (By.CSS_SELECTOR, PANEL)
    until(browser, lambda b: any(text in part.text for part in b.find_elements(*panel)), f"it says {text!r}")


def test_a_run_that_no_node_takes_says_why_and_its_place_changes_without_a_reload(visit, client, resize):
    first, second = client.submit("print(1)"), client.submit("print(2)")
    browser = visit(f"runs?run={second.id}")
    says(browser, "no node\nNo node has joined the grid")
    says(browser, "position 2, 1 before it")
    for width in WIDTHS:
        resize(width)
        until(browser, lambda b: b.execute_script(STICKING_OUT) == [0], "everything fits its frame")
    first.cancel()
    says(browser, "position 1, 0 before it")
    assert browser.execute_script("return window.marker") == "same page"
