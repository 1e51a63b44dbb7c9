from __future__ import annotations

from pathlib import Path

import pytest

from wbbench.as_written import AS_WRITTEN, TUNED
from wbbench.project import PLAIN, SHAPES, bake_file, change_all_code, example, large, many
from whalebuild.dockerfile.parser import parse_dockerfile


@pytest.mark.parametrize("shape", [*SHAPES, PLAIN])
def test_the_example_can_be_given_every_shape(tmp_path: Path, shape: str) -> None:
    found = example(tmp_path / "example", shape, link=True)
    stages = [
        line
        for line in (found.folder / "Dockerfile").read_text().splitlines()
        if line.startswith("FROM")
    ]
    installer = ["FROM --platform=$BUILDPLATFORM ${PYTHON_IMAGE} AS installer"]
    assert stages == [
        "FROM ${PYTHON_IMAGE} AS base",
        *(installer if shape != "plain" else []),
        "FROM base AS dependencies",
        f"FROM {'base' if shape == 'copy' else 'dependencies'} AS final",
    ]


@pytest.mark.parametrize("shape", AS_WRITTEN)
def test_a_dockerfile_as_people_write_it_and_that_of_the_floor(tmp_path: Path, shape: str) -> None:
    folder = example(tmp_path / "example", shape, link=True).folder
    plain, tuned = (parse_dockerfile((folder / name).read_text()) for name in ("Dockerfile", TUNED))
    assert not plain.stage("dependencies")
    builder = ["builder"] if shape != "one-stage" else []
    assert [stage.name for stage in tuned.stages] == [*builder, "dependencies", "final"]
    steps, theirs = (
        [
            (step.keyword, step.text.replace("--link ", ""))
            for stage in each.stages
            for step in stage.instructions
        ]
        for each in (plain, tuned)
    )
    assert steps == theirs
    assert "--link" not in (folder / "Dockerfile").read_text()


def test_a_large_service_and_a_change_of_all_its_code(tmp_path: Path) -> None:
    (service,) = large(tmp_path / "large", dependencies=7, code=2).services
    assert "for number in range(7)" in (service.context / "Dockerfile").read_text()
    states = []
    for _ in range(2):
        change_all_code(service)
        states.append([file.read_bytes() for file in (service.context / "app/data").iterdir()])
    assert [len(content) for content in states[0]] == [1_000_000] * 2
    assert len({content for state in states for content in state}) == 4


def test_a_bake_file_of_the_first_services_is_part_of_that_of_all(tmp_path: Path) -> None:
    folder = many(tmp_path / "many", 3).folder
    whole = (folder / "docker-bake.hcl").read_text()
    part = bake_file(["svc01", "svc02"])
    assert part.partition("]\n")[2] in whole
    assert "svc03" not in part
