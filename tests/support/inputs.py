"""The inputs of a stage of a Dockerfile, or the reason why they cannot be determined."""

from __future__ import annotations

from typing import Any

from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.inputs.find import find_inputs
from whalebuild.inputs.values import Build, StageInputs, Undetermined


def find(text: str, stage: str | None = "deps", **build: Any) -> StageInputs:
    found = find_inputs(parse_dockerfile(text), stage, Build(**build))
    assert isinstance(found, StageInputs), found
    return found


def reason(text: str, stage: str | None = "deps", **build: Any) -> str:
    found = find_inputs(parse_dockerfile(text), stage, Build(**build))
    assert isinstance(found, Undetermined), found
    return str(found)
