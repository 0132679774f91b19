"""Pages are left, and buttons pressed, while pages refresh themselves and the browser reports changes too late."""

from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser

PAGES = {"": "Overview", "submit": "Submit", "tasks": "Tasks", "runs": "Runs", "nodes": "Nodes"}
"""Path and title, in the order of the sidebar."""

PARAMETERS = {"tasks": {"task", "state", "type", "search", "sort", "page"}, "runs": {"run", "task_id", "status"}}
"""What a page's address may name."""

LISTEN = """\
const refreshes = window.refreshes = {}, send = WebSocket.prototype.send;
WebSocket.prototype.send = function (message) {
  send.call(this, message);
  const late = window.late;
  window.late = null;
  if (late) send.call(this, late);
  else if (window.standing === location.pathname) refreshes[location.pathname] = message;
};
"""
"""Remember a refresh of each page that stands, and send `late` right behind the next request."""

LEAVE = """\
const [part, words] = arguments;
const link = [...document.querySelectorAll(`[data-testid=${part}] a`)].find(a => a.innerText.includes(words));
if (!link && words) return false;
window.late = refreshes[location.pathname];
window.standing = null;
link ? link.click() : history.back();
return true;
"""
"""Follow a link in a part of the frame, or go back when none is named, and let a refresh of the page left be late."""

PRESS = """\
const button = [...document.querySelectorAll("button")].find(b => b.innerText.includes(arguments[0]));
const soon = window.setTimeout;
window.setTimeout = (act, wait, ...words) => soon(act, wait || arguments[1], ...words);
button?.click();
window.setTimeout = soon;
return !!button;
"""
"""Press a button, and have it reported some milliseconds later."""

REFRESH_MILLISECONDS = 2000
"""How often the page of a task refreshes itself."""

RUNS, TASK, BACK = ("stMain", "All its runs"), ("stMain", "report"), (None, None)

QUICK = [
    ("runs", BACK), ("tasks", BACK), ("submit", BACK), ("", BACK), ("tasks", BACK), ("runs", RUNS), ("tasks", TASK),
    ("runs", RUNS), ("nodes", None), ("", None), ("nodes", BACK), ("tasks", None), ("submit", None), ("tasks", BACK),
    ("", None), ("runs", None),
]  # fmt: skip
"""Where to, and how; by the sidebar where nothing is said."""


def until(browser, condition, description):
    try:
        WebDriverWait(browser, 60, poll_frequency=0.05).until(condition)
    except TimeoutException:
        raise AssertionError(f"waited in vain until {description}; it shows: {text(browser)!r}") from None


def text(browser):
    """What stands on the page; None when it is white."""
    return browser.execute_script("return document.querySelector('[data-testid=stMain]')?.innerText")


def stands(browser, path):
    """Wait until the page has its title, under an address that names nothing of another page."""
    title = PAGES[path]
    until(browser, lambda b: b.current_url.partition("?")[0].endswith(f"/{path}"), f"the address names {title}")
    until(browser, lambda b: (text(b) or "").startswith(title), f"{title} stands")
    assert set(parse_qs(urlsplit(browser.current_url).query)) <= PARAMETERS.get(path, set())


def go(browser, path, way=None):
    """Leave for the page with this path."""
    way = way or ("stSidebarNav", PAGES[path])
    until(browser, lambda b: b.execute_script(LEAVE, *way), f"there is the way {way}")
    stands(browser, path)


def refreshed(browser, path):
    """Wait until the page that stands has asked for a refresh of itself."""
    browser.execute_script("delete refreshes[location.pathname]; window.standing = location.pathname")
    until(browser, lambda b: b.execute_script("return !!refreshes[location.pathname]"), f"{path!r} refreshes itself")


def press(browser, label, late=0):
    until(browser, lambda b: b.execute_script(PRESS, label, late), f"there is a button {label!r}")


@pytest.fixture(scope="module")
def task(client):
    """A task that has run once."""
    task = client.create_task("report", code="print(1)")
    task.trigger().wait(timeout=60)
    return task


@pytest.fixture
def browser(visit, task):
    """The page of the task."""
    browser = visit(f"tasks?task={task.id}")
    browser.execute_script(LISTEN)
    stands(browser, "tasks")
    return browser


@pytest.fixture
def popover(browser):
    """An open popover on that page."""
    press(browser, "Run now")
    field = (By.CSS_SELECTOR, ".st-key-trigger textarea")
    until(browser, lambda b: any(found.is_displayed() for found in b.find_elements(*field)), "the popover is open")


def test_a_link_beside_an_open_popover_leads_to_a_whole_page(browser, popover):
    browser.find_element(By.XPATH, "//a[contains(., 'All its runs')]").click()
    stands(browser, "runs")
    refreshed(browser, "runs")
    stands(browser, "runs")


def test_a_page_that_is_left_while_it_refreshes_leaves_the_next_one_whole(browser):
    for path in PAGES:
        go(browser, path)
        refreshed(browser, path)
    for path, way in QUICK:
        go(browser, path, way)
    refreshed(browser, "runs")
    stands(browser, "runs")
    assert browser.execute_script("return window.marker") == "same page"


def test_a_click_that_a_refresh_reports_as_well_is_acted_on_once(browser, popover, client):
    before = client.runs().total
    press(browser, "Run it", late=REFRESH_MILLISECONDS + 200)
    until(browser, lambda _: client.runs().total > before, "there is a run")
    refreshed(browser, "tasks")
    assert client.runs().total == before + 1
