"""What a bake will do and why, as one value that is shown or run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whalebuild.core.definition import BuildOptions, Definition, Job
from whalebuild.core.pairs import Pair
from whalebuild.core.references import Reference
from whalebuild.core.request import EngineFacts
from whalebuild.core.settings import KEYS, Settings

SCHEMA = "whalebuild.plan/1"


@dataclass(frozen=True)
class Plan:
    """A bake, decided.

    Attributes:
        published: For each cache source, whether the registry has it; empty where it was not
            asked (``--print``).
    """

    pairs: tuple[Pair, ...]
    jobs: tuple[Job, ...]
    definition: Definition
    options: BuildOptions
    settings: Settings
    source: str
    facts: EngineFacts | None = None
    published: Mapping[Reference, bool] | None = None

    def is_derived(self, job: Job) -> bool:
        """Whether the target was made from the application's Dockerfile stage."""
        return any(p.derived and p.dependencies.target.name == job.name for p in self.pairs)

    def as_json(self) -> dict[str, Any]:
        """The versioned form for machines."""
        return {
            "schema": SCHEMA,
            "source": self.source,
            "publish": not self.options.load,
            "builder": self.facts and {"name": self.facts.builder, "driver": self.facts.driver},
            "targets": [self._job_json(job) for job in self.jobs],
            "settings": {
                name: {"value": self.settings.value(name), "origin": self.settings.origin(name)}
                for name in KEYS
            },
        }

    def _job_json(self, job: Job) -> dict[str, Any]:
        return {
            "target": job.name,
            "role": job.role,
            "stage": job.target.stage,
            "derived": self.is_derived(job),
            "context": job.target.context,
            "dockerfile": job.target.dockerfile,
            "tags": [str(reference) for reference in job.references],
            "platforms": list(job.platforms),
            "cache_from": [
                {"reference": str(ref), "published": (self.published or {}).get(ref)}
                for ref in job.cache_from
            ],
        }
