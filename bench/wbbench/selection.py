"""Which scenarios run, with which ways, on which shape of Dockerfile, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product

from wbbench.as_written import AS_WRITTEN
from wbbench.project import ALL_SHAPES, PLAIN, SHAPES

FROM = SHAPES[:1]
OURS = "whalebuild"
#: What teams have, and what the best of them could have; buildah takes no part in all.
DOCKER = ("by-hand", "inline", "max", "floor", OURS)
EVERY = (*DOCKER, "buildah")
EMULATED = "-emulated"
PLATFORM_WAYS = {
    f"arm64-plain{EMULATED}": "for linux/arm64, `RUN pip install -r requirements.txt` under QEMU",
    f"arm64{EMULATED}": "the same in a virtual environment, without bytecode, as all that follow",
    "arm64": "for linux/arm64, as [docs/platforms.md](platforms.md) has it",
    "amd64": "for linux/amd64 in the same way",
    "amd64+arm64": "for both at once in the same way",
}
DEPLOY_WAYS = {
    "by-hand": "`docker compose pull` and `docker compose up --detach --wait`",
    OURS: "`whalebuild deploy`",
}
LOCAL_WAYS = {
    "by-hand": "`docker compose build`",
    OURS: "the same, with the file that `whalebuild override` writes",
}
#: Commands of whalebuild alone, from the start of its process to the end.
VERBS = {
    "--help": ("--help",),
    "plan": ("plan",),
    "bake": ("bake",),
    "inspect": ("inspect",),
    "inspect IMAGE": ("inspect", "{image}"),
    "diff": ("diff",),
    "diff IMAGE": ("diff", "{image}"),
}


@dataclass(frozen=True)
class Scenario:
    """What is measured, of which Dockerfiles, and in which ways."""

    title: str
    shapes: tuple[str, ...] = SHAPES
    ways: Iterable[str] = EVERY


#: Over the link of wan.py.
WAN = "wan-"
CODE = "code"
DEPLOY_SHAPES = (PLAIN, SHAPES[0])
DEPLOY = "deploy"
#: Small services that are switched, with the docker commands that it takes.
ONE, TRIAL, MANY, NOTHING = "deploy-1", "deploy-1-trial", "deploy-12", "deploy-nothing"
LOCAL = "local"
PLATFORMS, HEAVY = "platforms", "platforms-heavy"
SERVICES = {"services-1": 1, "services-10": 10, "services-40": 40}
WAN_SERVICES = {f"{WAN}services-10": 10}
#: Plans of bake files with so many services.
SCALE = {"scale-50": 50, "scale-100": 100, "scale-200": 200}
LARGE_COLD, LARGE_CODE, LARGE_FILE = "large-cold", "large-code", "large-file"
VERB = "verbs"
_MANY = "Fresh runner: a bake file with {} small services, the code of one changed"
#: In the order of the page: what users have comes first.
SCENARIOS: Mapping[str, Scenario] = {
    f"{WAN}code": Scenario("Fresh runner: only the code changed", (*SHAPES, *AS_WRITTEN), DOCKER),
    f"{WAN}nothing": Scenario("Fresh runner: nothing changed", FROM, DOCKER),
    f"{WAN}dependency": Scenario("Fresh runner: one dependency added", SHAPES, DOCKER),
    f"{WAN}cold": Scenario("Cold: nothing in the registry, an empty disk", FROM, DOCKER),
    f"{WAN}services-10": Scenario(_MANY.format(10), FROM, DOCKER),
    "cold": Scenario("Cold: nothing in the registry, an empty disk"),
    "warm": Scenario("Warm machine: only the code changed"),
    "nothing": Scenario("Fresh runner: nothing changed"),
    CODE: Scenario("Fresh runner: only the code changed", (*SHAPES, *AS_WRITTEN)),
    "host": Scenario(
        "Production host: `docker compose pull` after the code changed on a fresh runner"
    ),
    DEPLOY: Scenario(
        "Production host: switched over to code that changed on a fresh runner",
        DEPLOY_SHAPES,
        DEPLOY_WAYS,
    ),
    ONE: Scenario("Production host with 1 small service: its code changed", FROM, DEPLOY_WAYS),
    TRIAL: Scenario(
        "The same after a trial of the new version: its time is what this takes more",
        FROM,
        (OURS,),
    ),
    MANY: Scenario(
        "Production host with 12 small services: the code of one changed", FROM, DEPLOY_WAYS
    ),
    NOTHING: Scenario("Production host with 12 small services: nothing changed", FROM, DEPLOY_WAYS),
    "dependency": Scenario("Fresh runner: one dependency added"),
    LOCAL: Scenario(
        "Developer's machine with an empty disk: `docker compose build` after a code change",
        AS_WRITTEN,
        LOCAL_WAYS,
    ),
    PLATFORMS: Scenario(
        "Fresh runner, linux/amd64: cold dependencies for other platforms", FROM, PLATFORM_WAYS
    ),
    HEAVY: Scenario(
        "Fresh runner, linux/amd64: cold dependencies with pandas, scipy, pydantic and uvloop",
        FROM,
        list(PLATFORM_WAYS)[:4],
    ),
    "services-1": Scenario(
        "Fresh runner: a bake file with 1 small service, its code changed", FROM
    ),
    "services-10": Scenario(_MANY.format(10), FROM),
    "services-40": Scenario(_MANY.format(40), FROM),
    **{
        name: Scenario(f"Fresh runner: the plan of {count} services, one changed", FROM, (OURS,))
        for name, count in SCALE.items()
    },
    LARGE_COLD: Scenario(
        "Cold: a service with 2 GB of dependencies and 200 MB of code", FROM, ("floor", OURS)
    ),
    LARGE_CODE: Scenario(
        "Fresh runner: the same, all 200 MB of its code changed", FROM, ("floor", OURS)
    ),
    LARGE_FILE: Scenario(
        "Fresh runner: the same, one file of its code changed", FROM, ("floor", OURS)
    ),
    VERB: Scenario("Whole processes: one small service, published and unchanged", FROM, VERBS),
}
#: Those that one track goes through, one after the other.
ONE_APPLICATION = (
    *("cold", "warm", "nothing", CODE, "host", DEPLOY, LOCAL, "dependency"),
    *(f"{WAN}{name}" for name in ("code", "nothing", "dependency")),
)
#: Rounds of a full run for SCENARIO/WAY; the first that fits. Few where one takes long, most where
#: an aim hangs on tenths of a second.
ROUNDS = (
    (f"{PLATFORMS}*/*{EMULATED}", 1),
    (f"{HEAVY}/*", 2),
    (f"{PLATFORMS}/*", 3),
    ("*cold/*", 1),
    (f"{LOCAL}/*", 1),
    (f"{WAN}dependency/*", 1),
    ("dependency/max", 2),
    ("dependency/whalebuild", 2),
    ("dependency/*", 1),
    (f"{VERB}/*", 2),
    ("*/floor", 3),
    ("*/whalebuild", 3),
    (f"{WAN}*", 1),
    ("services-*", 1),
    ("nothing/*", 1),
    ("*", 2),
)
QUICK = {"cold", "code", "host", "services-10"}


def _each(names: Iterable[str], ways: Iterable[str]) -> list[str]:
    return [f"{name}/{way}" for name, way in product(names, ways)]


_BEST = ("max", "floor", OURS)
#: What the aims of speed are judged by, in 35 to 40 minutes: the ways that they name.
AIMS = (
    *_each((f"{WAN}code/from", f"{WAN}code/copy-plain"), ("by-hand", *_BEST)),
    *_each((f"{WAN}nothing", f"{WAN}cold", f"{WAN}services-10"), _BEST),
    *_each((f"{WAN}dependency/from",), ("max", OURS)),
    *_each(
        (f"{CODE}/{shape}" for shape in (*SHAPES, "one-stage", "copy-plain")),
        ("by-hand", "floor", OURS),
    ),
    *_each(("nothing",), ("floor", OURS)),
    *_each(("dependency",), ("max", OURS)),
    *_each(("services-10",), _BEST),
    *_each(("services-40",), ("max", OURS)),
    *_each((HEAVY,), (f"arm64{EMULATED}", "arm64", "amd64")),
    *("scale-*", "large-*", VERB),
)
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
        known = SCENARIOS[scenario]
        if shape not in known.shapes or way not in known.ways:
            return False
        if self.only:
            of = DEPLOY if scenario.startswith(f"{DEPLOY}-") else scenario
            names = (f"{scenario}/{way}", f"{scenario}/{shape}/{way}", scenario, of, f"{of}/{way}")
            return any(fnmatchcase(name, pattern) for pattern in self.only for name in names)
        if self.quick and (scenario not in QUICK or shape != SHAPES[0]):
            return False
        return way != "buildah" or scenario not in TOO_MANY_FOR_BUILDAH
