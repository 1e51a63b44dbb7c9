"""The targets of the generated bake definition, as buildx will run them.

https://docs.docker.com/build/bake/reference/ (targets), ``docs/reference/buildx_build.md`` of
docker/buildx (``--output``, ``--cache-from``, ``--cache-to``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any

from whalebuild.bakefile.images import BuildOptions, PairImage
from whalebuild.bakefile.target import Target
from whalebuild.bakefile.templates import escape
from whalebuild.builder.nodes import Node, places
from whalebuild.oci.platform import LOCAL
from whalebuild.oci.reference import Reference
from whalebuild.plan.cache_options import cache_sources, image_options, own_cache
from whalebuild.values import dataclass

Definition = dict[str, Any]
# A reference by a digest that is not the content's makes BuildKit push under the real one, with no
# tag: undocumented (``cache/remotecache/registry`` of BuildKit), so it is verified afterwards.
NO_DIGEST = f"sha256:{'0' * 64}"
STAGING = "whalebuild-staging"
_LONGEST_TAG = 128


class Output(Enum):
    """Where images go."""

    TAG = "tag"  # pushed under the image's first tag of each repository
    DIGEST = "digest"  # pushed with no tag
    STAGED = "staged"  # pushed under a tag of this bake's own, which is deleted later
    LOAD = "load"  # into the local engine
    NOTHING = "nothing"  # built only


# What is pushed is put together afterwards.
APART = frozenset({Output.DIGEST, Output.STAGED})


@dataclass(frozen=True)
class CacheExport:
    """How caches are pushed: by digest, or under a staging tag that is deleted afterwards.

    Attributes:
        token: What makes this bake's staging tags its own; None is by digest.
    """

    token: str | None = None

    def reference(self, image: PairImage, platforms: tuple[str, ...]) -> Reference:
        """Where a target's cache goes: to the repository of its bundle."""
        repository = image.bundle.repository
        if self.token is None:
            return Reference(repository, digest=NO_DIGEST)
        return Reference(repository, _staging_tag(image, platforms, self.token))


@dataclass(frozen=True)
class GeneratedTarget:
    """One target of the generated definition: an image, or some of its platforms.

    Attributes:
        target: What buildx is given.
        imports: The caches out of published bundles that it imports.
        exports: Whether its cache is pushed for later bakes.
        staged: The staging tags that its image is pushed under.
        apart: Whalebuild's cache, where it is exported in a run of its own; None where it is
            exported with the image, or not at all.
    """

    image: PairImage
    platforms: tuple[str, ...]
    target: Target
    imports: tuple[Reference, ...] = ()
    exports: bool = False
    staged: tuple[Reference, ...] = ()
    apart: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        """The target's name in the generated definition."""
        return self.target.name

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The target's attributes in the generated definition."""
        return self.target.attributes

    def with_attributes(self, **changes: Any) -> GeneratedTarget:
        """The same with other attributes; see ``Target.with_attributes``."""
        return replace(self, target=self.target.with_attributes(**changes))

    def without_imports(self, sources: Collection[str]) -> GeneratedTarget:
        """The same without importing these caches."""
        kept = [s for s in self.attributes.get("cache-from") or [] if _ref(s) not in sources]
        return self.with_attributes(cache_from=kept or None)

    def uncached(self) -> GeneratedTarget:
        """The same with every step run, whatever the builder has in its cache."""
        return self.with_attributes(no_cache=True)

    def to_push_again(self) -> GeneratedTarget:
        """The same once every step is done, to be pushed again.

        It imports what it did: BuildKit has not fetched what no step needed, and knows it by that
        cache alone. With ``no-cache`` every step would run anew, and the imported ones are others.
        """
        if self.attributes.get("no-cache") or self.attributes.get("no-cache-filter"):
            return self.with_attributes(cache_from=None, no_cache=None, no_cache_filter=None)
        return self

    def cache_only(self) -> GeneratedTarget:
        """The same with its cache alone pushed."""
        nowhere = self.with_attributes(output=[{"type": "cacheonly"}], tags=None)
        if self.apart is None:
            return nowhere
        return replace(nowhere.with_attributes(cache_to=[self.apart]), apart=None)

    def unpushed(self) -> GeneratedTarget:
        """The same, built and not pushed."""
        return self.cache_only().with_attributes(cache_to=None)


def output_of(options: BuildOptions, driver: str | None) -> Output:
    """Tell where images go. Buildx's docker driver cannot push by digest."""
    if options.load:
        return Output.LOAD
    if options.read_only:
        return Output.NOTHING
    if driver not in {None, "docker"}:
        return Output.DIGEST
    return Output.STAGED if options.portion else Output.TAG


def platform_groups(
    platforms: tuple[str, ...], output: Output, nodes: Sequence[Node]
) -> tuple[tuple[str, ...], ...]:
    """Tell which platforms are built together, in one generated target.

    By digest, a target for each node that builds: one for several nodes would write the tag
    ``:latest`` and lose the caches' digests. And one target alone for a node: two builds that have
    steps in common, each with a cache of its own, find those steps in one of the caches, and
    nothing of the other one after them (docs/adr/0008). A builder's only node builds everything,
    whatever is known of it.
    """
    if output not in APART or len(platforms) < 2 or len(nodes) == 1:  # noqa: PLR2004 - alone
        return (platforms,)
    known = {placement.platform: placement.node for placement in places(nodes, platforms)}
    groups: dict[Node | str, list[str]] = {}
    for platform in platforms:
        groups.setdefault(known.get(platform, platform), []).append(platform)
    return tuple(tuple(group) for group in groups.values())


def generate_target(
    image: PairImage,
    platforms: tuple[str, ...],
    options: BuildOptions,
    output: Output,
    *,
    contexts: Mapping[str, str] | None = None,
    cache_from: tuple[Reference, ...] = (),
    cache_to: Reference | None = None,
) -> GeneratedTarget:
    """Write the target that builds an image for some platforms.

    Args:
        image: What is built.
        platforms: Those that this target builds; empty is the builder's own.
        options: What the command line asks for.
        output: Where the image goes.
        contexts: Named contexts beside the bake file's: pinned images.
        cache_from: Caches to import, by digest.
        cache_to: Where to export a cache to; None for no export.
    """
    contexts = contexts or {}
    name = image.name
    if platforms != image.platforms:
        name = f"{name}_{'_'.join(platforms).replace('/', '-')}"
    attributes = image.target.attributes
    staged = _staged(image, platforms, options) if output is Output.STAGED else ()
    exported, apart = _caches(image.target, cache_to, output)
    generated = image.target.with_attributes(
        tags=[str(reference) for reference in staged] or _tags(image, output) or None,
        # The local engine holds one platform; buildx picks the node's own.
        platforms=[LOCAL] if output is Output.LOAD else list(platforms) or None,
        contexts={**_given_contexts(image.target, contexts), **contexts} or None,
        cache_from=cache_sources(image.target, cache_from) or None,
        cache_to=exported or None,
        output=[_output(image, output)],
        call=None,
        no_cache=options.no_cache or attributes.get("no-cache"),
        pull=options.pull or attributes.get("pull"),
    )
    target = Target(name, generated.attributes)
    return GeneratedTarget(
        *(image, platforms, target),
        imports=cache_from,
        exports=cache_to is not None,
        staged=staged,
        apart=apart,
    )


def make_definition(
    targets: Iterable[Target], all_targets: Mapping[str, Target], others: Iterable[Target] = ()
) -> Definition:
    """Write the bake definition that runs these targets.

    Args:
        targets: Those of pairs.
        all_targets: The bake file's targets; those that are linked to come along as they are.
        others: Those that are no pair, which are run before.

    Raises:
        UsageError: Buildx would read a string as another one, see ``templates.escape``.
    """
    # A pair's further outputs are a target of the same name.
    requested = {target.name: target for target in (*others, *targets)}
    every = linked_targets(requested.values(), all_targets) | requested
    return {
        "group": {"default": {"targets": list(requested)}},
        "target": {name: escape(name, target.attributes) for name, target in every.items()},
    }


def linked_targets(targets: Iterable[Target], others: Mapping[str, Target]) -> dict[str, Target]:
    """Targets that are used as named contexts, and those that these use in turn."""
    found: dict[str, Target] = {}
    waiting = [name for target in targets for name in target.linked]
    while waiting:
        name = waiting.pop()
        if name in others and name not in found:
            found[name] = others[name]
            waiting += others[name].linked
    return found


def _staged(
    image: PairImage, platforms: tuple[str, ...], options: BuildOptions
) -> tuple[Reference, ...]:
    token = options.portion.token if options.portion else ""
    tag = _staging_tag(image, platforms, token, "image")
    return tuple(Reference(repository, tag) for repository in image.repositories)


def _staging_tag(image: PairImage, platforms: tuple[str, ...], *own: str) -> str:
    words = (STAGING, *own, image.name, *platforms)
    return "-".join(words).replace("/", "-")[:_LONGEST_TAG]


def _tags(image: PairImage, output: Output) -> list[str]:
    if output is Output.LOAD:
        return [str(reference) for reference in image.references]
    if output is not Output.TAG:
        return []
    # One in each repository: all others are given to what was verified.
    first: dict[str, Reference] = {}
    for reference in image.references:
        first.setdefault(reference.repository, reference)
    return [str(reference) for reference in first.values()]


def _given_contexts(target: Target, contexts: Mapping[str, str]) -> dict[str, str]:
    """The bake file's named contexts, but for those that are pinned for each platform."""
    given = dict(target.contexts)
    pinned = {name.partition("::")[0] for name in contexts}
    return {name: value for name, value in given.items() if name not in pinned}


def _caches(
    target: Target, reference: Reference | None, output: Output
) -> tuple[list[Any], Mapping[str, str] | None]:
    """The caches that are exported with an image, and whalebuild's where it is exported apart."""
    if output in {Output.LOAD, Output.NOTHING}:
        return target.local_caches, None
    given, own = target.exported_caches, own_cache(target, reference) if reference else None
    if own is None or target.local_caches:
        return given, own
    return [*given, own], None


def _ref(source: object) -> object:
    return source.get("ref") if isinstance(source, Mapping) else source


def _output(image: PairImage, output: Output) -> dict[str, str]:
    """One exporter; options such as compression that the bake file gives an image are kept."""
    if output is Output.LOAD:
        return {"type": "docker"}
    if output is Output.NOTHING:
        return {"type": "cacheonly"}
    kept = image_options(image.target)
    if output is Output.DIGEST:
        kept |= {
            "name": ",".join(image.repositories),
            "push-by-digest": "true",
            "name-canonical": "true",
        }
    # Neither kept in nor unpacked into the engine's image store: that would download the cached
    # layers of the dependencies just to have them there.
    return {"type": "image", "push": "true", "store": "false", "unpack": "false", **kept}
