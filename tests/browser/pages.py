"""A console as a process of its own, and looking at its pages; waiting says what for, and what stood there instead."""

import sys

from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from ..acceptance.grids import Program, free_port

PATIENCE = 60


class Console(Program):
    """`idlegrid console` for the coordinator at `server`, at `url`; `words` are its further arguments."""

    def __init__(self, folder, server, *words, port=None, **environment):
        port = port or free_port()
        self.url = f"http://127.0.0.1:{port}"
        argv = [sys.executable, "-m", "idlegrid", "console", "--port", str(port), "--server", server, *words]
        super().__init__("console", folder, argv, environment)


def text(browser):
    """All that stands there."""
    return browser.execute_script("return document.querySelector('[data-testid=stApp]')?.innerText") or ""


def heading(browser):
    """The page's title; asked of the page in one go, which may be drawn anew between two questions."""
    return browser.execute_script("return document.querySelector('[data-testid=stMain] h1')?.innerText")


def until(browser, *words, gone=()):
    """Wait until all of these stand there, and none of the others."""

    def holds(browser):
        shown = text(browser)
        return all(word in shown for word in words) and not any(word in shown for word in gone)

    try:
        WebDriverWait(browser, PATIENCE, poll_frequency=0.05).until(holds)
    except TimeoutException:
        raise AssertionError(f"waited in vain for {words} without {gone}; it shows: {text(browser)!r}") from None


def found(browser, selector):
    """The element, as soon as it can be seen."""
    waiting = WebDriverWait(browser, PATIENCE, poll_frequency=0.05)

    def seen(browser):
        return next((one for one in browser.find_elements(By.CSS_SELECTOR, selector) if one.is_displayed()), None)

    return waiting.until(seen, f"there is no {selector}; it shows: {text(browser)!r}")


def press(browser, label):
    """Press the button with this label, as soon as it stands there."""
    until(browser, label)
    browser.find_element(By.XPATH, f"//button[contains(., '{label}')]").click()


def links(browser):
    """The titles of the pages in the navigation; an icon's name stands before each."""
    script = "return [...document.querySelectorAll('[data-testid=stSidebarNav] a')].map(link => link.innerText)"
    return [words.split("\n")[-1] for words in browser.execute_script(script)]
