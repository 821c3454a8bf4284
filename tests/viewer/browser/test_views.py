"""What each view shows."""

from __future__ import annotations

from tests.test_counted import SENTENCE
from tests.viewer.browser import generated
from tests.viewer.browser.page import Page


def test_summary_counts_the_fleet(page: Page) -> None:
    slots = sum(host["size"] for host in generated.hosts(12))
    tiles = [tile.text.split("\n") for tile in page.open().all(".tile")]
    assert tiles == [["12", "hosts"], [str(slots), "slots"], ["30", "ports"], ["42", "pools"], ["3", "queues"], ["0", "problems"]]


def test_summary_adds_what_every_pool_has_now(page: Page) -> None:
    stats = generated.occupancy(generated.hosts(12))["pools"].values()
    figures = [item.text for item in page.open().all(".card .figures li")[:4]]
    assert figures == [f"{sum(one[name] for one in stats)} {name}" for name in ("running", "queued", "deferred", "open")]


def test_summary_lists_who_gets_which_host(page: Page) -> None:
    assert page.open().rows("What the configuration picks")[0] == ["dags.etl.tasks.step0", "host, queue=workers", "gpu00.example.com"]


def test_summary_leads_to_the_hosts_of_a_queue(page: Page) -> None:
    page.open().click("gpu")
    assert (page.address, page.text(".tally")) == ("#hosts?queue=gpu", "2 of 12 hosts")


def test_summary_names_configurations_that_cannot_be_shown(page: Page) -> None:
    answer = page.stub.answer("configurations", {})[1]
    page.stub.answers["configurations"] = (200, answer | {"problems": ["lab.yaml: unknown key 'sise'"]})
    assert "lab.yaml: unknown key 'sise'" in page.open().text(".warning")


def test_a_host_shows_everything_but_its_credential(page: Page) -> None:
    row = page.open("hosts?search=worker01").rows("Hosts")
    assert row == [["worker01.example.com", "ubuntu", "transfers", "rack-a rack-b", "4", "4/4", "batch", "none", "worker01"]]


def test_the_hosts_say_what_a_pool_and_a_slot_count(page: Page) -> None:
    assert SENTENCE in page.open("hosts").text()


def test_a_host_is_found_by_its_address(page: Page) -> None:
    assert page.open("hosts?search=10.0.0.2").column("Hosts") == ["worker01.example.com"]


def test_addresses_are_a_column_only_where_a_host_has_one(page: Page) -> None:
    assert page.open("hosts?search=worker01").rows("Hosts")[0][:2] == ["worker01.example.com", "ubuntu"]
    fleet = page.stub.answer("fleet", {})[1]
    page.stub.answers["fleet"] = (200, fleet | {"summary": fleet["summary"] | {"addresses": 1}})
    assert page.open("hosts?search=worker01").rows("Hosts")[0][:2] == ["worker01.example.com", "10.0.0.2"]


def test_occupancy_is_a_bar_that_can_be_read_aloud(page: Page) -> None:
    bar = page.open("hosts?search=worker01").find("table .bar")
    assert bar.accessible_name == "4 running, 2 queued, 0 deferred, 0 open"


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


def test_pools_that_differ_are_named_with_the_command_to_run(page: Page) -> None:
    page.open("pools")
    assert page.column("Pools that differ", 1) == ["missing", "orphaned", "other slots", "edited by hand"]
    assert page.copied("the command") == generated.COMMAND


def test_pools_that_agree_need_nothing(page: Page) -> None:
    page.stub.answers["pools"] = (200, {"available": True, "why": "", "changes": [], "unchanged": 42, "command": ""})
    assert page.open("pools").text(".empty") == "All pools are as configured\n42 pools in Airflow, nothing to do."


def test_an_imbalance_is_seen_first(page: Page) -> None:
    page.open("tasks")
    assert page.column("Tasks by host")[0] == "gpu00.example.com"
    assert page.text(".verdict").startswith("gpu00.example.com has ")
    assert len(page.all("table .fill-bad")) == 1


def test_a_drained_host_is_told_and_its_tasks_are_to_move(page: Page) -> None:
    page.open("hosts")
    assert [name for name in page.column("Hosts") if name.endswith(" drained")] == ["worker04.example.com drained"]
    page.open("tasks")
    moving = next(row for row in page.rows("Tasks by host") if row[0].endswith(" drained"))
    assert f"worker04.example.com is drained: {moving[2]} task" in page.text("main")


def test_what_a_queues_pool_counts_is_told(page: Page) -> None:
    told = "Pool queue-transfers counts 1 task for 24 slots, whichever host they run on: sync.copy."
    assert told in page.open("tasks").text("main")


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
