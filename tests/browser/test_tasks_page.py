"""The Tasks page in a real browser: from the form to a task that is due, to its run, and back."""

import re

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .looking import shows, text, until

pytestmark = pytest.mark.browser

MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:00")


def press(browser, label, kind="button"):
    found = (By.XPATH, f"//{kind}[contains(., '{label}')]")
    until(browser, lambda b: b.find_elements(*found), f"there is a {kind} {label!r}")
    browser.find_element(*found).click()


def follow(browser, label, query):
    """Click a link until the page is there: a page that is drawn anew under the mouse may miss a click."""
    found = (By.XPATH, f"//a[contains(., '{label}')]")

    def arrived(browser):
        if query in browser.current_url:
            return True
        for link in browser.find_elements(*found)[:1]:
            link.click()
        return False

    until(browser, arrived, f"the link {label!r} leads to {query}")


def fill(browser, key, words):
    place = (By.CSS_SELECTOR, f".st-key-{key} :is(input, textarea)")
    until(browser, lambda b: b.find_elements(*place), f"the form has {key}")
    field = browser.find_element(*place)
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(words)


def test_a_scheduled_task_is_written_corrected_triggered_followed_and_paused(visit, client):
    browser = visit("tasks")
    press(browser, "New task")
    fill(browser, "task_name", "report")
    fill(browser, "task_code", "import idlegrid\nprint('n is', idlegrid.parameters()['n'])")
    press(browser, "by a schedule")
    fill(browser, "task_schedule", "every night")
    press(browser, "Save")
    shows(browser, "Schedule (schedule):")
    fill(browser, "task_schedule", "0 2 * * *")
    press(browser, "Save")
    shows(browser, "Next firings", "daily at 02:00 (UTC)")
    assert len(MOMENT.findall(text(browser))) == 5

    press(browser, "Run now")
    fill(browser, "trigger", '{"n": 42}')
    press(browser, "Run it")
    follow(browser, "Run 1", "run=1")
    shows(browser, "Run 1", "triggered by hand", "n is 42")
    follow(browser, "report", "task=1")
    press(browser, "Pause")
    shows(browser, "paused", "Resume")
    (task,) = client.tasks()
    assert (task.name, task.status, task.next_run_at) == ("report", "paused", None)
    assert browser.execute_script("return window.marker") == "same page"
