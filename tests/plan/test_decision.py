from __future__ import annotations

import pytest

from tests.support.plans import BUNDLE, digest, image, lock, published
from tests.support.platforms import AMD64, ARM64
from whalebuild.bundle.annotations import NoLock
from whalebuild.bundle.index import Bundle
from whalebuild.bundle.lock import Change, Lock
from whalebuild.bundle.published import PublishedDeps
from whalebuild.inputs.values import Undetermined
from whalebuild.oci.reference import Reference
from whalebuild.plan.decision import Decision, DepsAction, decide

BOTH = (image(1, AMD64), image(2, ARM64))
FOREIGN = PublishedDeps(BUNDLE, Bundle(digest(9), {}), NoLock("it has no lock"))
OTHER = Reference("acme/api", "deps")


def made_of(requirements: str, *platforms: str) -> Lock:
    named = platforms or (AMD64,)
    files = {platform: {"requirements.txt": f"{requirements}:644"} for platform in named}
    return lock(*named, state=requirements, files=files)


def decided(
    wanted: Lock | Undetermined, *found: PublishedDeps | None, no_cache: bool = False
) -> Decision:
    platforms = wanted.platforms if isinstance(wanted, Lock) else (AMD64,)
    return decide(wanted, found, platforms=platforms, no_cache=no_cache)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (made_of("one"), [published(made_of("one"))]),
        (made_of("one", AMD64), [published(made_of("one", AMD64, ARM64), BOTH)]),
        (made_of("one", ARM64, AMD64), [published(made_of("one", AMD64, ARM64), BOTH)]),
        (made_of("one"), [published(made_of("one")), published(made_of("one"), reference=OTHER)]),
    ],
    ids=["the same", "more platforms than asked for", "in another order", "two references"],
)
def test_what_is_made_of_the_same_is_reused(wanted: Lock, found: list[PublishedDeps]) -> None:
    assert decided(wanted, *found) == Decision(DepsAction.REUSE)


@pytest.mark.parametrize(
    ("wanted", "found", "reasons", "platforms"),
    [
        (made_of("one"), [None], ("there is no :deps yet",), (AMD64,)),
        (
            made_of("one"),
            [published(made_of("one")), None],
            ("there is no :deps yet",),
            (AMD64,),
        ),
        (
            made_of("one"),
            [FOREIGN],
            ("it cannot be told what acme/web:deps was made from: it has no lock",),
            (AMD64,),
        ),
        (
            made_of("two", AMD64, ARM64),
            [published(made_of("one", AMD64, ARM64), BOTH)],
            ("requirements.txt changed",),
            (AMD64, ARM64),
        ),
        (
            made_of("one", AMD64, ARM64),
            [published(made_of("one", AMD64))],
            (f"platform {ARM64} is missing",),
            (ARM64,),
        ),
        (
            made_of("one", AMD64, ARM64),
            [published(made_of("one", AMD64, ARM64), (image(1, AMD64),))],
            (f"platform {ARM64} is missing",),
            (ARM64,),
        ),
        (lock(state="two"), [published(lock(state="one"))], ("an input changed",), (AMD64,)),
        (
            made_of("one"),
            [published(made_of("one")), published(made_of("two"), reference=OTHER)],
            ("requirements.txt changed",),
            (AMD64,),
        ),
    ],
    ids=[
        "nothing published",
        "one of two references",
        "another tool's",
        "a file",
        "a platform that the lock has not",
        "a platform that the index has not",
        "a change without a name",
        "only the second reference is old",
    ],
)
def test_the_rest_is_rebuilt_and_says_why(
    wanted: Lock,
    found: list[PublishedDeps | None],
    reasons: tuple[str, ...],
    platforms: tuple[str, ...],
) -> None:
    decision = decided(wanted, *found)
    assert (decision.action, decision.reasons) == (DepsAction.REBUILD, reasons)
    assert decision.platforms == platforms


def test_only_stale_platforms_are_built() -> None:
    old = Lock({AMD64: "a", ARM64: "b"}, facts={AMD64: {"arg X": "1"}, ARM64: {"arg X": "1"}})
    new = Lock({AMD64: "a", ARM64: "c"}, facts={AMD64: {"arg X": "1"}, ARM64: {"arg X": "2"}})
    decision = decided(new, published(old, BOTH))
    assert decision.changes == (Change("arg X", "changed", "1", "2"),)
    assert decision.platforms == (ARM64,)


def test_a_change_on_all_platforms_is_told_once() -> None:
    wanted = made_of("two", AMD64, ARM64)
    decision = decided(wanted, published(made_of("one", AMD64, ARM64), BOTH))
    assert [str(change) for change in decision.changes] == ["requirements.txt changed"]
    assert decision.changes[0].file


@pytest.mark.parametrize("found", [None, published(), FOREIGN], ids=["none", "one", "foreign"])
def test_inputs_that_cannot_be_told_leave_it_to_buildkit(found: PublishedDeps | None) -> None:
    reason = "RUN reads the network (line 7)"
    decision = decided(Undetermined("RUN reads the network", 7), found)
    assert decision == Decision(DepsAction.ASK, (reason,), platforms=(AMD64,))


@pytest.mark.parametrize("wanted", [made_of("one"), Undetermined("x")], ids=["known", "unknown"])
def test_no_cache_rebuilds_whatever_is_published(wanted: Lock | Undetermined) -> None:
    decision = decided(wanted, published(made_of("one")), no_cache=True)
    assert decision == Decision(DepsAction.REBUILD, ("--no-cache was given",), platforms=(AMD64,))
