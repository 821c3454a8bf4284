"""The fleet at a glance: a tile for each host, the hottest ones, and what is wrong."""

from __future__ import annotations

import pytest

from tests.viewer.browser import generated
from tests.viewer.browser.page import Page

_AREAS = """
return [...document.querySelectorAll(".host-tile")].map((tile) => {
  const {width, height} = tile.querySelector(".tile-open").getBBox();
  return [tile.dataset.name, width * height];
});
"""
_SHARES = """
return Object.fromEntries([...document.querySelectorAll(".host-tile")].map((tile) => {
  const [open, taken] = [".tile-open", ".tile-taken"].map((name) => tile.querySelector(name).getBBox().height);
  return [tile.dataset.name, taken / open];
}));
"""


def _labels(page: Page) -> dict[str, str]:
    return {tile.get_attribute("data-name"): tile.accessible_name for tile in page.all(".host-tile")}


def _pressed(page: Page, *keys: str) -> str:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page.driver).send_keys(*keys).perform()
    page.settle()
    return str(page.run("return document.activeElement.dataset.name"))


def test_a_tile_for_each_host_says_what_is_taken_and_what_waits(page: Page) -> None:
    labels = _labels(page.open())
    assert len(labels) == 12
    assert labels["worker02.example.com"] == "worker02.example.com: 4 of 4 slots taken, 2 waiting, workers, ubuntu"
    assert labels["worker04.example.com"].startswith("worker04.example.com: 16 of 16 slots taken, 4 waiting, drained, workers")


def test_the_area_of_a_tile_is_the_size_of_its_host(page: Page) -> None:
    sizes = {host["name"]: host["size"] for host in generated.hosts(12)}
    areas = [area / sizes[name] for name, area in page.open().run(_AREAS)]
    assert max(areas) < 1.3 * min(areas)


def test_the_fill_of_a_tile_is_what_is_taken(page: Page) -> None:
    shares = page.open().run(_SHARES)
    assert shares["worker02.example.com"] == pytest.approx(1, abs=0.01)
    assert shares["gpu00.example.com"] == pytest.approx(6 / 8, abs=0.01)


def test_a_tile_is_amber_from_80_percent_and_red_when_tasks_wait_for_a_full_host(page: Page) -> None:
    pools = {host["pool"]: generated.stats(10, 7) for host in generated.hosts(12)}
    pools |= {"worker01": generated.stats(10, 8), "worker02": generated.stats(10, 10), "worker03": generated.stats(10, 10, waiting=1)}
    page.stub.answers["occupancy"] = (200, {"available": True, "why": "", "pools": pools})
    page.open()
    tiles = [page.find(f".host-tile[data-name='{name}.example.com']") for name in ("gpu00", "worker01", "worker02", "worker03")]
    assert [tile.get_attribute("class") for tile in tiles] == [f"host-tile level-{level}" for level in ("calm", "high", "high", "full")]


def test_a_drained_host_is_hatched(page: Page) -> None:
    tiles = page.open().all(".host-tile:has(.tile-drained)")
    assert [tile.get_attribute("data-name") for tile in tiles] == ["worker04.example.com"]


@pytest.mark.parametrize(
    ("group", "headings"),
    [
        ("queue", ["gpu + transfers", "gpu + workers", "transfers", "workers"]),
        ("system", ["rhel", "ubuntu", "windows"]),
        ("tag-rack", ["none", "rack-a", "rack-a + rack-b", "rack-b"]),
    ],
)
def test_hosts_are_grouped_by_queue_system_or_the_tags_of_one_prefix(page: Page, group: str, headings: list[str]) -> None:
    page.open().choose("group", group)
    assert sorted(title.get_property("textContent") for title in page.all(".map-heading title")) == headings


def test_a_tile_opens_its_host(page: Page) -> None:
    page.open().find(".host-tile[data-name='worker03.example.com']").click()
    page.wait(lambda: page.text("dialog h2") == "worker03.example.com", "the host did not open")


def test_hover_says_the_rest_of_a_tile(page: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    page.open()
    ActionChains(page.driver).move_to_element(page.find(".host-tile[data-name='worker03.example.com']")).perform()
    assert page.text(".map-about").startswith("worker03.example.com: 24 of 32 slots taken")


def test_the_tiles_are_one_stop_of_the_tab_key_and_arrows_move_between_them(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open().run("document.querySelector('select[name=group]').focus()")
    first = _pressed(page, Keys.TAB)
    second = _pressed(page, Keys.ARROW_RIGHT)
    assert (_pressed(page, Keys.HOME), first != second) == (first, True)
    assert page.text(".map-about").startswith(f"{first}:")
    _pressed(page, Keys.ENTER)
    page.wait(lambda: page.text("dialog h2") == first, "the host did not open")


def test_the_five_hottest_hosts_come_with_what_waits(page: Page) -> None:
    hottest = [item.text.replace("\n", " ") for item in page.open().all(".hottest li")]
    assert hottest[:3] == ["worker02.example.com 4/4 +2", "worker01.example.com 4/4 +1", "worker04.example.com drained 16/16 +4"]
    assert len(hottest) == 5


def test_what_is_wrong_names_a_host_that_cannot_be_reached_first(page: Page) -> None:
    told = "worker03.example.com cannot be reached: 4 attempts failed since the last success, last success 3 hours ago"
    assert page.open().text(".wrong li") == told


def test_what_is_wrong_names_a_host_whose_last_attempts_failed(page: Page) -> None:
    answer = generated.health(generated.hosts(12))
    answer["pools"]["worker03"] |= {"unreachable": None, "last_success": None}
    page.stub.answers["health"] = (200, answer)
    assert page.open().text(".wrong li") == "worker03.example.com the last 4 attempts failed, no success in the last day"


def test_what_is_wrong_names_full_hosts_drift_of_pools_and_drained_hosts_with_tasks(page: Page) -> None:
    assert [item.text for item in page.open().all(".wrong:not(.all) li")][1:] == [
        "worker02.example.com is full: 2 tasks wait for a slot",
        "worker01.example.com is full: 1 task waits for a slot",
        "worker04.example.com is full: 4 tasks wait for a slot",
        "4 pools are not as configured: 1 missing, 1 other slots, 1 edited by hand, 1 orphaned",
        "worker04.example.com is drained, and 16 slots are still taken",
    ]


def test_a_pick_that_fails_and_a_file_that_cannot_be_shown_are_wrong(page: Page) -> None:
    fleet, listing = page.stub.answer("fleet", {})[1], page.stub.answer("configurations", {})[1]
    wrong = {"requester": "dags.etl", "request": "${balancer.name:{queue:none}}", "gets": "no host matches", "problem": True}
    page.stub.answers["fleet"] = (200, fleet | {"picks": [wrong]})
    page.stub.answers["configurations"] = (200, listing | {"problems": ["lab.yaml: unknown key 'sise'"]})
    seen = [item.text for item in page.open().all(".wrong li.bad")]
    assert {"dags.etl gets no host: no host matches", "lab.yaml: unknown key 'sise'"} <= set(seen)


def test_without_occupancy_the_tiles_show_the_sizes_and_the_page_says_why(page: Page) -> None:
    page.stub.answers["occupancy"] = (200, {"available": False, "why": "Airflow's database is not reachable", "pools": {}})
    assert "No live occupancy here: Airflow's database is not reachable" in page.open().text()
    assert _labels(page)["gpu00.example.com"].startswith("gpu00.example.com: 8 slots, workers gpu")
    assert page.all(".hottest") == []


def test_a_thousand_hosts_fit_on_one_screen(page: Page) -> None:
    page.stub.hosts = 1000
    page.open()
    box = page.run("const {top, bottom} = document.querySelector('.fleet-map').getBoundingClientRect(); return [top, bottom]")
    assert len(page.all(".host-tile")) == 1000
    assert (box[0] > 0, box[1] < 800) == (True, True)
    assert min(area for _, area in page.run(_AREAS)) > 20


def test_several_configurations_get_an_overview(page: Page) -> None:
    assert [item.text for item in page.open().all(".wrong.all li")] == [
        "Main fleet: 12 hosts, 1 drained, 192 slots (shown)",
        "Lab: lab.yaml: unknown key 'sise'",
    ]
    page.find(".wrong.all a[href$='fleet.lab']").click()
    assert page.settle().address == "#fleet?configuration=fleet.lab"
