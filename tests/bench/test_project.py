from __future__ import annotations

from pathlib import Path

import pytest

from wbbench.project import ALL_SHAPES, example


@pytest.mark.parametrize("shape", ALL_SHAPES)
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
