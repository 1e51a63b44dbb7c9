"""After any edit, the second bake on an empty engine is as cheap as that of a new repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from tests.integration.pairs import DEPS_BYTES, KIB, Pair, uploaded
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


@dataclass(frozen=True)
class Moved:
    """What a bake on an empty engine moved: bytes down, by both ways of counting, and up."""

    down: int
    pulled: int
    up: int


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
        moved = Moved(downloaded(own), sum(t["bytes_pulled"] for t in baked.targets.values()), up)
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
    assert old.down <= 1.1 * new.down + KIB
    assert old.pulled <= 1.1 * new.pulled + KIB


@pytest.mark.parametrize(
    ("shape", "driver", "edits"),
    [
        ("linked", "docker", ["run-added"]),
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
        first, _ = runner.bake(pair), runner.bake(new)
        assert first.up <= 32 * KIB, "the rest is there"
        deps = pair.digest()
        pair.change_code(f"after {name}")
        _like_new(runner.bake(pair), runner.bake(new))
        assert pair.digest() == deps, "a code change is no reason for another cache"
        _like_new(runner.bake(pair, "--force"), runner.bake(new, "--force"))
    assert pair.prints() == f"after {name}"
    pair.check_whole()
