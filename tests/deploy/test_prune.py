from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.errors import outcome
from tests.support.host import FakeHost
from tests.support.project import FakeProject, model, service
from tests.support.record import begun, done, ended, history, running, version, warmed
from whalebuild.cli.output.prune import prune_json
from whalebuild.deploy.prune import Pruning, RemovableImage, may_prune, prune, pruned_in_words
from whalebuild.deployments.record import Entry, History
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference
from whalebuild.published.host_images import RunningImage
from whalebuild.published.kept import kept_name

TEN = tuple(entry for n in range(1, 11) for entry in done(n, web=str(n)))


class World:
    """A host after these deployments of web; each version was pulled by digest, and is kept."""

    def __init__(self, entries: tuple[Entry, ...] = TEN, there: int = 10) -> None:
        self.records: dict[str, History] = {"shop": history(*entries)}
        self.project = FakeProject(model(service("web")))
        self.host = FakeHost(self.project)
        for number in range(1, there + 1):
            self.keep(version(str(number)))
        self.project.run("web", version(str(there)))

    def keep(self, image: Reference) -> None:
        self.project.has(image)
        self.project.tag(str(image.digest), kept_name(str(image.digest)))

    def prune(self, keep: int, *, dry_run: bool = False) -> Pruning:
        return prune(self.project, self.host, self.records, keep, dry_run=dry_run)

    @property
    def there(self) -> set[str]:
        return set(self.project.names.values())


def dig(*numbers: object) -> set[str]:
    return {str(version(str(number)).digest) for number in numbers}


def why(found: Pruning) -> dict[str, str]:
    names = {version(str(n)).digest: str(n) for n in range(1, 12)}
    return {names[each.digest] or each.digest: each.why for each in found.kept}


def test_only_the_last_ones_stay() -> None:
    world = World()
    found = world.prune(3)
    assert world.there == dig(8, 9, 10)
    assert {each.digest for each in found.removed} == dig(*range(1, 8))
    assert why(found) == {"10": "a container uses it", "9": "deployment 9", "8": "deployment 8"}
    assert (found.keep, found.done) == (3, True)
    assert not world.prune(3).removed, "there is nothing left to do"


def test_the_engine_is_asked_for_its_images_only_where_something_may_go() -> None:
    world = World()
    record = world.records["shop"]
    assert not may_prune(record, 10, world.project.named_images())
    assert may_prune(record, 3, world.project.named_images())
    world.prune(3)
    assert not may_prune(record, 3, world.project.named_images())
    # Kept by no name of whalebuild's, but pulled by its digest, also from a mirror.
    old = version("2")
    world.project.names[f"mirror.example/shop@{old.digest}"] = str(old.digest)
    assert may_prune(record, 3, world.project.named_images())


def test_names_go_in_an_order_that_leaves_an_image_to_be_found_again() -> None:
    world = World()
    [first, *_] = world.prune(9).removed
    assert [str(name) for name in first.names] == [
        f"registry.test/acme/web@{version('1').digest}",
        str(kept_name(str(version("1").digest))),
    ]
    untagged = [name for verb, *name in world.project.asked if verb == "untag"]
    assert untagged == [[str(name)] for name in first.names]


def test_what_a_killed_prune_left_is_removed_by_the_next() -> None:
    world = World()
    del world.project.names[f"registry.test/acme/web@{version('1').digest}"]
    world.prune(9)
    assert world.there == dig(*range(2, 11))


def test_a_dry_run_changes_nothing() -> None:
    world = World()
    found = world.prune(3, dry_run=True)
    assert len(found.removed) == 7
    assert not found.done
    assert world.there == dig(*range(1, 11))


def test_what_other_projects_need_stays() -> None:
    world = World()
    world.records["blog"] = history(*(e for n in (2, 4, 6) for e in done(n, web=str(n))))
    found = world.prune(1)
    assert world.there == dig(2, 4, 6, 10)
    assert why(found)["4"] == "project blog: deployment 4"
    assert why(found)["6"] == "project blog: runs, as the record says"


def test_others_keep_the_default_at_the_least() -> None:
    world = World()
    world.records["blog"] = history(*(e for n in range(1, 9) for e in done(n, web=str(n))))
    world.prune(1)
    assert world.there == dig(4, 5, 6, 7, 8, 10)


@pytest.mark.parametrize("by_name", [True, False], ids=["name", "id"])
def test_what_any_container_uses_stays(by_name: bool) -> None:
    world = World()
    one, two = version("1"), version("2")
    world.host.others.append(
        RunningImage("sha256:other", one) if by_name else RunningImage(str(one.digest), None)
    )
    world.project.run("old", two, status="exited")
    world.project.names.pop("registry.test/acme/web:latest")
    found = world.prune(1)
    assert world.there == dig(1, 2, 10)
    assert why(found)["1"] == why(found)["2"] == "a container uses it"


def test_an_image_with_a_tag_stays_and_is_named() -> None:
    world = World()
    digest = str(version("1").digest)
    world.project.names["registry.test/acme/web:stable"] = digest
    found = world.prune(1)
    assert why(found)["1"] == "it has the name registry.test/acme/web:stable"
    assert digest in world.there
    assert "registry.test/acme/web:stable" in world.project.names


def test_what_came_into_use_meanwhile_is_told_and_no_error() -> None:
    world = World()
    project = world.project
    used, untag = version("3"), project.untag

    def busy(name: Reference) -> bool:
        if name.digest == used.digest:
            project.run("other", used)
            project.names.pop("registry.test/acme/web:latest")
        return untag(name)

    project.untag = busy  # type: ignore[method-assign]
    found = world.prune(1)
    assert why(found)["3"] == "a container has come to use it"
    assert str(used.digest) in world.there
    assert dig(3).isdisjoint(each.digest for each in found.removed)


def test_images_that_the_record_does_not_name_are_none_of_its_business() -> None:
    world = World()
    world.project.has(version("foreign"))
    world.prune(1)
    assert world.there == dig(10, "foreign")


def test_what_is_needed_to_go_on_stays() -> None:
    interrupted = begun(11, running(web="11"), running(web="10"))
    world = World((*TEN, warmed("web", "2"), interrupted), there=11)
    found = world.prune(1)
    assert world.there == dig(2, 10, 11)
    assert why(found)["2"] == "pulled ahead"


def test_a_project_without_a_record() -> None:
    world = World()
    world.records = {}
    assert world.prune(1) == Pruning(1, (), (), done=True)


def test_an_engine_that_is_lost_is_an_error() -> None:
    world = World()
    world.project.fails["untag"] = [CommandFailedError("Cannot connect to the Docker daemon")]
    assert isinstance(outcome(lambda: world.prune(1)), EngineError)
    world.host.down = True
    assert isinstance(outcome(lambda: world.prune(1)), EngineError)


def test_the_json_form() -> None:
    world = World(there=2, entries=TEN[:4])
    world.keep(version("1"))
    told = prune_json(world.prune(1, dry_run=True), "shop")
    one, two = version("1"), version("2")
    assert told == {
        "schema": "whalebuild.prune/1",
        "project": "shop",
        "keep": 1,
        "done": False,
        "removed": [
            {
                "digest": one.digest,
                "images": [str(one)],
                "names": [f"registry.test/acme/web@{one.digest}", str(kept_name(str(one.digest)))],
            }
        ],
        "kept": [{"digest": two.digest, "images": [str(two)], "why": "a container uses it"}],
    }


@pytest.mark.parametrize(("named", "there"), [("v3", {"v3"}), ("v1", {"v1", "v3"})])
def test_tags_that_deploys_have_set_go_unless_the_file_names_them(
    named: str, there: set[str]
) -> None:
    """Versions with tags of their own: the host's tag is a deploy's, and no rollback needs it."""
    tagged = [replace(version(str(n)), tag=f"v{n}") for n in (1, 2, 3)]
    world = World(there=0)
    entries = (each for n, v in enumerate(tagged, 1) for each in _done(n, v))
    world.records["shop"] = history(*entries)
    world.project.made = model(service("web", f"registry.test/acme/web:{named}"))
    for each in tagged:
        world.keep(each)
        world.project.run("web", each)
    world.project.running = world.project.running[-1:]
    world.prune(1)
    tags = {Reference("registry.test/acme/web", tag) for tag in ("v1", "v2", "v3")}
    assert {tag.tag for tag in tags if str(tag) in world.project.names} == there


def _done(number: int, image: Reference) -> tuple[Entry, Entry]:
    return begun(number, {"web": image}), ended(number, {"web": image})


def test_what_is_said_after_a_deploy() -> None:
    gone = RemovableImage("sha256:1", (), (), 30_000_000)
    assert pruned_in_words(Pruning(5, (gone, gone), (), done=True)) == (
        "removed 2 images of old deployments, 60 MB at the most; keep = 5"
    )
    assert pruned_in_words(Pruning(1, (RemovableImage("sha256:1", (), ()),), ())) == (
        "removed 1 image of old deployments; keep = 1"
    )
    assert pruned_in_words(Pruning(5, (), ())) == ""
