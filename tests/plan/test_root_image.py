from __future__ import annotations

import pytest

from tests.support.engine import FakeEngine, definition
from tests.support.planner import WEB, plan
from tests.support.registry import FakeRegistry
from tests.support.source_tree import FakeTree
from whalebuild.oci.manifest import digest_of
from whalebuild.oci.reference import Reference

DIGEST = digest_of(b"debian")
PINNED = f"debian@{DIGEST}"
COPIED = "COPY --from=dependencies /x /x\nCOPY . .\n"
CHAIN = "FROM debian AS a\nFROM a AS b\nFROM b AS dependencies\nFROM dependencies\n"


def shown(reference: Reference | None) -> str | None:
    return f"{reference.repository}@{reference.digest}" if reference else None


@pytest.mark.parametrize(
    ("text", "of_deps", "of_app"),
    [
        ("FROM debian AS dependencies\nRUN x\nFROM dependencies\n", PINNED, None),
        (CHAIN, PINNED, None),
        ("ARG BASE=debian\nFROM $BASE AS dependencies\nFROM dependencies\n", PINNED, None),
        (f"FROM {PINNED} AS dependencies\nFROM dependencies\n", PINNED, None),
        (f"FROM debian AS dependencies\nRUN x\nFROM debian\n{COPIED}", PINNED, PINNED),
        # What it copies from is not in it.
        (f"FROM debian AS dependencies\nRUN x\nFROM scratch\n{COPIED}", PINNED, None),
        ("FROM scratch AS dependencies\nCOPY a /\nFROM dependencies\n", None, None),
        ("FROM unknown AS dependencies\nRUN x\nFROM dependencies\n", None, None),
    ],
    ids=["stage", "chain", "argument", "digest", "two bases", "scratch app", "scratch", "unknown"],
)
def test_the_image_that_a_stage_stands_on(
    text: str, of_deps: str | None, of_app: str | None
) -> None:
    tree = FakeTree(text, contents={"app.py": "", "a": ""})
    deps = {"target": "dependencies", "tags": ["acme/web:deps"]}
    engine = FakeEngine(definition({"deps": deps, "app": dict(WEB)}))
    made = plan(engine, tree, registry=FakeRegistry(bases=("debian",)))
    assert [shown(made.deps[0].base), shown(made.apps[0].base)] == [of_deps, of_app]


def test_an_app_base_stands_on_it_and_what_is_built_on_the_app_base_does_not() -> None:
    tree = FakeTree("FROM debian\nRUN x\nCOPY . .\n", contents={"app.py": ""})
    registry = FakeRegistry(bases=("debian",))
    made = plan(FakeEngine(definition({"app": dict(WEB)})), tree, registry=registry)
    assert [shown(made.deps[0].base), shown(made.apps[0].base)] == [PINNED, None]
