"""After any edit, the second bake on an empty engine is as cheap as that of a new repository."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.integration.pairs import DEPS_BYTES, KIB, Pair, uploaded
from tests.integration.registry_content import send
from tests.integration.sandbox import Sandbox, downloaded
from tests.support.marks import extended

_DEPS = (
    "FROM {base} AS base\nFROM base AS dependencies\nCOPY requirements.txt /requirements.txt\n"
    f"RUN mkdir -p /opt/venv && head -c {DEPS_BYTES} /dev/urandom > /opt/venv/packages\n"
)
_SETUP = "ARG VERSION=1\nRUN echo $VERSION > /version\n"
_CMD = 'CMD ["sh", "/app.sh"]\n'
_VENV = "COPY --link --from=dependencies /opt/venv /opt/venv\n"
# Three stages, linked; two, not linked; and one whose last command is made from the code.
LINKED = f"{_DEPS}FROM base AS final\n{_SETUP}{_VENV}COPY --link app.sh /app.sh\n{_CMD}"
PLAIN = f"{_DEPS}FROM dependencies AS final\n{_SETUP}COPY app.sh /app.sh\n{_CMD}"
DJANGO = (
    f"{_DEPS}FROM dependencies AS final\n{_SETUP}COPY . /app/\nRUN cp /app/app.sh /app.sh\n{_CMD}"
)
SHAPES = {"linked": LINKED, "not-linked": PLAIN, "run-after-code": DJANGO}

Edit = Callable[[str], str]


def _swapped(dockerfile: str) -> str:
    """The version is written last of all, and not first."""
    return dockerfile.replace(_SETUP, "").replace(_CMD, f"{_SETUP}{_CMD}")


def _linked(dockerfile: str) -> str:
    """Each COPY of the final stage is linked, or none."""
    before, last, final = dockerfile.partition(" AS final\n")
    changed = final.replace("COPY --link ", "COPY ")
    return before + last + (changed if changed != final else final.replace("COPY ", "COPY --link "))


EDITS: dict[str, Edit] = {
    "run-added": lambda text: text.replace(_SETUP, f"{_SETUP}RUN echo more > /more\n"),
    "argument-changed": lambda text: text.replace("VERSION=1", "VERSION=2"),
    "link": _linked,
    "copy-added": lambda text: text.replace(_SETUP, f"{_SETUP}COPY more.txt /more.txt\n"),
    "reordered": _swapped,
}


# Assets that are made in a stage of their own, beside the code.
ASSETS = (
    f"{_DEPS}FROM base AS assets\nCOPY package.json /package.json\n"
    "RUN head -c 1000000 /dev/urandom > /modules\nCOPY src.txt /src.txt\n"
    "RUN cat /modules /src.txt > /assets\nFROM base AS final\n"
    f"{_VENV}COPY --link --from=assets /assets /assets\nCOPY --link app.sh /app.sh\n{_CMD}"
)
EXPORTED_AGAIN = "the cache of app did not serve"


@dataclass(frozen=True)
class Moved:
    """What a bake on an empty engine moved: bytes down, as counted by the registry and as BuildKit
    reports them, and up.

    ``steps`` are those of the application that ran.
    """

    down: int
    pulled: int
    up: int
    steps: int
    said: str = field(repr=False)


@dataclass(frozen=True)
class Runner:
    """Bakes on engines with empty disks."""

    sandbox: Sandbox
    driver: str

    def bake(self, pair: Pair, *args: str) -> Moved:
        with self._fresh() as (words, engine), self.sandbox.requests() as requests:
            baked = pair.bake(*words, *args, engine=engine)
        paths = f"/v2/{pair.repository}/"
        own = [r for r in requests if r.path.startswith(paths) or "tiny-base" in r.path]
        up = sum(uploaded(own, self.sandbox.registry).values())
        pulled = sum(target["bytes_pulled"] for target in baked.targets.values())
        moved = Moved(downloaded(own), pulled, up, baked["app"]["steps_run"], baked.stderr)
        print(pair.repository, args, moved)
        return moved

    @contextmanager
    def _fresh(self) -> Iterator[tuple[tuple[str, ...], str | None]]:
        with self.sandbox.fresh_engine("fresh") as engine:
            if self.driver == "docker":
                yield (), engine
            else:
                with self.sandbox.remote_builder("fresh-far", {engine: ""}) as builder:
                    yield ("--builder", builder), None


def _new(pair: Pair, name: str) -> Pair:
    """The same project, for a repository that has nothing."""
    return replace(pair, repository=f"{pair.repository}-{name}")


def _like_new(old: Moved, new: Moved) -> None:
    # What the registry has sent. BuildKit's own report lost a layer of it once, on a busy machine.
    assert old.down <= 1.1 * new.down + KIB
    assert old.up <= 1.1 * new.up + KIB
    assert old.steps == new.steps


@pytest.mark.parametrize(
    ("shape", "driver", "edits"),
    [
        extended("linked", "docker", ["run-added"]),
        extended("linked", "remote", list(EDITS)),
        extended("not-linked", "docker", list(EDITS)),
        extended("run-after-code", "docker", list(EDITS)),
    ],
)
def test_the_second_bake_after_an_edit_is_that_of_a_new_repository(
    sandbox: Sandbox, pair: Pair, shape: str, driver: str, edits: list[str]
) -> None:
    (pair.folder / "more.txt").write_text("more\n")
    (pair.folder / ".dockerignore").write_text("Dockerfile\n")
    runner = Runner(sandbox, driver)
    dockerfile = SHAPES[shape]
    pair.write(dockerfile)
    runner.bake(pair)
    for name in edits:
        dockerfile = EDITS[name](dockerfile)
        pair.write(dockerfile)
        new = _new(pair, name)
        first, of_new = runner.bake(pair), runner.bake(new)
        assert first.up <= 1.1 * of_new.up
        deps = pair.digest()
        pair.change_code(f"after {name}")
        _like_new(runner.bake(pair), runner.bake(new))
        assert pair.digest() == deps, "a code change is no reason for another cache"
        _like_new(runner.bake(pair, "--force"), runner.bake(new, "--force"))
    assert pair.prints() == f"after {name}"
    pair.check_whole()


@pytest.mark.extended
def test_assets_that_change_renew_the_cache(sandbox: Sandbox, pair: Pair) -> None:
    """Told by BuildKit's events: the files alone are others. The first steps stay cached, too."""
    for name in ("package.json", "src.txt"):
        (pair.folder / name).write_text(pair.repository)
    runner = Runner(sandbox, "docker")
    pair.write(ASSETS)
    runner.bake(pair)
    (pair.folder / "src.txt").write_text("two")
    changed = runner.bake(pair)
    assert EXPORTED_AGAIN in changed.said
    pair.change_code("two")
    code = runner.bake(pair)
    assert (code.steps, code.pulled) == (1, 0)
    assert EXPORTED_AGAIN not in code.said
    (pair.folder / "src.txt").write_text("three")
    again = runner.bake(pair)
    # The code was changed after the cache was exported: its COPY is one step more.
    assert again.steps == changed.steps + 1, "what src.txt is no part of is cached as before"
    pair.check_whole()


def _app_cache(pair: Pair) -> tuple[dict[str, Any], dict[str, Any]]:
    """The bundle, and the application's cache in it."""
    bundle = pair.manifest("deps")
    key = "dev.whalebuild.cache"
    (cache,) = (c for c in bundle["manifests"] if c.get("annotations", {}).get(key) == "app")
    return bundle, cache


@pytest.mark.extended
@pytest.mark.parametrize("driver", ["docker", "remote"])
@pytest.mark.parametrize("trouble", ["lost", "not understood"])
def test_a_cache_that_is_of_no_use_is_replaced(
    sandbox: Sandbox, pair: Pair, driver: str, trouble: str
) -> None:
    """One that the registry has lost; one of another build, as if BuildKit had other keys now."""
    runner = Runner(sandbox, driver)
    pair.write(LINKED)
    runner.bake(pair)
    bundle, cache = _app_cache(pair)
    where = f"http://{pair.registry}/v2/{pair.repository}/manifests"
    if trouble == "lost":
        send("DELETE", f"{where}/{cache['digest']}")
    else:
        marks = [child.get("annotations", {}) for child in bundle["manifests"]]
        roles = [mark.get("dev.whalebuild.cache") for mark in marks]
        other = bundle["manifests"][roles.index("deps")]
        cache |= {"digest": other["digest"], "size": other["size"]}
        raw = json.dumps(bundle).encode()
        send("PUT", f"{where}/deps", raw, {"Content-Type": bundle["mediaType"]})
    pair.change_code("two")
    first = runner.bake(pair)
    assert EXPORTED_AGAIN in first.said
    assert first.steps > 1
    pair.change_code("three")
    second = runner.bake(pair)
    assert (second.steps, second.pulled) == (1, 0)
    pair.check_whole()


@pytest.mark.extended
def test_dependencies_that_were_edited_have_a_whole_cache(sandbox: Sandbox, pair: Pair) -> None:
    """Their cache is exported by every build of them; nothing of it is left out."""
    dockerfile = LINKED.replace("COPY requirements", "RUN echo before > /before\nCOPY requirements")
    runner = Runner(sandbox, "docker")
    pair.write(dockerfile)
    runner.bake(pair)
    dockerfile = dockerfile.replace("echo before", "echo changed")
    pair.write(dockerfile)
    new = _new(pair, "new")
    for each in (pair, new):
        runner.bake(each)
    pair.change_requirements("two")
    _like_new(runner.bake(pair), runner.bake(new))
