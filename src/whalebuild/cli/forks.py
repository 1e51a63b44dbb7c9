"""Pull requests from forks: a bake there publishes nothing, unless ``--push`` says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from whalebuild.ci.forks import fork
from whalebuild.values import dataclass


@dataclass(frozen=True)
class Modes:
    """What a bake does with what it builds; see the options of the same names.

    ``why`` says why it reads only, where no flag does.
    """

    push: bool
    load: bool
    read_only: bool
    partial: bool
    part_file: Path | None
    verify: bool
    why: str | None = None

    def here(self, environment: Mapping[str, str]) -> Modes:
        """The same, or to read only, in a run for a fork's code that no flag decides about."""
        if self.push or self.load or self.read_only:
            return self
        why = fork(environment, _read_event)
        if why is None:
            return self
        said = f"{why}: it reads only, and publishes nothing (--push publishes all the same)"
        only = replace(self, read_only=True, partial=False, part_file=None, verify=False)
        return replace(only, why=said)


def _read_event(path: str) -> object:
    return json.loads(Path(path).read_text(encoding="utf-8"))
