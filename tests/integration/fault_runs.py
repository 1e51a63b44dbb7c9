"""Makes a cell of the fault table happen: once to whalebuild, once to plain buildx."""

from __future__ import annotations

import json
import random
import re
import subprocess
import time
import urllib.error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.integration.fault_cells import NO_CACHE, STRIKES, UNUSED, Cell
from tests.integration.fault_page import OK, Side, said
from tests.integration.fault_scenes import TAGS, Ground, Scene, scene
from tests.integration.faults import Fault
from tests.integration.pairs import TINY_BASE
from tests.integration.registry_content import push_like
from tests.integration.sandbox import SHARED_ENGINE
from whalebuild.failures.classify_docker import classify

# What the step printed, as whalebuild and as buildx show it; its name has the words as well.
_PREPARING = re.compile(r"^#\d+ (?:\||[\d.]+) .*now preparing$", re.MULTILINE)
_RETRY = re.compile(r"retry \d+/\d+ in ([\d.]+) s: ")


@dataclass(frozen=True)
class Done:
    """A bake with a fault: what came of it, what it said, and the tags that are new."""

    side: Side
    stderr: str
    moved: tuple[str, ...]


def run(ground: Ground, cell: Cell, *, by_hand: bool) -> Done:
    """Publish a pair, change everything, and bake again with the fault."""
    # An engine that has the first step of some other cell would not import the cache.
    unseen = cell.place.loses == UNUSED or cell.place.code_alone
    with scene(ground, cell.id, by_hand=by_hand, unseen=unseen) as here:
        base, mark = here.ground.base, ""
        if "{base" in cell.place.requests.path:
            mark = f"{here.repository} {random.random()}"
        names = _names(here)
        if mark:
            source, own = TINY_BASE, f"{here.repository}-base"
            names["base_layer"] = push_like(ground.open, source, own, mark)
            base = f"{here.proxy.address}/{here.repository}-base:1"
        here.write(base, "two")
        if cell.place.code_alone:
            here.keep_requirements()
        struck = _faults(cell, names, by_hand=by_hand)
        faults = here.ground.token_faults if cell.place.tokens else here.proxy.faults
        assert faults is not None
        # A bake of code alone keeps the caches as they are.
        old = set() if cell.place.code_alone else here.cached()
        before = here.tags()
        faults += struck
        words = ("--builder", ground.builder) if ground.builder else ()
        began = time.monotonic()
        done = here.bake(SHARED_ENGINE, *words)
        seconds = round(time.monotonic() - began, 1)
        faults[:] = [fault for fault in faults if fault not in struck]
        outcome = _outcome(here, done, old, mark)
        waits = [float(wait) for wait in _RETRY.findall(done.stderr)]
        tries = 0 if by_hand else 1 + len(waits)
        strikes = sum(fault.hits for fault in struck)
        side = Side(outcome, outcome.startswith(OK), seconds, strikes, tries, round(sum(waits), 1))
        moved = tuple(tag for tag, digest in here.tags().items() if digest != before[tag])
        return Done(side, done.stderr, moved)


def _outcome(here: Scene, done: subprocess.CompletedProcess[str], old: set[str], mark: str) -> str:
    """What came of it, in words."""
    if done.returncode:
        return f"exit {done.returncode}: {_reason(here, done)}"
    try:
        right = here.is_published(mark)
    except (AssertionError, urllib.error.HTTPError) as torn:
        return f"exit 0, and what is published is not whole: {said(str(torn))}"
    if not right:
        return "exit 0, and what is published is not what was built"
    notes = [OK]
    # With another base, nothing of the cache is of use.
    if not mark and _PREPARING.search(done.stderr):
        notes.append(UNUSED)
    if not here.cached() - old:
        notes.append(NO_CACHE)
    return ", ".join(notes)


def _reason(here: Scene, done: subprocess.CompletedProcess[str]) -> str:
    if here.by_hand:
        failure = classify(done.stderr)
        return said(failure.evidence if failure.reason == "unknown failure" else failure.reason)
    return said(json.loads(done.stdout)["error"]["what"])


def _faults(cell: Cell, names: Mapping[str, str], *, by_hand: bool) -> list[Fault]:
    place, effects = cell.place, cell.trouble.effects
    times = STRIKES if cell.trouble.passes else None
    # One that strikes a few times does so at one of them.
    every = [(by_hand and place.by_hand) or place.requests, None if times else place.also]
    return [
        Fault(
            where.method,
            _filled(where.path, names),
            effects,
            sends=_filled(where.sends.decode(), names).encode(),
            skip=where.skip,
            times=times,
        )
        for where in every
        if where
    ]


def _filled(pattern: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        pattern = pattern.replace(f"{{{name}}}", value)
    return pattern


def _names(here: Scene) -> dict[str, str]:
    """What stands for the words in a place's path."""
    cache = _cache(here)
    image = next(c for c in here.manifest("deps")["manifests"] if _runs(c))
    layers = [layer["digest"] for layer in here.manifest(image["digest"])["layers"]]
    every = [c["digest"] for tag in TAGS for c in here.manifest(tag)["manifests"]]
    return {
        "repository": here.repository,
        "name": here.folder.name,
        "base": f"{here.repository}-base",
        "cache": cache,
        "cache_config": here.manifest(cache)["config"]["digest"],
        # requirements.txt and packages come after what the system's packages are here.
        "cache_layer": layers[-3],
        "deps_image": image["digest"],
        "old": "|".join(digest.removeprefix("sha256:") for digest in every),
    }


def _cache(here: Scene) -> str:
    """The cache that a rebuild of the dependencies imports."""
    if here.by_hand:
        return here.digest("cache")
    key = "dev.whalebuild.cache"
    children = here.manifest("deps")["manifests"]
    return str(next(c for c in children if c.get("annotations", {}).get(key) == "deps")["digest"])


def _runs(child: Mapping[str, Any]) -> bool:
    return bool(child["platform"]["architecture"] != "unknown")
