"""How often the engine is asked for all that it has: with many containers each takes it long."""

from __future__ import annotations

from pathlib import Path

from tests.support.deploy import DeployWorld
from tests.support.project import service

ALL = ("containers",)


def test_one_service_of_twelve_changes(tmp_path: Path) -> None:
    shop = DeployWorld(tmp_path, [service(f"s{number}") for number in range(12)])
    for number in range(12):
        shop.publish("1", f"s{number}")
    shop.deploy()
    shop.publish("2", "s0")
    shop.project.asked.clear()
    shop.deploy()
    # To plan, before the switch, once a second while compose works, after it, and for the record.
    assert shop.project.asked.count(ALL) <= 5


def test_nothing_to_do(tmp_path: Path) -> None:
    shop = DeployWorld(tmp_path)
    shop.publish("1")
    shop.deploy()
    shop.project.asked.clear()
    shop.deploy()
    assert shop.project.asked.count(ALL) <= 2
