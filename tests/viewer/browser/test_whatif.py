"""What would move if hosts were drained, removed, resized or added."""

from __future__ import annotations

from tests.viewer.browser.page import Page

YAML = "# in balancer\nhost_overrides:\n  worker02.example.com:\n    drain: true\n"


def test_a_drain_shows_what_moves_the_loads_and_the_yaml_to_commit(page: Page) -> None:
    page.open().tab("What if").choose("drain", "worker02.example.com")
    assert page.text(".picked-line") == "1 of 12 picks moves."
    [move] = page.rows("Picks that move")
    assert (move[0], move[2], move[4]) == ("dags.etl.tasks.step1", "worker02.example.com", "worker02.example.com is drained")
    assert page.rows("Load of each host")[0][2:] == ["1 of 1", "2 of 1.25", "+1"]
    assert page.copied("the YAML") == YAML
    assert page.address == "#whatif?drain=worker02.example.com"


def test_a_host_is_taken_out_of_the_question_again(page: Page) -> None:
    page.open("whatif?drain=worker02.example.com").find(".chosen").click()
    page.settle()
    assert (page.address, page.text(".picked-line")) == ("#whatif", "None of 12 picks moves.")


def test_the_tasks_of_dag_files_that_move_are_listed_and_the_others_counted(page: Page) -> None:
    page.open("whatif?drain=gpu00.example.com")
    [row] = page.rows("Tasks of DAG files that move")
    assert (row[:2], row[3]) == (["daily.load", "gpu00.example.com"], "gpu00.example.com is drained")
    assert "DAGs have 40 other tasks in the pool of gpu00.example.com" in page.text()


def test_a_host_leads_to_what_its_drain_would_do(page: Page) -> None:
    page.open("hosts?host=worker02.example.com").find("dialog a[href^='#whatif']").click()
    page.wait(lambda: page.text(".picked-line") == "1 of 12 picks moves.", "the tab did not open")
    assert not page.find("dialog").is_displayed()


def test_resized_and_added_hosts_are_asked_for(page: Page) -> None:
    page.open("whatif?size=worker01.example.com:2,worker02.example.com:4&add=ws9&add_queue=a,b")
    [asked] = [path for path in page.stub.asked if path.startswith("/api/whatif")]
    assert "size=worker01.example.com%3A2&size=worker02.example.com%3A4&add_queue=a&add_queue=b&add=ws9" in asked


def test_what_cannot_be_is_said_and_the_form_stays(page: Page) -> None:
    page.stub.answers["whatif"] = (400, {"error": {"message": "there is a host 'ws1' already", "problems": []}})
    assert page.open("whatif?add=ws1").text("[role=alert]") == "there is a host 'ws1' already"
    assert page.find("[name=add]").get_attribute("value") == "ws1"
