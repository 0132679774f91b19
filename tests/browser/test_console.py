import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser


def until(browser, condition, description):
    return WebDriverWait(browser, 60, poll_frequency=0.1).until(condition, f"waited in vain until {description}")


def shows(browser, text):
    """Wait until the page shows the text; code blocks and notes alike."""
    body = (By.CSS_SELECTOR, "[data-testid=stMain]")
    until(browser, lambda b: any(text in part.text for part in b.find_elements(*body)), f"the page shows {text!r}")


def cells(browser):
    """The texts of a table: it is drawn on a canvas, which carries them for screen readers."""
    script = "return [...document.querySelectorAll('canvas td')].map(cell => cell.textContent)"
    return browser.execute_script(script)


def submit(browser, code):
    place = (By.CSS_SELECTOR, ".st-key-submit_code textarea")
    editor = until(browser, lambda b: b.find_element(*place), "the editor stands")
    editor.send_keys(Keys.CONTROL, "a")
    editor.send_keys(code)
    browser.find_element(By.XPATH, "//button[contains(., 'Run it')]").click()


def test_submitted_code_shows_its_result_without_a_reload(visit):
    browser = visit("submit")
    submit(browser, "print('six by seven is', 6 * 7)")
    shows(browser, "Standard output")
    shows(browser, "six by seven is 42")
    assert browser.execute_script("return window.marker") == "same page"


def test_a_running_run_shows_what_it_has_written_and_can_be_called_off(visit):
    browser = visit("submit")
    submit(browser, "import time\nprint('half', 'way', flush=True)\ntime.sleep(250)")
    shows(browser, "half way")
    shows(browser, "No result yet")
    browser.find_element(By.XPATH, "//button[contains(., 'Cancel')]").click()
    shows(browser, "cancelled")
    assert browser.execute_script("return window.marker") == "same page"


def test_code_that_fails_shows_its_traceback_as_text(visit):
    browser = visit("submit")
    submit(browser, "raise ValueError('<b>bold</b> \\x1b[31m')")
    shows(browser, r"ValueError: <b>bold</b> \x1b[31m")
    shows(browser, "failed")


def test_code_that_nothing_can_take_says_why_it_waits_and_can_be_called_off(visit):
    browser = visit("submit")
    cores = until(browser, lambda b: b.find_element(By.CSS_SELECTOR, ".st-key-submit_cpu input"), "the form stands")
    cores.send_keys(Keys.CONTROL, "a")
    cores.send_keys("4096")
    submit(browser, "print(1)")
    shows(browser, "No node offers 4096 cores")
    cancel = (By.XPATH, "//button[contains(., 'Cancel')]")
    until(browser, lambda b: b.find_elements(*cancel), "the run's page stands")
    browser.find_element(*cancel).click()
    shows(browser, "cancelled")


def test_the_nodes_page_shows_the_node_and_its_state(visit, client):
    browser = visit("nodes")
    name = client.nodes()[0].id
    until(browser, lambda b: name in cells(b), f"the table names {name}")
    until(browser, lambda b: {"idle", "running"} & set(cells(b)), "the table tells the node's state")


def test_the_runs_page_grows_by_itself_and_opens_a_run_from_its_address(visit, client):
    client.submit("print('first of all')").result(timeout=60)
    browser = visit("runs")
    until(browser, lambda b: "first of all" in cells(b), "the table shows the run")
    run = client.submit("print('one more')")
    run.result(timeout=60)
    until(browser, lambda b: "one more" in cells(b), "the table shows the new run")
    assert browser.execute_script("return window.marker") == "same page"
    shows(visit(f"runs?run={run.id}"), f"Run {run.id}")


def test_the_overview_draws_its_charts_and_asks_nobody_but_the_console(visit, grid):
    browser = visit()
    charts = (By.CSS_SELECTOR, ".js-plotly-plot .main-svg")
    until(browser, lambda b: len(b.find_elements(*charts)) >= 4, "four charts are drawn")
    script = "return performance.getEntriesByType('resource').map(entry => entry.name)"
    asked = browser.execute_script(script)
    assert [url for url in asked if not url.startswith((grid[1], "data:", "blob:"))] == []
