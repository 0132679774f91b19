"""The page of a run on the machine of somebody who comes back: what it says while that lasts, and its story after."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from ..acceptance.owners import GOES_ON_AFTER_A_STOP, OwnedNode, staying, typist

pytestmark = pytest.mark.browser

STORY = ["created", "taken by a node", "frozen", "thawed", "done"]
CELLS = "return [...document.querySelectorAll('canvas td')].map(cell => cell.textContent)"
"""The texts of all tables: they are drawn on canvases, which carry them for screen readers."""


@pytest.fixture(scope="module")
def grid(camera):
    """A grid of its own without a node."""
    with camera.grid(nodes=0) as urls:
        yield urls


@pytest.fixture
def owner():
    with typist() as owner:
        yield owner


@pytest.fixture
def node(grid, owner, tmp_path):
    node = OwnedNode(grid[0], "owned", tmp_path, owner)
    yield node
    node.program.close()


def until(browser, condition, description):
    WebDriverWait(browser, 90, poll_frequency=0.2).until(condition, f"waited in vain until {description}")


def shows(browser, words):
    """Whether the page says so."""
    return words in browser.find_element(By.CSS_SELECTOR, "[data-testid=stMain]").text


def story(browser):
    """The events shown, each kind once: a machine that is slow to press a key may see its owner go and come again."""
    shown = [cell for cell in browser.execute_script(CELLS) if cell in STORY]
    begin = len(shown) - 1 - shown[::-1].index("created") if "created" in shown else 0
    return list(dict.fromkeys(shown[begin:]))


def test_the_page_of_a_run_says_that_it_is_frozen_and_tells_the_story_when_it_has_gone_on(visit, client, owner, node):
    run = client.submit(GOES_ON_AFTER_A_STOP)
    browser = visit(f"runs?run={run.id}")
    until(browser, lambda b: shows(b, "Written so far:\nup"), "it computes")
    with staying(owner):
        until(
            browser,
            lambda b: node.all_stand() and shows(b, "frozen while the owner is there"),
            "it stands, and the page says so",
        )
    until(browser, lambda b: shows(b, "went on"), "it has gone on to its end")
    browser.find_element(By.XPATH, "//*[@role='tab'][contains(., 'Timeline')]").click()
    until(browser, lambda b: story(b) == STORY, "its story")
    assert browser.execute_script("return window.marker") == "same page"
