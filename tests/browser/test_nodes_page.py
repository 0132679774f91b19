"""The page of nodes in a real browser: drained and resumed, opened, searched for; and one that is lost."""

import contextlib

import pytest
from selenium.common.exceptions import TimeoutException
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from ..acceptance.grids import SHORT_TIMES, eventually, started_node
from . import looking
from .looking import text

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

CELLS = "return [...document.querySelectorAll('canvas td')].map(cell => cell.textContent)"
"""The texts of all tables: they are drawn on canvases, which carry them for screen readers."""

MARK, OPEN = 15, 62
"""How far from a table's left edge the box of a row is, and the word that opens it, in pixels."""


@pytest.fixture(scope="module")
def grid(camera):
    """A grid of its own without a node, that soon takes a silent one for lost."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in SHORT_TIMES.items():
            environment.setenv(name, value)
        with camera.grid(nodes=0) as urls:
            yield urls


@pytest.fixture(scope="module")
def nodes(grid, client, tmp_path_factory):
    """Two nodes that offer themselves at all times, by name."""
    folder = tmp_path_factory.mktemp("nodes")
    started = {name: started_node(grid[0], name, folder, "--slots", "2") for name in ("alpha", "beta")}
    eventually(lambda: {node.id for node in client.nodes()} == set(started), "both have joined")
    yield started
    for node in started.values():
        node.thaw()
        node.close()


def until(browser, condition, description):
    """Nodes that are lost are so only after their leases."""
    return looking.until(browser, condition, description, patience=90)


def press(browser, label, kind="button"):
    found = (By.XPATH, f"//{kind}[contains(., '{label}')]")

    def pressed(browser):
        for part in browser.find_elements(*found)[:1]:
            part.click()
            return True
        return False

    until(browser, pressed, f"there is a {kind} {label!r}")


def click_first_row(browser, right, holds, description):
    """Click into the table's first row until that `holds`. It is drawn on a canvas: what stands there is a place, not
    an element; and a second click would undo the first, so each is given its time.
    """

    def clicked(browser):
        if holds(browser):
            return True
        canvas = browser.find_element(By.CSS_SELECTOR, "[data-testid=stDataFrame] canvas")
        left, top = -(canvas.size["width"] // 2) + right, -(canvas.size["height"] // 2) + 52
        ActionChains(browser).move_to_element_with_offset(canvas, left, top).click().perform()
        with contextlib.suppress(TimeoutException):
            return WebDriverWait(browser, 15, poll_frequency=0.2).until(holds)
        return False

    until(browser, clicked, description)


def lists(browser, *names):
    until(browser, lambda b: set(names) == {"alpha", "beta"} & set(b.execute_script(CELLS)), f"it lists {names}")


def test_a_node_is_searched_for_marked_drained_and_resumed(visit, client, nodes):
    browser = visit("nodes")
    lists(browser, "alpha", "beta")
    field = browser.find_element(By.CSS_SELECTOR, ".st-key-nodes_search input")
    field.send_keys("alph", Keys.ENTER)
    until(browser, lambda b: "search=alph" in b.current_url, "the address has what was searched for")
    browser.refresh()
    lists(browser, "alpha")
    assert "search=alph" in browser.current_url
    click_first_row(browser, MARK, lambda b: "Drain" in text(b), "its row is marked")
    press(browser, "Drain")
    press(browser, "Yes")
    eventually(lambda: client.node("alpha").status == "draining", "the coordinator says that it drains")
    assert client.node("beta").status == "active"
    press(browser, "Resume")
    press(browser, "Yes")
    eventually(lambda: client.node("alpha").status == "active", "the coordinator says that it takes work again")


def test_a_node_is_opened_from_the_list_and_left_for_it_again(visit, client, nodes):
    browser = visit("nodes?search=beta")
    lists(browser, "beta")
    click_first_row(browser, OPEN, lambda b: "node=beta" in b.current_url, "its page is opened")
    until(
        browser,
        lambda b: all(words in text(b) for words in ("The last 24 hours", "Sandbox", "Runs at a time")),
        "its page stands",
    )
    press(browser, "All nodes", "a")
    lists(browser, "beta")
    assert browser.execute_script("return window.marker") == "same page"


def test_a_node_that_is_lost_is_on_the_overview_and_leads_to_its_page(visit, client, nodes):
    nodes["beta"].freeze()
    eventually(lambda: client.node("beta").status == "offline", "the coordinator takes it for lost")
    browser = visit()
    until(browser, lambda b: "Node lost" in text(b), "the overview says that a node is lost")
    press(browser, "Node lost", "a")
    until(browser, lambda b: "node=beta" in b.current_url and "All nodes" in text(b), "its page stands")
    until(browser, lambda b: "offline" in text(b), "it says that the node is away")
    nodes["beta"].thaw()
    eventually(lambda: client.node("beta").status == "active", "it is there again")
