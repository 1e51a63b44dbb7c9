"""Which scenarios run, with which ways, on which shape of Dockerfile."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from wbbench.project import SHAPES

SCENARIOS = {
    "cold": "Cold: nothing in the registry, an empty disk",
    "warm": "Warm machine: only the code changed",
    "nothing": "Fresh runner: nothing changed",
    "code": "Fresh runner: only the code changed",
    "host": "Production host: `docker compose pull` after the code changed on a fresh runner",
    "dependency": "Fresh runner: one dependency added",
    "services-1": "Fresh runner: a bake file with 1 small service, its code changed",
    "services-10": "Fresh runner: a bake file with 10 small services, the code of one changed",
    "services-40": "Fresh runner: a bake file with 40 small services, the code of one changed",
}
#: What the shape of the final stage bears on; elsewhere the second shape would only take time.
SECOND_SHAPE = {"nothing", "code", "host"}
QUICK = {"cold", "code", "host", "services-10"}


@dataclass(frozen=True)
class Selection:
    """What was asked for."""

    only: tuple[str, ...] = ()
    quick: bool = False
    all_shapes: bool = False

    def wants(self, scenario: str, shape: str, way: str) -> bool:
        """Whether this one is to be measured."""
        if self.only:
            names = (f"{scenario}/{way}", f"{scenario}/{shape}/{way}", scenario)
            return any(fnmatchcase(name, pattern) for pattern in self.only for name in names)
        if self.quick and (scenario not in QUICK or shape != SHAPES[0]):
            return False
        return not unusual(scenario, shape, way) or self._widened(scenario, shape)

    def _widened(self, scenario: str, shape: str) -> bool:
        return self.all_shapes and shape in SHAPES and not scenario.startswith("services")


def unusual(scenario: str, shape: str, way: str) -> bool:
    """What a full run leaves out unless it is asked for by name."""
    if way == "buildah" and (scenario.startswith("services") or shape != SHAPES[0]):
        return True
    return shape != SHAPES[0] and scenario not in SECOND_SHAPE
