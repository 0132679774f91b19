"""The runs in a real browser: the list's filters and acts, and a run's page while it lives and after."""

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser

CELLS = "return [...document.querySelectorAll('canvas td')].map(cell => cell.textContent)"
"""The texts of all tables: they are drawn on canvases, which carry them for screen readers."""

LISTED = """return [...document.querySelectorAll('.st-key-runs_table canvas td[aria-colindex="1"]')]
    .map(cell => cell.textContent)"""
"""The numbers of the runs in the list."""

FOLLOWED = """const box = document.querySelector('.st-key-log_run');
    return box.scrollHeight > box.clientHeight && box.scrollHeight - box.scrollTop - box.clientHeight < 30"""
"""Whether the end of a long log is in view."""

TALKS = "import time\nfor step in range(2000):\n    print('step', step, flush=True)\n    time.sleep(0.05)\n"

DRAWS = """\
import os, struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
os.makedirs("out")
rows = b"".join(b"\\0" + b"\\x20\\x80\\xd0" * 64 for _ in range(32))
open("out/plot.png", "wb").write(
    b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 32, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
open("out/evil.png", "w").write("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
print("step,loss")
for step in range(3):
    print(f"{step},{0.5 ** step}")
"""


def until(browser, condition, description):
    return WebDriverWait(browser, 60, poll_frequency=0.1).until(condition, f"waited in vain until {description}")


def text(browser):
    return browser.find_element(By.CSS_SELECTOR, "[data-testid=stMain]").text


def shows(browser, words):
    until(browser, lambda b: words in text(b), f"the page shows {words!r}")


def cells(browser):
    return browser.execute_script(CELLS)


def listed(browser):
    return [int(number) for number in browser.execute_script(LISTED)]


def lists(browser, *numbers):
    """Wait until the list begins with these runs."""
    wanted = list(numbers)
    until(browser, lambda b: listed(b)[: len(wanted)] == wanted, f"the list begins with {wanted}")


def button(browser, key):
    return until(browser, lambda b: b.find_element(By.CSS_SELECTOR, f".st-key-{key} button:enabled"), f"{key} stands")


def click_row(browser, row, from_left):
    """Tables are drawn on a canvas: a cell is a place, not an element."""
    canvas = browser.find_element(By.CSS_SELECTOR, ".st-key-runs_table canvas")
    left, top = -(canvas.size["width"] // 2) + from_left, -(canvas.size["height"] // 2) + 52 + 35 * row
    ActionChains(browser).move_to_element_with_offset(canvas, left, top).click().perform()


def open_tab(browser, label):
    tab = until(browser, lambda b: b.find_element(By.XPATH, f"//*[@role='tab'][contains(., '{label}')]"), label)
    tab.click()


def same_page(browser):
    return browser.execute_script("return window.marker") == "same page"


@pytest.fixture
def ended(client):
    """Three runs that have ended: done, failed, done."""
    runs = [client.submit(code) for code in ("print('one')", "raise SystemExit(3)", "print('three')")]
    client.wait(runs, timeout=120)
    return runs


def test_filters_stand_in_the_address_and_survive_a_reload(visit, ended):
    browser = visit("runs")
    lists(browser, *(run.id for run in ended[::-1]))
    browser.find_element(By.XPATH, "//button[contains(., 'failed')]").click()
    until(browser, lambda b: "status=failed" in b.current_url, "the address says the status")
    field = browser.find_element(By.CSS_SELECTOR, ".st-key-runs_search input")
    field.send_keys(str(ended[1].id), Keys.ENTER)
    until(browser, lambda b: f"search={ended[1].id}" in b.current_url, "the address says the words")
    shows(browser, "1 runs")
    assert same_page(browser)
    browser.refresh()
    shows(browser, "1 runs")
    lists(browser, ended[1].id)
    assert listed(browser) == [ended[1].id]
    field = browser.find_element(By.CSS_SELECTOR, ".st-key-runs_search input")
    assert field.get_attribute("value") == str(ended[1].id)


def test_a_run_is_opened_by_its_number_and_the_way_back_keeps_the_filters(visit, ended):
    browser = visit("runs?status=completed")
    lists(browser, ended[2].id, ended[0].id)
    click_row(browser, 0, 70)
    until(browser, lambda b: f"run={ended[2].id}&status=completed" in b.current_url, "the address says which run")
    shows(browser, "Standard output\nthree")
    browser.find_element(By.XPATH, "//a[contains(., 'All runs')]").click()
    lists(browser, ended[2].id, ended[0].id)
    until(browser, lambda b: b.current_url.endswith("runs?status=completed"), "the address says the filters alone")
    browser.back()
    shows(browser, f"Run {ended[2].id}")
    assert same_page(browser)


def test_several_runs_are_called_off_and_made_anew_from_the_list(visit, client):
    waiting = [client.submit("print(1)", cpu=4096) for _ in range(2)]
    browser = visit("runs")
    lists(browser, waiting[1].id, waiting[0].id)
    for row in (0, 1):
        click_row(browser, row, 15)
        shows(browser, f"{row + 1} chosen")
    newer = client.submit("print('newer')")
    newer.result(timeout=60)
    lists(browser, newer.id, waiting[1].id, waiting[0].id)
    button(browser, "runs_cancel").click()
    sentence = f"2 of the chosen runs will be called off: {waiting[0].id}, {waiting[1].id}."
    until(browser, lambda b: sentence in b.find_element(By.TAG_NAME, "body").text, "it asks, and says how many")
    button(browser, "cancel_runs_yes").click()
    shows(browser, "2 done, 0 refused")
    assert [run.details()["status"] for run in waiting] == ["aborted", "aborted"]
    click_row(browser, listed(browser).index(newer.id), 15)
    shows(browser, "1 chosen")
    button(browser, "runs_restart").click()
    button(browser, "restart_runs_yes").click()
    shows(browser, "1 done, 0 refused")
    until(browser, lambda b: any("made anew as run" in cell for cell in cells(b)), "it tells the new number")
    assert same_page(browser)


def test_a_log_is_followed_and_searched_and_the_tab_stays_when_the_run_ends(visit, client):
    run = client.submit(TALKS)
    browser = visit(f"runs?run={run.id}")
    open_tab(browser, "Log")
    until(browser, lambda b: "step 40" in text(b) and b.execute_script(FOLLOWED), "the newest line is in view")
    field = browser.find_element(By.CSS_SELECTOR, ".st-key-find_run input")
    field.send_keys("Step 3")
    until(browser, lambda b: "lines have it." in text(b) and "step 4\n" not in text(b), "the lines that have it")
    assert "step 30\n" in text(browser)
    button(browser, "cancel_run").click()
    shows(browser, "cancelled")
    shows(browser, "lines have it.")
    assert browser.find_element(By.CSS_SELECTOR, "[role=tab][aria-selected=true]").text == "Log"
    assert same_page(browser)
    open_tab(browser, "Timeline")
    until(browser, lambda b: b.find_elements(By.CSS_SELECTOR, ".js-plotly-plot .main-svg"), "its life is drawn")
    button(browser, "restart_run").click()
    until(browser, lambda b: b.find_elements(By.XPATH, "//a[contains(@href, 'run=')]"), "the new run is a click away")
    client.cancel(client.runs().items[0].id)


def test_a_table_and_a_picture_are_shown_as_such(visit, client):
    run = client.submit(DRAWS)
    run.wait(timeout=120)
    browser = visit(f"runs?run={run.id}")
    until(browser, lambda b: {"1", "0.5", "0.25"} <= set(cells(b)), "the result is a table")
    drawn = "return [...document.querySelectorAll('[data-testid=stImage] img')].map(i => i.naturalWidth)"
    until(browser, lambda b: b.execute_script(drawn) == [64], "the picture is drawn, and nothing else is one")
