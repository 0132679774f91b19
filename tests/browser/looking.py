"""Looking at a page in Chromium: every wait says what for, and what stood there instead."""

from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 60


def until(browser, condition, description, patience=PATIENCE):
    """What the condition gives once that is true; a part that is drawn anew meanwhile is looked for again."""
    ignored = [StaleElementReferenceException]
    waiting = WebDriverWait(browser, patience, poll_frequency=0.1, ignored_exceptions=ignored)
    try:
        return waiting.until(condition)
    except TimeoutException:
        raise AssertionError(f"waited in vain until {description}; it shows: {text(browser)!r}") from None


def text(browser):
    """What stands on the page; empty when it is white."""
    return browser.execute_script("return document.querySelector('[data-testid=stMain]')?.innerText ?? ''")


def shows(browser, *wanted):
    """Wait until all of these words stand on the page."""
    until(browser, lambda b: all(words in text(b) for words in wanted), f"the page shows {wanted}")
