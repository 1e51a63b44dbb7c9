"""Parts as files: ``whalebuild.part/1``. Reading one checks every value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from whalebuild import jsonread as values
from whalebuild.bake.outcome import PushedTarget
from whalebuild.bake.partial.part import ImagePart, Part
from whalebuild.bakefile.images import PairImage, Role
from whalebuild.bakefile.target import Target
from whalebuild.bundle.annotations import NoLock, from_annotations, to_annotations
from whalebuild.bundle.build_inputs import BuildInputs
from whalebuild.bundle.lock import Lock
from whalebuild.errors import UsageError, WhalebuildError
from whalebuild.inputs.values import Undetermined
from whalebuild.jsonread import MalformedError
from whalebuild.oci.manifest import Descriptor
from whalebuild.oci.reference import Reference, parse_reference
from whalebuild.plan.decision import DepsAction
from whalebuild.plan.definition import STAGING
from whalebuild.plan.plan import AppAction

SCHEMA = "whalebuild.part/1"
_FAMILY = SCHEMA.partition("/")[0]
_ACTIONS: dict[str, Mapping[str, DepsAction | AppAction]] = {
    Role.DEPS: {action.value: action for action in DepsAction},
    Role.APP: {action.value: action for action in AppAction},
}


def part_json(part: Part) -> dict[str, Any]:
    """The versioned form of a part."""
    return {
        "schema": SCHEMA,
        "platforms": list(part.platforms),
        "scope": part.scope,
        "images": [_image_json(entry) for entry in part.images],
        "staging": [str(reference) for reference in part.staging],
    }


def read_part(content: str, file: str) -> Part:
    """Read a part.

    Args:
        content: The file's.
        file: Its name, for messages.

    Raises:
        UsageError: It is no part, or one of another version.
    """
    document, schema = _open(content)
    if not schema.startswith(f"{_FAMILY}/"):
        raise UsageError(
            f"{file} is not a part of a bake",
            cause=f"its schema is {schema[:80]}" if schema else "it is no JSON with a schema",
            next_step="name the files that `whalebuild bake --partial` has written",
        )
    if schema != SCHEMA:
        raise UsageError(
            f"{file} was written by another version of whalebuild",
            cause=f"its schema is {schema[:80]}, and this version reads {SCHEMA}",
            next_step="use the same version in all jobs",
        )
    try:
        return _part(document, file)
    except KeyError as missing:
        cause = f"it has no {missing}"
    except (AttributeError, TypeError, ValueError, RecursionError) as wrong:
        cause = str(wrong)
    except WhalebuildError as wrong:
        cause = wrong.what
    raise UsageError(
        f"{file} is damaged",
        cause=cause,
        next_step="bake this part again; nothing is published yet",
    )


def _open(content: str) -> tuple[Any, str]:
    """The document and its schema, empty where there is none."""
    try:
        document = json.loads(content)
        return document, values.text(document["schema"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None, ""


def _image_json(entry: ImagePart) -> dict[str, Any]:
    image, lock = entry.image, entry.lock
    return {
        "target": image.name,
        "role": image.role,
        "dependencies": image.deps,
        "tags": [str(reference) for reference in image.references],
        "bundle": str(image.bundle),
        "platforms": list(image.platforms),
        "action": entry.action.value,
        "lock": to_annotations(lock) if isinstance(lock, Lock) else None,
        "undetermined": None if isinstance(lock, Lock) else str(lock),
        "attributes": json.loads(json.dumps(entry.attributes, default=str)),
        "published": list(entry.published),
        "source": str(entry.source) if entry.source else None,
        "stands_on": dict(entry.stands_on),
        "pushed": [_pushed_json(target) for target in entry.pushed],
        "inputs": entry.inputs.to_text() if entry.inputs else None,
    }


def _pushed_json(target: PushedTarget) -> dict[str, Any]:
    cache = target.cache
    return {
        "target": target.name,
        "platforms": list(target.platforms),
        "digest": target.digest,
        "cache": {"digest": cache.digest, "size": cache.size} if cache else None,
        "missed": target.missed,
    }


def _part(document: Mapping[str, Any], file: str) -> Part:
    platforms = values.platforms(document["platforms"])
    images = values.listed(document["images"], _image)
    if not images:
        raise MalformedError("it has no images")
    for entry in images:
        _check(entry, platforms, {i.image.name for i in images if i.image.role is Role.DEPS})
    staging = values.listed(document["staging"], _staging)
    repositories = {
        r for entry in images for r in (*entry.image.repositories, entry.image.bundle.repository)
    }
    strange = next((each for each in staging if each.repository not in repositories), None)
    if strange:
        raise MalformedError(f"{strange} is in no repository of its images")
    return Part(platforms, images, values.maybe(document["scope"], values.text), staging, file)


def _image(found: Mapping[str, Any]) -> ImagePart:
    name, role = values.name(found["target"]), values.name(found["role"])
    actions = _ACTIONS.get(role, {})
    if found["action"] not in actions:
        raise values.wrong([role, found["action"]], "pair of role and action")
    image = PairImage(
        Target(name, {}),
        Role(role),
        values.listed(found["tags"], _tagged),
        values.platforms(found["platforms"]),
        _tagged(found["bundle"]),
        values.name(found["dependencies"]),
    )
    if not image.references:
        raise MalformedError(f'"{name}" has no tags')
    return ImagePart(
        image,
        actions[found["action"]],
        _lock(found),
        values.table(found["attributes"]),
        values.listed(found["published"], lambda digest: values.maybe(digest, values.digest)),
        values.maybe(found["source"], _pinned),
        {
            values.platform(p): values.digest(digest)
            for p, digest in values.table(found["stands_on"]).items()
        },
        values.listed(found["pushed"], _pushed),
        values.maybe(found["inputs"], _inputs) or BuildInputs(),
    )


def _check(entry: ImagePart, platforms: tuple[str, ...], dependencies: set[str]) -> None:
    """Check that the values of an image agree."""
    image, pushed = entry.image, [p for target in entry.pushed for p in target.platforms]
    of_part = {platform for platform in image.platforms if platform in platforms}
    builds = image.role is Role.DEPS or entry.action is AppAction.BUILD
    reads = len(image.references) if image.role is Role.DEPS else 1
    whole = image.role is Role.DEPS or set(pushed) == (of_part if builds else set())
    stands = of_part if image.role is Role.DEPS else set()
    if (
        image.deps not in dependencies
        or len(pushed) != len(set(pushed))
        or not of_part.issuperset(pushed)
        or len(entry.published) != reads
        or entry.stands_on.keys() != stands
        or not whole
    ):
        raise MalformedError(f'what it says of "{image.name}" does not fit together')


def _lock(found: Mapping[str, Any]) -> Lock | Undetermined:
    if found["lock"] is None:
        return Undetermined(values.text(found["undetermined"]))
    lock = from_annotations(values.table(found["lock"]))
    if isinstance(lock, NoLock):
        raise MalformedError(f'"{found["target"]}": {lock.reason}')
    if set(lock.platforms) != set(values.platforms(found["platforms"])):
        raise MalformedError(f'the lock of "{found["target"]}" is for other platforms')
    return lock


def _pushed(found: Mapping[str, Any]) -> PushedTarget:
    cache = found["cache"]
    return PushedTarget(
        values.name(found["target"]),
        values.platforms(found["platforms"]),
        values.digest(found["digest"]),
        Descriptor(values.digest(cache["digest"]), values.size(cache["size"]))
        if cache is not None
        else None,
        values.flag(found["missed"]),
    )


def _inputs(text: Any) -> BuildInputs:
    inputs = BuildInputs.from_text(values.text(text))
    if not inputs:
        raise MalformedError("its inputs cannot be read")
    return inputs


def _staging(text: Any) -> Reference:
    """A tag that is going to be deleted: only one that a bake sets for itself."""
    reference = _tagged(text)
    if not str(reference.tag).startswith(f"{STAGING}-"):
        raise MalformedError(f"{reference} is no staging tag")
    return reference


def _tagged(text: Any) -> Reference:
    reference = parse_reference(values.text(text), where="tags")
    if reference.tag is None or reference.digest:
        raise MalformedError(f"{reference} is no tag")
    return reference


def _pinned(text: Any) -> Reference:
    reference = parse_reference(values.text(text), where="source")
    values.digest(reference.digest)
    if reference.tag is None:
        raise MalformedError(f"{reference} has no tag")
    return reference
