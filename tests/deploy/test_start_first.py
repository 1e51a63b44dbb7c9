"""New versions beside the old ones, in memory: who is found by the service's name, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.deploy import UNHEALTHY, DeployWorld, KilledError
from tests.support.errors import outcome
from tests.support.marks import extended
from tests.support.project import service
from whalebuild.compose.containers import Container
from whalebuild.compose.model import Service, UpdateOrder
from whalebuild.deploy.start_first import DRAINING
from whalebuild.errors import DeployError, InterruptedRunError
from whalebuild.failures.command_failed import CommandFailedError

WEB = service("web", order=UpdateOrder.START_FIRST, networks={"default": (), "back": ("orders",)})
NONE: dict[str, tuple[str, ...]] = {"default": (), "back": ()}


def of(container: Container) -> dict[str, tuple[str, ...]]:
    """What compose gives."""
    return {"default": (container.name, "web"), "back": (container.name, "web", "orders")}


def world(folder: Path, web: Service = WEB) -> DeployWorld:
    made = DeployWorld(folder, (web, service("db", networks={"default": ()})))
    made.publish("1")
    made.publish("1", "db")
    made.deploy()
    made.project.asked.clear()
    return made


def webs(of: DeployWorld) -> list[Container]:
    return [each for each in of.project.running if each.service == "web"]


def test_the_name_goes_from_one_to_the_other(tmp_path: Path) -> None:
    shop = world(tmp_path)
    [old], began = webs(shop), shop.clock.now
    shop.publish("2")
    shop.deploy()
    [new] = webs(shop)
    asked = shop.asked("up", "rejoin", "remove")
    assert [call[0] if call[0] == "up" else call for call in asked] == [
        "up",
        ("rejoin", new.id, NONE),
        "up",
        ("rejoin", new.id, of(new)),
        ("rejoin", old.id, NONE),
        ("remove", (old.id,)),
        "up",
    ]
    assert new.aliases == of(new)
    assert shop.clock.now - began >= DRAINING


@pytest.mark.parametrize(
    "web",
    [
        service("web", order=UpdateOrder.START_FIRST),
        service("web", order=UpdateOrder.START_FIRST, networks={"default": ()}, publishes=True),
    ],
)
def test_where_the_name_does_not_matter(tmp_path: Path, web: Service) -> None:
    shop = world(tmp_path, web)
    [old] = webs(shop)
    shop.publish("2")
    shop.deploy()
    assert [call[0] for call in shop.asked("up", "rejoin", "remove")] == ["up", "remove", "up"]
    assert old not in webs(shop)


def fails(shop: DeployWorld, how: str) -> None:
    """Have the next deploy come to nothing before the new version has its name."""
    shop.publish("2", looks=UNHEALTHY if how == "unhealthy" else None)
    broken: dict[str, Exception] = {
        "rejoin": CommandFailedError("Error response from daemon: no free address"),
        "up": CommandFailedError("Error response from daemon: mount denied"),
    }
    if how in broken:
        shop.project.fails[how] = [broken[how]]


@pytest.mark.parametrize("how", ["unhealthy", "rejoin", "up"])
def test_a_failure_touches_nothing_of_the_old(tmp_path: Path, how: str) -> None:
    shop = world(tmp_path)
    before = webs(shop)
    fails(shop, how)
    failed = outcome(shop.deploy)
    assert isinstance(failed, DeployError)
    assert "was not stopped, and runs" in failed.what
    assert webs(shop) == before
    assert before[0].id not in str(shop.asked("rejoin", "remove"))


def test_the_way_back_loses_no_name_either(tmp_path: Path) -> None:
    """Of two services the second does not work; the first has been switched already."""
    api = service("api", order=UpdateOrder.START_FIRST, networks={"default": ()})
    shop = DeployWorld(tmp_path, (WEB, api))
    one = shop.publish("1")
    shop.publish("1", "api")
    shop.deploy()
    [old] = [each for each in shop.project.running if each.service == "api"]
    two = shop.publish("2")
    shop.publish("2", "api", UNHEALTHY)
    shop.project.asked.clear()
    assert isinstance(outcome(shop.deploy), DeployError)
    [web], named = webs(shop), [call for call in shop.asked("rejoin") if call[2] != {"default": ()}]
    assert (web.image, web.aliases) == (one.digest, of(web))
    # Names are given to version 2, taken from 1, given to 1 again, and taken from 2.
    assert [call[2] == NONE for call in named] == [True, False, True] * 2
    assert two.digest not in shop.runs()
    assert old in shop.project.running, "what was never switched is not switched back"


def test_ctrl_c_leaves_nobody_without_a_name(tmp_path: Path) -> None:
    shop = world(tmp_path)
    before = webs(shop)
    shop.publish("2")
    shop.project.fails["rejoin"] = [InterruptedRunError(130)]
    assert isinstance(outcome(shop.deploy), InterruptedRunError)
    assert webs(shop) == before


def test_an_old_one_that_cannot_rejoin_goes_all_the_same(tmp_path: Path) -> None:
    shop = world(tmp_path)
    two = shop.publish("2")
    rejoin = shop.project.rejoin
    [old] = webs(shop)

    def broken(container: str, networks: dict[str, tuple[str, ...]]) -> None:
        if container == old.id:
            raise CommandFailedError("Error response from daemon: no such network")
        rejoin(container, networks)

    shop.project.rejoin = broken  # type: ignore[method-assign, assignment]
    shop.deploy()
    assert shop.runs() == [two.digest]


def test_what_does_not_run_is_not_counted_in(tmp_path: Path) -> None:
    shop = world(tmp_path)
    shop.project.run("web", shop.publish("0"), status="exited", exit_code=1)
    two = shop.publish("2")
    shop.deploy()
    assert [each.image for each in webs(shop)] == [two.digest]


def kills(shop: DeployWorld, steps: int) -> bool:
    """Kill a deploy of the next version after some steps; False if it came to its end."""
    shop.life.left, shop.life.killed = steps, False
    try:
        shop.deploy()
    except KilledError:
        return True
    finally:
        shop.life.left = None
    return False


@pytest.mark.parametrize("replicas", [1, extended(2)])
@pytest.mark.parametrize("verb", ["deploy", extended("rollback")])
@pytest.mark.parametrize("order", list(UpdateOrder))
def test_killed_at_any_step(tmp_path: Path, replicas: int, verb: str, order: UpdateOrder) -> None:
    """Whatever is kept by the next run, be it by compose, has its names then."""
    web = service("web", order=UpdateOrder.START_FIRST, networks=WEB.networks, replicas=replicas)
    for steps in range(1000):
        shop = world(tmp_path / str(steps), web)
        for content in "23":
            shop.publish(content)
            if content == "2":
                shop.deploy()
        killed = kills(shop, steps)
        shop.deploy(order=order) if verb == "deploy" else shop.rollback(order=order)
        assert len(webs(shop)) == replicas, steps
        assert [each.aliases for each in webs(shop)] == [of(each) for each in webs(shop)], steps
        assert {each.status for each in webs(shop)} == {"running"}
        if not killed:
            break
    assert steps > 30


def test_a_rollback_after_a_kill_in_the_drain_does_not_keep_the_version_that_was_drained(
    tmp_path: Path,
) -> None:
    """The new one is asked already: it stays until a fresh container of the old version works."""
    shop = world(tmp_path)
    [old] = webs(shop)
    shop.publish("2")
    shop.life.ends = lambda: ("rejoin", old.id, NONE) in shop.project.asked
    with pytest.raises(KilledError):
        shop.deploy()
    shop.life.left, shop.life.ends = None, lambda: False
    [new] = [each for each in webs(shop) if each.id != old.id]
    shop.project.asked.clear()
    shop.rollback()
    [back] = webs(shop)
    assert back.image == old.image
    assert back.id not in {old.id, new.id}
    calls = [call[0] for call in shop.asked("up", "remove")]
    assert calls.index("up") < calls.index("remove")
    assert ("remove", (old.id, new.id)) in shop.project.asked
