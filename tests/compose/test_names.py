"""Which containers lack the names that compose gave them, and what is to be done with those."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.project import model, service
from whalebuild.compose.containers import Container
from whalebuild.compose.names import (
    found_by_name,
    half_replaced,
    unnamed_containers,
    without_names,
)

WEB = service("web", networks={"default": (), "back": ("orders",)})
FULL = {"default": ("web-1", "web"), "back": ("web-1", "web", "orders")}
BARE: dict[str, tuple[str, ...]] = {"default": (), "back": ()}
NAMES = {"default": ("shop-web-1", "web"), "back": ("shop-web-1", "web", "orders")}


def container(number: int, aliases: dict[str, tuple[str, ...]], **more: Any) -> Container:
    return Container(f"c{number}", f"shop-web-{number}", "web", "sha256:1", aliases=aliases, **more)


def found(*containers: Container) -> tuple[tuple[str, ...], Any]:
    made = unnamed_containers(model(WEB), containers)
    return made.removable, made.to_rejoin


def test_all_is_well() -> None:
    ended = container(3, FULL, status="exited")
    assert found(container(1, FULL), container(2, FULL), ended) == ((), {})
    assert found() == ((), {})


@pytest.mark.parametrize("aliases", [BARE, {**FULL, "back": ()}, {"default": FULL["default"]}, {}])
def test_one_beside_another_that_is_found_is_removable(aliases: dict[str, tuple[str, ...]]) -> None:
    assert found(container(1, aliases), container(2, FULL)) == (("c1",), {})
    stopped = container(1, aliases, status="exited")
    assert found(stopped, container(2, FULL)) == (("c1",), {})


def test_the_only_one_gets_its_names_again() -> None:
    assert found(container(1, BARE)) == ((), {"c1": NAMES})
    assert found(container(1, BARE, status="exited")) == ((), {"c1": NAMES})
    half = container(1, {**FULL, "back": ()})
    assert found(half) == ((), {"c1": {"back": NAMES["back"]}})
    other = container(2, FULL, status="exited")
    assert found(container(1, BARE), other) == ((), {"c1": NAMES})


def test_a_network_that_it_is_not_in_is_compose_s() -> None:
    """The file may have got it since."""
    assert found(container(1, {"default": FULL["default"]})) == ((), {})


def test_one_that_was_never_started_is_removable() -> None:
    assert found(container(1, BARE, status="created")) == (("c1",), {})


def test_whom_it_is_not_about() -> None:
    oneoff = container(1, BARE, oneoff=True)
    assert found(oneoff, container(2, FULL)) == ((), {})
    for other in (replace(WEB, publishes=True), replace(WEB, exclusive="it has links")):
        assert not found_by_name(other)
        made = unnamed_containers(model(other), [container(1, BARE), container(2, FULL)])
        assert (made.removable, made.to_rejoin) == ((), {})


def test_no_names() -> None:
    assert without_names(container(1, FULL)) == BARE


def test_what_compose_has_half_replaced() -> None:
    old = Container("1" * 64, "shop-web-1", "web", "sha256:1")
    half = Container("2" * 64, f"{'1' * 12}_shop-web-1", "web", "sha256:2", status="created")
    assert half_replaced([old, half]) == (half.id,)
    assert half_replaced([half]) == (), "it is all that there is"
    assert half_replaced([old, replace(half, status="running")]) == ()
    assert (
        half_replaced([old, replace(old, id="3" * 64, name="shop-web-2", status="created")]) == ()
    )
