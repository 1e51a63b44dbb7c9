"""Which scenarios run, with which ways, on which shape of Dockerfile, and how often."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product

from wbbench.as_written import AS_WRITTEN
from wbbench.project import ALL_SHAPES, PLAIN, SHAPES

#: The scenario that has ways of its own.
PLATFORMS = "platforms"
EMULATED = "-emulated"
PLATFORM_WAYS = {
    f"arm64-plain{EMULATED}": "for linux/arm64, `RUN pip install -r requirements.txt` under QEMU",
    f"arm64{EMULATED}": "the same in a virtual environment, without bytecode, as all that follow",
    "arm64": "for linux/arm64, as [docs/platforms.md](platforms.md) has it",
    "amd64": "for linux/amd64 in the same way",
    "amd64+arm64": "for both at once in the same way",
}
#: What is measured of Dockerfiles as people write them.
CODE = "code"
#: The scenario in which services are switched: by hand, and with whalebuild.
DEPLOY = "deploy"
DEPLOY_SHAPES = (PLAIN, SHAPES[0])
#: Small services that are switched, with the docker commands that it takes.
ONE, TRIAL, MANY, NOTHING = "deploy-1", "deploy-1-trial", "deploy-12", "deploy-nothing"
DEPLOY_WAYS = {
    "by-hand": "`docker compose pull` and `docker compose up --detach --wait`",
    "whalebuild": "`whalebuild deploy`",
}
#: The scenario in which developers build: with compose alone, and with an override.
LOCAL = "local"
LOCAL_WAYS = {
    "by-hand": "`docker compose build`",
    "whalebuild": "the same, with the file that `whalebuild override` writes",
}
SCENARIOS = {
    "cold": "Cold: nothing in the registry, an empty disk",
    "warm": "Warm machine: only the code changed",
    "nothing": "Fresh runner: nothing changed",
    CODE: "Fresh runner: only the code changed",
    "host": "Production host: `docker compose pull` after the code changed on a fresh runner",
    DEPLOY: "Production host: switched over to code that changed on a fresh runner",
    ONE: "Production host with 1 small service: its code changed",
    TRIAL: "The same after a trial of the new version: its time is what this takes more",
    MANY: "Production host with 12 small services: the code of one changed",
    NOTHING: "Production host with 12 small services: nothing changed",
    "dependency": "Fresh runner: one dependency added",
    LOCAL: "Developer's machine with an empty disk: `docker compose build` after a code change",
    PLATFORMS: "Fresh runner, linux/amd64: cold dependencies for other platforms",
    "services-1": "Fresh runner: a bake file with 1 small service, its code changed",
    "services-10": "Fresh runner: a bake file with 10 small services, the code of one changed",
    "services-40": "Fresh runner: a bake file with 40 small services, the code of one changed",
}
#: Rounds of a full run for SCENARIO/WAY; the first that fits. Few where one takes long: all of it
#: is to take less than 25 minutes on two cores. Most where an aim hangs on tenths of a second.
ROUNDS = (
    (f"{PLATFORMS}/*{EMULATED}", 1),
    (f"{PLATFORMS}/*", 3),
    ("cold/*", 1),
    (f"{LOCAL}/*", 1),
    ("dependency/max", 2),
    ("dependency/whalebuild", 2),
    ("dependency/*", 1),
    ("*/floor", 3),
    ("*/whalebuild", 3),
    ("services-*", 1),
    ("nothing/*", 1),
    ("*", 2),
)
QUICK = {"cold", "code", "host", "services-10"}
#: buildah builds one after another, and asks for the whole base image each time.
TOO_MANY_FOR_BUILDAH = {"services-40"}


@dataclass(frozen=True)
class Selection:
    """What was asked for."""

    only: tuple[str, ...] = ()
    quick: bool = False
    #: How many rounds of everything; without it, as many as suit each scenario.
    rounds: int | None = None

    def wants(self, scenario: str, shape: str, way: str, number: int = 1) -> bool:
        """Whether this one is to be measured in that round."""
        return number <= self.rounds_of(scenario, way) and self._chosen(scenario, shape, way)

    def rounds_of(self, scenario: str, way: str) -> int:
        """How often this one is measured."""
        if self.rounds or self.quick:
            return self.rounds or 1
        name = f"{scenario}/{way}"
        return next(number for pattern, number in ROUNDS if fnmatchcase(name, pattern))

    def most_rounds(self, ways: Iterable[str]) -> int:
        """How many rounds there are at all."""
        chosen = (
            (scenario, way)
            for scenario, shape, way in product(SCENARIOS, ALL_SHAPES, ways)
            if self._chosen(scenario, shape, way)
        )
        return max((self.rounds_of(*names) for names in chosen), default=0)

    def _chosen(self, scenario: str, shape: str, way: str) -> bool:
        if not _exists(scenario, shape, way):
            return False
        if self.only:
            of = DEPLOY if scenario.startswith(f"{DEPLOY}-") else scenario
            names = (f"{scenario}/{way}", f"{scenario}/{shape}/{way}", scenario, of, f"{of}/{way}")
            return any(fnmatchcase(name, pattern) for pattern in self.only for name in names)
        if self.quick and (scenario not in QUICK or shape != SHAPES[0]):
            return False
        return way != "buildah" or scenario not in TOO_MANY_FOR_BUILDAH


def _exists(scenario: str, shape: str, way: str) -> bool:
    if scenario in {ONE, TRIAL, MANY, NOTHING}:
        of_both = way in DEPLOY_WAYS and (scenario != TRIAL or way == "whalebuild")
        return of_both and shape == SHAPES[0]
    if scenario == DEPLOY:
        return way in DEPLOY_WAYS and shape in DEPLOY_SHAPES
    if scenario == LOCAL:
        return way in LOCAL_WAYS and shape in AS_WRITTEN
    if scenario.startswith(("services", PLATFORMS)) and shape != SHAPES[0]:
        return False
    if shape in AS_WRITTEN:
        return scenario == CODE and way not in PLATFORM_WAYS
    return shape in SHAPES and (scenario == PLATFORMS) is (way in PLATFORM_WAYS)
