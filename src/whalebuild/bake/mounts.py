"""Layers that a push finds in its repository: mounted there before, they are not sent.

BuildKit mounts a layer only from where it has pushed that layer before, and never what it has
pulled: the layers of a base image would be sent to every repository. So they are given to the
repositories here, from the base image's own, or from one that has them by now. A registry that does
not mount costs a request, and never a bake.

Only what is in the image itself is mounted: whoever may read a repository may read its layers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import partial

from whalebuild.bundle.lock import Lock
from whalebuild.bundle.published import PublishedDeps
from whalebuild.failures.failure import FailedError
from whalebuild.oci.manifest import Manifest, parse_image, parse_index
from whalebuild.oci.reference import Reference
from whalebuild.plan.cache_options import image_options
from whalebuild.plan.definition import GeneratedTarget
from whalebuild.plan.pins import flat_pins
from whalebuild.plan.plan import DepsPlan, Plan
from whalebuild.plan.short_way import OF_ALL_LAYERS
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit
from whalebuild.values import dataclass

# What one repository has to send before others are worth waiting for it.
_WORTH_A_WAIT = 8 << 20


@dataclass(frozen=True)
class _Need:
    """Layers of a base image that a repository may not have.

    Attributes:
        base: The base image, by digest.
        platforms: Those that are built.
    """

    repository: str
    base: Reference
    platforms: tuple[str, ...]

    @property
    def registry(self) -> str:
        """The registry of both repositories, of the one that has the layers as well."""
        return Reference(self.repository).registry

    @property
    def key(self) -> tuple[str, str]:
        """What is the same for all that can mount these layers from each other."""
        return self.registry, str(self.base.digest)


@dataclass
class LayerMounts:
    """Mounts layers of base images before builders push images that stand on them.

    Attributes:
        own: The builder's own platform, where it is known.
    """

    registry: RetryingRegistry
    plan: Plan
    own: str | None = None
    _submit: Submit = field(default_factory=Submit)
    _bases: dict[str, Reference] = field(init=False)
    # By registry and base image, a repository that has its layers.
    _holders: dict[tuple[str, str], str] = field(default_factory=dict)
    _served: set[tuple[str, str]] = field(default_factory=set)
    _refusing: set[str] = field(default_factory=set)
    _read: dict[str, Manifest | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find what images stand on, and which repositories have it."""
        of_deps = {deps.image.name: deps.base for deps in self.plan.deps if deps.base}
        self._bases = of_deps | {a.image.name: a.base for a in self.plan.apps if a.base}
        for deps in self.plan.deps:
            for found in filter(None, deps.published):
                for digest in _pinned(deps, found):
                    self._has(found.reference.repository, digest)

    def first(self, targets: Sequence[GeneratedTarget]) -> tuple[GeneratedTarget, ...]:
        """The targets to push before all others, which then need not send what these have sent.

        One for each base image that nothing of the registry is known to have; none where that is
        too small to wait for.
        """
        groups: dict[tuple[str, str], dict[str, list[GeneratedTarget]]] = {}
        for target in targets:
            for need in self._needs(target):
                if need.registry not in self._refusing and not self._source(need):
                    group = groups.setdefault(need.key, {})
                    group.setdefault(target.image.name, []).append(target)
        found: dict[str, GeneratedTarget] = {}
        for group in groups.values():
            if len(group) > 1 and self._bytes(group) >= _WORTH_A_WAIT:
                found |= {target.name: target for target in next(iter(group.values()))}
        return tuple(found.values())

    def give(self, targets: Iterable[GeneratedTarget]) -> None:
        """Mount what the repositories of these targets may not have."""
        for need in dict.fromkeys(need for target in targets for need in self._needs(target)):
            source = self._source(need)
            if source and need.registry not in self._refusing:
                self._mount(need, source)

    def pushed(self, targets: Iterable[GeneratedTarget]) -> None:
        """Note what the repositories of these targets have now."""
        for target in targets:
            base = self._bases.get(target.image.name)
            for repository in target.image.repositories if base and _pushes(target) else ():
                self._has(repository, str(base.digest if base else ""))

    def _needs(self, target: GeneratedTarget) -> tuple[_Need, ...]:
        base = self._bases.get(target.image.name)
        if base is None or not _pushes(target):
            return ()
        platforms = target.platforms or ((self.own,) if self.own else ())
        needs = (_Need(each, base, platforms) for each in target.image.repositories)
        return tuple(need for need in needs if not self._is_served(need))

    def _is_served(self, need: _Need) -> bool:
        return (need.repository, str(need.base.digest)) in self._served

    def _has(self, repository: str, base: str) -> None:
        self._served.add((repository, base))
        self._holders.setdefault((Reference(repository).registry, base), repository)

    def _source(self, need: _Need) -> str | None:
        """A repository of the same registry that has the layers."""
        if need.base.registry == need.registry:
            return need.base.repository
        return self._holders.get(need.key)

    def _mount(self, need: _Need, source: str) -> None:
        """Mount the layers; where the first one is refused, no more are asked for."""
        self._served.add((need.repository, str(need.base.digest)))
        digests = list(self._layers(need.base, need.platforms))
        try:
            if digests and not self._mounted(need, digests[0], source):
                self._refusing.add(need.registry)
                return
            asked = [self._submit(partial(self._mounted, need, d, source)) for d in digests[1:]]
            for each in asked:
                each.result()
        except FailedError:
            return  # the push sends them, and says what is wrong if it cannot

    def _mounted(self, need: _Need, digest: str, source: str) -> bool:
        # Not tried again: what is not mounted is sent, as it would be without this.
        return self.registry.registry.mount_blob(need.repository, digest, source)

    def _bytes(self, group: Mapping[str, Sequence[GeneratedTarget]]) -> int:
        """What each member of a group would send of its base image."""
        targets = next(iter(group.values()))
        needs = (need for target in targets for need in self._needs(target))
        return max((sum(self._layers(n.base, n.platforms).values()) for n in needs), default=0)

    def _layers(self, base: Reference, platforms: Collection[str]) -> dict[str, int]:
        """The layers of a base image, and their sizes; none where they cannot be told."""
        found = self._manifest(base.repository, str(base.digest))
        index = parse_index(found.raw) if found else None
        if index is not None:
            of_platforms = (index.images.get(platform) for platform in platforms)
            children = [self._manifest(base.repository, c.digest) for c in of_platforms if c]
        else:
            children = [found]
        images = (parse_image(child.raw) for child in children if child)
        return {layer.digest: layer.size for image in images if image for layer in image.layers}

    def _manifest(self, repository: str, digest: str) -> Manifest | None:
        known = self.plan.manifests.get(digest)
        if known is None and digest not in self._read:
            try:
                reference = Reference(repository, digest=digest)
                self._read[digest] = self.registry.registry.manifest(reference, mirrors=True)
            except FailedError:
                self._read[digest] = None
        return known or self._read[digest]


def _pinned(deps: DepsPlan, found: PublishedDeps) -> Iterator[str]:
    """The base image of published dependencies, where it is the same as that of new ones."""
    pinned = flat_pins(found.lock).values() if isinstance(found.lock, Lock) else ()
    if deps.base and deps.base.digest in pinned:
        yield str(deps.base.digest)


def _pushes(target: GeneratedTarget) -> bool:
    """Whether a builder pushes a target with the layers of its base image as they are."""
    pushed = any(output.get("push") == "true" for output in target.target.outputs)
    options = image_options(target.image.target)
    return pushed and all(options.get(name, "false") == "false" for name in OF_ALL_LAYERS)
