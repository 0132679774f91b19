"""The Submit page in a real browser: from the editor to a run's result, with files, and with what is no Python."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .looking import shows, until

pytestmark = pytest.mark.browser


def write(browser, code):
    place = (By.CSS_SELECTOR, ".st-key-submit_code textarea")
    until(browser, lambda b: b.find_elements(*place), "the editor stands")
    editor = browser.find_element(*place)
    editor.send_keys(Keys.CONTROL, "a")
    editor.send_keys(code)


def press(browser, label):
    found = (By.XPATH, f"//button[contains(., '{label}')]")
    until(browser, lambda b: b.find_elements(*found), f"there is a button {label!r}")
    browser.find_element(*found).click()


def give(browser, key, path):
    """Choose a file, as the dialog of the browser's own would."""
    place = (By.CSS_SELECTOR, f"[class*='st-key-{key}'] input[type=file]")
    until(browser, lambda b: b.find_elements(*place), f"files can be given at {key}")
    browser.find_element(*place).send_keys(str(path))


def test_code_goes_from_the_editor_to_its_result_on_the_runs_own_page(visit, client):
    browser = visit("submit")
    shows(browser, "Needs 1 core, 512 MB: 1 of 1 nodes could take it")
    write(browser, "print('six by seven is', 6 * 7)")
    press(browser, "Run it")
    until(browser, lambda b: "/runs?run=" in b.current_url, "the run's page stands")
    shows(browser, "six by seven is 42")
    assert browser.execute_script("return window.marker") == "same page"
    assert client.runs().total == 1


def test_a_syntax_error_is_shown_with_its_line_and_nothing_is_sent(visit, client):
    before = client.runs().total
    browser = visit("submit")
    write(browser, "x = 1\nprint('a' 1)")
    press(browser, "Run it")
    shows(browser, "line 2, column 7", "print('a' 1)", "once more")
    assert client.runs().total == before


def test_a_file_that_was_given_is_there_for_the_code_and_the_task_can_be_run_again(visit, client, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("a,b\n1,2\n")
    browser = visit("submit")
    write(browser, "print('first line:', open('data.csv').readline())")
    shows(browser, "Files for its working folder")
    browser.find_element(By.XPATH, "//summary[contains(., 'Files for its working folder')]").click()
    give(browser, "submit_files", data)
    shows(browser, "data.csv")
    press(browser, "Run it")
    until(browser, lambda b: "/runs?run=" in b.current_url, "the run's page stands")
    shows(browser, "first line: a,b")
    (task,) = client.tasks()
    assert [file["name"] for file in client.task(task.id).files()] == ["data.csv"]


def test_an_opened_program_is_in_the_editor_and_what_was_there_comes_back(visit, tmp_path):
    program = tmp_path / "hello.sh"
    program.write_text("echo hello\n")
    browser = visit("submit")
    write(browser, "mine = 1")
    press(browser, "Open a file")
    give(browser, "submit_open", program)

    def holds(words):
        return lambda b: b.find_element(By.CSS_SELECTOR, ".st-key-submit_code textarea").get_attribute("value") == words

    until(browser, holds("echo hello\n"), "the program is in the editor")
    press(browser, "Back to what I wrote")
    until(browser, holds("mine = 1"), "what was there is back")


def test_the_tasks_around_a_task_are_drawn_and_lead_to_their_pages(visit, client):
    parent = client.create_task("the.first-one", code="print(1)")
    child = client.create_task("child", code="print(2)", dependencies=[parent.id])
    browser = visit(f"tasks?task={child.id}")
    nodes = (By.CSS_SELECTOR, "[data-testid=stGraphVizChart] g.node")
    until(browser, lambda b: len(b.find_elements(*nodes)) == 2, "two tasks are drawn")
    assert any("the.first-one" in node.text for node in browser.find_elements(*nodes))
    link = (By.XPATH, "//a[contains(@href, 'task=') and contains(., 'the.first-one')]")
    until(browser, lambda b: b.find_elements(*link), "there is a link to the parent")
    browser.find_element(*link).click()
    until(browser, lambda b: f"task={parent.id}" in b.current_url, "the parent's page stands")
    shows(browser, "After it run", "child")
