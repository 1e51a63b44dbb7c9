from __future__ import annotations

from pathlib import Path

import pytest

from wbbench.as_written import AS_WRITTEN, TUNED
from wbbench.project import PLAIN, SHAPES, example
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
