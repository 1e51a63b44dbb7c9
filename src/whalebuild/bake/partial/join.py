"""Joins the parts of one bake: checks that they fit, and tells what each image is of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from whalebuild.bake.partial.part import ImagePart, Part
from whalebuild.bakefile.images import PairImage
from whalebuild.bundle.lock import Lock, compare
from whalebuild.errors import UsageError, VerificationError
from whalebuild.inputs.build_args import BUILDER_ARGS
from whalebuild.inputs.values import Undetermined
from whalebuild.values import dataclass

# What each machine has of its own: on a native node its platform is the builder's.
_OF_THE_MACHINE = frozenset(f"arg {name}" for name in BUILDER_ARGS)


@dataclass(frozen=True)
class PartShare:
    """What one part has of an image, and for which platforms."""

    part: Part
    entry: ImagePart

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms of the image that are the part's."""
        return tuple(p for p in self.entry.image.platforms if p in self.part.platforms)

    @property
    def pushed(self) -> frozenset[str]:
        """Those that it has built."""
        return frozenset(p for target in self.entry.pushed for p in target.platforms)

    @property
    def reused(self) -> dict[str, str]:
        """Digests of the image manifests that it has found published, by platform."""
        stands_on = self.entry.stands_on
        return {p: digest for p, digest in stands_on.items() if p not in self.pushed}


@dataclass(frozen=True)
class JoinedImage:
    """One image of all parts; the shares are in the order of its platforms."""

    shares: tuple[PartShare, ...]

    @property
    def image(self) -> PairImage:
        """The image, with all its platforms."""
        return self.shares[0].entry.image

    @property
    def entries(self) -> tuple[ImagePart, ...]:
        """What each part says of it."""
        return tuple(share.entry for share in self.shares)

    @property
    def lock(self) -> Lock | Undetermined:
        """What it is made from: for each platform as the part says that has built or reused it."""
        locks: dict[str, Lock] = {}
        for share in self.shares:
            lock = share.entry.lock
            if isinstance(lock, Undetermined):
                return lock
            locks |= dict.fromkeys(share.platforms, lock)
        grouping = max(lock.grouping for lock in locks.values())
        even = {p: lock.grouped(grouping) for p, lock in locks.items()}
        # In the order in which an ordinary bake has them.
        order = [platform for platform in next(iter(even.values())).keys if platform in even]
        return Lock(
            keys={p: even[p].keys[p] for p in order},
            facts={p: even[p].facts.get(p, {}) for p in order},
            files={p: even[p].files.get(p, {}) for p in order},
            bases={p: even[p].bases.get(p, {}) for p in order},
            grouping=grouping,
        )


def join(parts: Sequence[Part]) -> tuple[JoinedImage, ...]:
    """Check that parts are those of one bake, all of them, and made from the same.

    Returns:
        The images, dependencies first.

    Raises:
        UsageError: They are of different bakes, or two are for one platform.
        VerificationError: A platform is missing, or their inputs differ.
    """
    first, *others = parts
    for other in others:
        _check_same_bake(first, other)
    _check_platforms(parts)
    for other in others:
        for one, another in zip(first.images, other.images, strict=True):
            _check_inputs(PartShare(first, one), PartShare(other, another))
    joined = []
    for number, entry in enumerate(first.images):
        shares = [PartShare(part, part.images[number]) for part in parts]
        with_platforms = [share for share in shares if share.platforms]
        order = entry.image.platforms.index
        joined.append(
            JoinedImage(tuple(sorted(with_platforms, key=lambda share: order(share.platforms[0]))))
        )
    return tuple(joined)


def _check_same_bake(one: Part, other: Part) -> None:
    difference = next(_differences(one, other), None)
    if difference:
        raise UsageError(
            f"{one.file} and {other.file} are parts of different bakes",
            cause=difference,
            next_step="merge what one pipeline has baked, with the same targets, tags and settings",
        )


def _differences(one: Part, other: Part) -> Iterator[str]:
    if one.scope != other.scope:
        scopes = one.scope or "(none)", other.scope or "(none)"
        yield f"{one.file} is of scope {scopes[0]}, {other.file} of {scopes[1]}"
    names = [[entry.image.name for entry in part.images] for part in (one, other)]
    if names[0] != names[1]:
        targets = [", ".join(each) for each in names]
        yield f"{one.file} is of {targets[0]}, {other.file} of {targets[1]}"
        return
    for entry, other_entry in zip(one.images, other.images, strict=True):
        image, another = entry.image, other_entry.image
        for what, first, second in (
            ("is published as", image.references, another.references),
            ("is for", image.platforms, another.platforms),
            ("has its caches in", (image.bundle,), (another.bundle,)),
            ("has the role", (image.role, image.deps), (another.role, another.deps)),
        ):
            if first != second:
                listed, others = ", ".join(map(str, first)), ", ".join(map(str, second))
                yield f'"{image.name}" {what} {listed} in {one.file}, {others} in {other.file}'


def _check_platforms(parts: Sequence[Part]) -> None:
    owners: dict[str, Part] = {}
    for part in parts:
        for platform in part.platforms:
            if platform in owners:
                raise UsageError(
                    f"{owners[platform].file} and {part.file} are both for {platform}",
                    cause="it was baked twice, or a file of an earlier run is still there",
                    next_step="leave one of them out",
                )
            owners[platform] = part
    whole = dict.fromkeys(p for entry in parts[0].images for p in entry.image.platforms)
    missing = [platform for platform in whole if platform not in owners]
    if missing:
        raise VerificationError(
            f"the part for {', '.join(missing)} is missing",
            cause=f"its bake failed, or its file was not given: {_listed(parts)}",
            next_step="bake it with --partial, and merge all parts; nothing was published",
        )


def _check_inputs(one: PartShare, other: PartShare) -> None:
    name = one.entry.image.name
    first, second = one.entry.lock, other.entry.lock
    changes: list[str] = []
    if isinstance(first, Lock) and isinstance(second, Lock):
        found = [change for change in compare(first, second) if change.name not in _OF_THE_MACHINE]
        changes = [str(change) for change in found]
    elif isinstance(first, Lock) or isinstance(second, Lock):
        unknown, file = (
            (first, one.part.file) if isinstance(second, Lock) else (second, other.part.file)
        )
        changes = [f"only in {file} they cannot be told: {unknown}"]
    changes += _attributes(one.entry.attributes, other.entry.attributes)
    if changes:
        raise VerificationError(
            f'{one.part.file} and {other.part.file} made "{name}" from different inputs: '
            f"{'; '.join(changes)}",
            cause="they were baked from other commits, with other arguments or base images, or "
            "with something that is new in every job, such as a time",
            next_step="bake all parts from the same; nothing was published",
        )


def _attributes(one: Mapping[str, object], other: Mapping[str, object]) -> Iterator[str]:
    for name in dict.fromkeys([*one, *other]):
        first, second = one.get(name), other.get(name)
        if first == second:
            continue
        if isinstance(first, dict) and isinstance(second, dict):
            keys = (key for key in {**first, **second} if first.get(key) != second.get(key))
            yield from (f"{name.removesuffix('s')} {key} differs" for key in keys)
        else:
            yield f"{name} differ" if name.endswith("s") else f"{name} differs"


def _listed(parts: Sequence[Part]) -> str:
    return ", ".join(f"{part.file} is for {', '.join(part.platforms)}" for part in parts)
