from __future__ import annotations

import pytest

from whalebuild.core.bakefile import Target
from whalebuild.core.definition import (
    BuildOptions,
    Job,
    generate,
    make_jobs,
    schedule,
    wave_definition,
)
from whalebuild.core.pairs import Image, Pair
from whalebuild.core.references import Reference


def job(name: str, repository: str, role: str = "app") -> Job:
    return Job(Target(name, {}), role, (Reference(repository, name),), (), ())


@pytest.mark.parametrize(
    ("jobs", "waves"),
    [
        ([], []),
        ([job("app", "web"), job("deps", "web", "deps")], [["deps"], ["app"]]),
        ([job("a", "x"), job("b", "y")], [["a", "b"]]),
        ([job("a", "x"), job("b", "x"), job("c", "y")], [["a", "c"], ["b"]]),
        (
            [job("a", "x"), job("a-deps", "x", "deps"), job("b", "y"), job("b-deps", "y", "deps")],
            [["a-deps", "b-deps"], ["a", "b"]],
        ),
    ],
    ids=["nothing", "a pair", "two repositories", "one repository", "a monorepo"],
)
def test_dependencies_go_first_and_a_repository_gets_one_push_at_a_time(
    jobs: list[Job], waves: list[list[str]]
) -> None:
    assert [[each.name for each in wave] for wave in schedule(jobs)] == waves


def test_the_definition_of_a_wave_has_it_for_default_and_all_targets() -> None:
    whole = {"group": {"default": {"targets": ["d", "a"]}}, "target": {"d": {}, "a": {"x": 1}}}
    assert wave_definition(whole, [job("a", "x")]) == {
        "group": {"default": {"targets": ["a"]}},
        "target": whole["target"],
    }


def test_targets_that_a_job_links_to_come_along_unpublished() -> None:
    others = {
        "tools": Target("tools", {"contexts": {"os": "target:os"}, "tags": ["acme/tools"]}),
        "os": Target("os", {"context": "os", "contexts": {"tools": "target:tools"}}),
        "unrelated": Target("unrelated", {}),
    }
    app = Target("app", {"contexts": {"t": "target:tools", "x": "./x"}})
    deps = Image(Target("app-deps", {}), (Reference("acme/web", "deps"),))
    made = Pair(Image(app, (Reference("acme/web", "latest"),)), deps, derived=True)
    jobs = make_jobs([made], BuildOptions())
    definition = generate(jobs, BuildOptions(), others)
    assert definition["group"]["default"]["targets"] == ["app-deps", "app"]
    assert set(definition["target"]) == {"app-deps", "app", "tools", "os"}
    assert definition["target"]["tools"] == others["tools"].attributes
