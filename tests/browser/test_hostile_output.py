"""A whole grid runs code that means ill: what the console shows of it, and what it does not do."""

import pytest
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser

SEQUENCE, MARKUP = "\x1b]0;owned\x07", "<script>alert(1)</script>"
REPORT = "a,b\r\n1,2\r\n"
SHOWN = r"\x1b]0;owned\x07" + MARKUP

CODE = f"""\
import os, sys
os.makedirs("out/sub", exist_ok=True)
open("out/report.csv", "w", newline="").write({REPORT!r})
open("out/sub/<img src=x onerror=alert(2)>.csv", "w").write("x")
print({SEQUENCE + MARKUP!r} + "\\u202e **bold** [link](javascript:alert(3)) \\rover\\x00")
print({SEQUENCE + MARKUP!r}, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def run(client):
    """The run, ended."""
    run = client.submit(CODE)
    run.wait(timeout=120)
    assert run.status == "completed", run.error
    return run


@pytest.fixture
def page(visit, run):
    return visit(f"runs?run={run.id}")


def until(browser, condition, description):
    return WebDriverWait(browser, 60, poll_frequency=0.1).until(condition, f"waited in vain until {description}")


def text(browser):
    return browser.find_element(By.CSS_SELECTOR, "[data-testid=stMain]").text


def nothing_ran(browser):
    """No script of the run's, no title, no element, no dialog."""
    ours = "return [...document.scripts].filter(script => script.textContent.includes('alert(')).length"
    assert browser.execute_script(ours) == 0
    assert browser.execute_script("return document.querySelectorAll('img[src=x], a[href^=javascript]').length") == 0
    assert "owned" not in browser.title
    with pytest.raises(NoAlertPresentException):
        _ = browser.switch_to.alert.text


def test_what_a_run_printed_is_shown_escaped_and_nothing_of_it_runs(page):
    until(page, lambda b: SHOWN in text(b), f"the page shows {SHOWN!r}")
    assert SHOWN + r"\u202e **bold** [link](javascript:alert(3)) \x0dover" in text(page)
    page.find_element(By.XPATH, "//*[@role='tab'][contains(., 'Log')]").click()
    until(page, lambda b: text(b).count(SHOWN) >= 2, "the log shows both streams")
    nothing_ran(page)


def test_a_file_has_a_button_and_comes_as_it_was_written(page, run, tmp_path):
    until(page, lambda b: "report.csv" in text(b), "the page names the file")
    assert "sub/<img src=x onerror=alert(2)>.csv" in text(page)
    assert f"{len(REPORT)} bytes" in text(page)
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    saved = tmp_path / "report.csv"
    for _ in range(2):  # the parts around the button refresh themselves; it has to work again afterwards
        page.find_element(By.CSS_SELECTOR, f".st-key-file_run_{run.id}_0 button").click()
        until(page, lambda b: saved.exists() and saved.stat().st_size == len(REPORT), "the file is downloaded")
        assert saved.read_bytes() == REPORT.encode()
        saved.unlink()
    nothing_ran(page)
