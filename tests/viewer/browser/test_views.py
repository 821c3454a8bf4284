"""What each view shows."""

from __future__ import annotations

from tests.test_counted import SENTENCE
from tests.viewer.browser import generated
from tests.viewer.browser.page import Page


def test_the_picks_of_the_configuration_say_who_gets_which_host(page: Page) -> None:
    page.open("tasks").click("What the configuration picks")
    assert page.rows("What the configuration picks")[0] == [
        "dags.etl.tasks.step0",
        "host, queue=workers",
        "gpu00.example.com",
        "the only candidate; 6 of 12 hosts match queue='workers'",
    ]


def test_a_task_is_found_with_its_host_its_latest_attempt_and_why_it_is_there(page: Page) -> None:
    page.open().tab("Tasks").fill("search", "daily.")
    assert page.rows("Tasks") == [
        ["daily.load[0]", "worker01.example.com", "success", "worker01", generated.WHY],
        ["daily.load[1]", "worker01.example.com", "running try 2", "worker01", generated.WHY],
        ["daily.serve", "gpu00.example.com", "running try 2", "http-0 (port)", "the pool of a port of that host"],
    ]


def test_a_search_for_a_task_shows_the_task_that_it_found(page: Page) -> None:
    assert page.open("tasks?rows=host&search=step_39").column("Tasks by host", 5) == ["etl.step_39"]


def test_a_host_shows_everything_but_its_credential(page: Page) -> None:
    row = page.open("hosts?search=worker01").rows("Hosts")
    assert row == [["worker01.example.com", "4/4 +1", "72", "ubuntu", "transfers", "rack-a rack-b", "4", "batch", "none", "worker01"]]


def test_the_hosts_say_what_a_pool_and_a_slot_count(page: Page) -> None:
    assert SENTENCE in page.open("hosts").text()


def test_a_host_is_found_by_its_address(page: Page) -> None:
    assert page.open("hosts?search=10.0.0.2").column("Hosts") == ["worker01.example.com"]


def test_addresses_are_a_column_only_where_a_host_has_one(page: Page) -> None:
    assert page.open("hosts?search=worker01").rows("Hosts")[0][:4:3] == ["worker01.example.com", "ubuntu"]
    fleet = page.stub.answer("fleet", {})[1]
    page.stub.answers["fleet"] = (200, fleet | {"summary": fleet["summary"] | {"addresses": 1}})
    assert page.open("hosts?search=worker01").rows("Hosts")[0][:4:3] == ["worker01.example.com", "10.0.0.2"]


def test_occupancy_is_a_bar_that_can_be_read_aloud(page: Page) -> None:
    bar = page.open("hosts?search=worker01").find("table .bar")
    assert bar.accessible_name == "4 running, 0 queued, 0 deferred, 1 waiting, 0 open"


def test_the_hosts_under_the_most_pressure_come_first(page: Page) -> None:
    assert [row[:2] for row in page.open("hosts").rows("Hosts")[:4]] == [
        ["worker02.example.com", "4/4 +2"],
        ["worker01.example.com", "4/4 +1"],
        ["worker04.example.com drained", "16/16 +4"],
        ["gpu00.example.com", "6/8"],
    ]


def test_a_host_shows_how_its_attempts_went_in_the_last_day(page: Page) -> None:
    page.open("hosts?search=worker03")
    assert page.column("Hosts", 2) == ["4/38"]
    told = "4 of 38 attempts failed, 4 unreachable"
    assert page.find("table .sparkline").accessible_name == f"Last 24 hours: {told}, last success 3 hours ago"
    page.click("worker03.example.com")
    assert f"{told}; last success 3 hours ago." in page.text("dialog")
    assert "Half of the attempts waited 15 s or more for a slot." in page.text("dialog")


def test_without_health_there_is_no_column_for_it(page: Page) -> None:
    page.stub.answers["health"] = (200, {"available": False, "why": "Airflow is not installed here", "pools": {}})
    assert "health" not in [button.get_attribute("data-sort") for button in page.open("hosts").all(".sort")]


def test_without_occupancy_the_page_says_why(page: Page) -> None:
    page.stub.answers["occupancy"] = (200, {"available": False, "why": "Airflow's database is not reachable", "pools": {}})
    assert "No live occupancy here: Airflow's database is not reachable" in page.open("hosts").text()


def test_a_host_opens_with_its_ports_and_tasks(page: Page) -> None:
    page.open("hosts").click("gpu00.example.com")
    text = page.text("dialog")
    assert all(part in text for part in ("10.0.0.1", "3 ports", "8900", "40 tasks", "etl.step_0"))
    assert page.address == "#hosts?host=gpu00.example.com"


def test_ports_are_listed_by_host_with_their_place_in_the_port_space(page: Page) -> None:
    page.open("ports?search=gpu00")
    assert page.rows("Ports by host") == [["gpu00.example.com", "3", "8112, 8121, 8900", ""]]
    assert page.find("table .bar").accessible_name == "Ports 8112, 8121, 8900 of 8000 to 9100"
    assert "Port space in use, 8000 to " in page.text(".space")


def test_ports_are_listed_one_by_one(page: Page) -> None:
    page.open("ports").click("By port")
    assert len(page.rows("Ports")) == 30
    assert page.address == "#ports?rows=port"


def test_a_free_port_of_a_host_is_found_between_tracked_and_locked_ones(page: Page) -> None:
    page.open("ports?from=8000&to=8009").click("Free ports")
    assert page.text(".picked-line [role=status]") == "Port 8000 is free on gpu00.example.com"
    assert "9 are free: 8000, 8002-8009." in page.text()
    assert "8001 is kept for etl.py#0" in page.text()
    assert page.find(".bar.gaps").accessible_name == "From 8000 to 8009: 0 tracked ports, 1 locked port"
    assert page.copied("the number") == "8000"
    assert page.copied("the resolver expression") == "${balancer.free_port:{host:gpu00.example.com,min:8000,max:8009}}"


def test_the_host_and_the_range_of_a_free_port_are_chosen(page: Page) -> None:
    page.open("ports?rows=free").choose("on", "worker01.example.com").fill("from", "8010").fill("to", "8012")
    page.find("[name=to]").send_keys("\t")
    page.wait(lambda: "from=8010" in page.address and "to=8012" in page.address, "the range is not in the address")
    assert page.text(".picked-line [role=status]") == "Port 8011 is free on worker01.example.com"


def test_all_pools_are_listed_with_what_runs_and_waits_and_those_that_differ_first(page: Page) -> None:
    page.open("pools")
    rows = page.rows("Pools")
    assert [row[5] for row in rows[:5]] == ["missing", "other slots", "edited by hand", "orphaned", "as configured"]
    assert (len(rows), rows[1][:5]) == (13, ["worker01", "4/4 +1", "4", "1", "0"])
    assert page.copied("the command") == generated.COMMAND
    assert page.copied("the command that prunes") == generated.COMMAND.replace("apply", "prune")


def test_only_pools_that_differ_are_shown_when_asked(page: Page) -> None:
    page.open("pools").find("[name=differing]").click()
    assert len(page.settle().rows("Pools")) == 4


def test_pools_that_agree_need_nothing(page: Page) -> None:
    same = [{"change": "same", "name": "a", "slots": 1, "wanted": 1, "note": ""}]
    page.stub.answers["pools"] = (
        200,
        {"available": True, "why": "", "changes": [], "same": same, "unchanged": 1, "command": "", "prune": ""},
    )
    assert page.open("pools").text(".verdict") == "All pools are as configured: 1 pool, nothing to do."


def test_an_imbalance_is_seen_first(page: Page) -> None:
    page.open("tasks?rows=host")
    assert page.column("Tasks by host")[0] == "gpu00.example.com"
    assert page.text(".verdict").startswith("gpu00.example.com has ")
    assert len(page.all("table .fill-bad")) == 1


def test_a_drained_host_is_told_and_its_tasks_are_to_move(page: Page) -> None:
    page.open("hosts")
    assert [name for name in page.column("Hosts") if name.endswith(" drained")] == ["worker04.example.com drained"]
    page.open("tasks?rows=host")
    moving = next(row for row in page.rows("Tasks by host") if row[0].endswith(" drained"))
    assert f"worker04.example.com is drained: {moving[2]} task" in page.text("main")


def test_what_a_queues_pool_counts_is_told(page: Page) -> None:
    told = "Pool queue-transfers counts 1 task for 24 slots, whichever host they run on: sync.copy."
    assert told in page.open("tasks?rows=host").text("main")


def test_settings_say_where_they_come_from(page: Page) -> None:
    assert ["default_size", "8", "airflow_balancer, built in"] in page.open("settings").rows("Settings")


def test_the_composed_yaml_is_copied_whole(page: Page) -> None:
    page.open("yaml")
    assert page.copied("the composed YAML") == generated.fleet(generated.hosts(12), 30)["yaml"]
    assert page.find("pre.yaml").get_property("textContent") == generated.fleet(generated.hosts(12), 30)["yaml"]


def test_each_value_of_the_yaml_has_an_origin(page: Page) -> None:
    page.open("yaml?search=worker01*size")
    assert page.rows("Where each value comes from") == [["hosts.worker01.example.com.size", "4", "conf/env/prod.yaml"]]


def test_another_environment_is_read_when_it_is_chosen(page: Page) -> None:
    page.open("hosts").choose("environment", "dev")
    assert any(path.startswith("/api/fleet") and "environment=dev" in path for path in page.stub.asked)
    assert page.address == "#hosts?environment=dev"


def test_another_configuration_is_read_when_it_is_chosen(page: Page) -> None:
    page.open("hosts").choose("configuration", "fleet.lab")
    assert any(path.startswith("/api/fleet?configuration=fleet.lab") for path in page.stub.asked)


def test_refresh_reads_the_fleet_again(page: Page) -> None:
    page.open("hosts")
    before = sum(path.startswith("/api/fleet") for path in page.stub.asked)
    page.click("Refresh")
    page.wait(lambda: sum(path.startswith("/api/fleet") for path in page.stub.asked) == before + 1, "the fleet was not read again")
