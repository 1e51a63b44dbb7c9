"""Parts as values: what is written is what is read, and what fits together."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.plans import UNKNOWN, digest, lock, pair_app, pair_deps
from tests.support.platforms import AMD64, ARM64
from whalebuild.bake.outcome import PushedTarget
from whalebuild.bake.partial.format import part_json, read_part
from whalebuild.bake.partial.join import join
from whalebuild.bake.partial.part import ImagePart, Part
from whalebuild.bakefile.target import Target
from whalebuild.bundle.annotations import to_annotations
from whalebuild.bundle.build_inputs import BuildInputs
from whalebuild.bundle.lock import Lock
from whalebuild.errors import UsageError, VerificationError
from whalebuild.inputs.values import Undetermined
from whalebuild.oci.manifest import Descriptor
from whalebuild.oci.reference import Reference
from whalebuild.plan.decision import DepsAction
from whalebuild.plan.plan import AppAction

BOTH = (AMD64, ARM64)
DEPS = replace(pair_deps(*BOTH), target=Target("app-deps", {}))
APP = pair_app(*BOTH)
BUNDLE = Reference("acme/web", "deps", digest(8))
TABLES = {
    "facts": {p: {"arg A": "1", f"base x for {p}": "2"} for p in BOTH},
    "files": {p: {"requirements.txt": "abc:644"} for p in BOTH},
    "bases": {p: {"x": digest(9)} for p in BOTH},
}
LOCK = lock(*BOTH, **TABLES)


def pushed(number: int, platform: str, *, cached: bool = True) -> tuple[PushedTarget, ...]:
    cache = Descriptor(digest(number + 50), 77) if cached else None
    return (PushedTarget(f"app_{number}", (platform,), digest(number), cache),)


def part(
    platform: str = AMD64, made_of: Lock | Undetermined = LOCK, file: str = "", **attributes: object
) -> Part:
    deps = ImagePart(
        *(DEPS, DepsAction.REBUILD, made_of, {}, (digest(8),), BUNDLE),
        stands_on={platform: digest(1)},
        pushed=pushed(1, platform),
    )
    app = ImagePart(
        *(APP, AppAction.BUILD, lock(*BOTH, state="code", **TABLES), attributes, (None,), None, {}),
        pushed=tuple(replace(each, missed=True) for each in pushed(2, platform, cached=False)),
        inputs=BuildInputs({"Dockerfile: stage final": "1"}, {}, {"COPY . .": "2"}),
    )
    staging = (Reference("acme/web", "whalebuild-staging-t0-image-app"),)
    return Part((platform,), (deps, app), "x", staging, file or f"{platform}.json")


@pytest.mark.parametrize(
    "made",
    [part(), part(ARM64, Undetermined("RUN reads it"), labels={"a": "b"}, attest=[{"x": "y"}])],
    ids=["known", "undetermined"],
)
def test_what_is_written_is_what_is_read(made: Part) -> None:
    text = json.dumps(part_json(made))
    again = read_part(text, made.file)
    assert again == made
    assert json.dumps(part_json(again)) == text


def test_a_joined_lock_is_annotated_as_the_lock_of_one_bake() -> None:
    read = [read_part(json.dumps(part_json(part(p))), p) for p in reversed(BOTH)]
    deps, app = join(read)
    assert isinstance(deps.lock, Lock)
    assert to_annotations(deps.lock) == to_annotations(LOCK)
    assert [share.platforms for share in deps.shares] == [(AMD64,), (ARM64,)]
    assert isinstance(app.lock, Lock)
    assert app.lock.key == lock(*BOTH, state="code").key


def test_each_platforms_lock_is_that_of_its_own_part() -> None:
    """Where only the builder's own platform differs, that is another key and no difference."""
    other = Lock(
        {p: f"other key on {p}" for p in BOTH},
        {p: {**TABLES["facts"][p], "arg BUILDPLATFORM": "3"} for p in BOTH},
        TABLES["files"],
        TABLES["bases"],
    )
    deps, _ = join([part(AMD64), part(ARM64, other)])
    assert isinstance(deps.lock, Lock)
    assert deps.lock.keys == {AMD64: LOCK.keys[AMD64], ARM64: other.keys[ARM64]}
    assert "arg BUILDPLATFORM" in deps.lock.facts[ARM64]
    assert "arg BUILDPLATFORM" not in deps.lock.facts[AMD64]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (part(ARM64, lock(*BOTH, state="two", **{**TABLES, "files": {}})), "requirements.txt"),
        (part(ARM64, UNKNOWN), "only in linux/arm64.json they cannot be told: RUN reads"),
        (part(ARM64, attest=[1]), '"app" from different inputs: attest differs'),
        (part(ARM64, labels={"a": 1}), '"app" from different inputs: labels differ'),
    ],
)
def test_inputs_that_differ_are_named(other: Part, said: str) -> None:
    with pytest.raises(VerificationError) as failed:
        join([part(AMD64), other])
    assert said in failed.value.what
    assert "linux/amd64.json and linux/arm64.json" in failed.value.what


def test_labels_that_differ_are_named_one_by_one() -> None:
    one = part(AMD64, labels={"same": "1", "when": "1", "gone": "1"})
    with pytest.raises(VerificationError) as failed:
        join([one, part(ARM64, labels={"same": "1", "when": "2"})])
    assert failed.value.what.endswith("label when differs; label gone differs")


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("acme/web:latest", "is no staging tag"),
        ("acme/other:whalebuild-staging-t0", "is in no repository of its images"),
        ("acme/web", "is no tag"),
    ],
)
def test_only_staging_tags_of_its_own_repositories_are_deleted(tag: str, said: str) -> None:
    document = {**part_json(part()), "staging": [tag]}
    with pytest.raises(UsageError) as failed:
        read_part(json.dumps(document), "one.json")
    assert failed.value.what == "one.json is damaged"
    assert said in str(failed.value.cause)


def test_what_a_file_says_has_to_fit_together() -> None:
    whole = part_json(part())
    deps, app = whole["images"]
    (target,) = app["pushed"]
    for number, change in (
        (0, {"stands_on": {}}),
        (0, {"published": []}),
        (0, {"pushed": [*deps["pushed"], *deps["pushed"]]}),
        (0, {"pushed": [{**target, "platforms": [ARM64]}]}),
        (1, {"pushed": []}),
        (1, {"action": "nothing"}),
        (1, {"published": [None, None]}),
        (1, {"dependencies": "other-deps"}),
    ):
        images = [deps, app]
        images[number] = {**images[number], **change}
        with pytest.raises(UsageError) as failed:
            read_part(json.dumps({**whole, "images": images}), "one.json")
        assert str(failed.value.cause).endswith("does not fit together"), change
