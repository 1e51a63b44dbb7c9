"""The inputs of a stage of a Dockerfile, as values; ``inputs.find`` finds them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple, TypeVar

from whalebuild.bakefile.contexts import is_remote, local_path
from whalebuild.oci.platform import LOCAL
from whalebuild.values import dataclass

_Item = TypeVar("_Item")
_PINNED = re.compile(r"#[0-9a-f]{40}(?:$|:)|@sha256:[0-9a-f]{64}$")


@dataclass(frozen=True)
class Build:
    """What the bake target gives to the build of a stage.

    Attributes:
        args: Build arguments.
        contexts: Named contexts as bake writes them: ``docker-image://…``, ``target:…``, a folder,
            a URL.
        platforms: Target platforms; empty is the builder's own.
        attributes: Attributes that reach RUN: network, extra hosts, shm size and the like.
        build_platform: The builder's own platform, where it is known.
        context: The main context, a folder or a URL.
        onbuild: ONBUILD instructions of base images, from their configurations, by
            ``BaseImage.key``.
    """

    args: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    build_platform: str | None = None
    context: str = "."
    onbuild: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[str, ...]:
        """The target platforms, ``local`` resolved to the builder's own where that is known."""
        own = self.build_platform or LOCAL
        named = (own if platform == LOCAL else platform for platform in self.platforms or (LOCAL,))
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True)
class BaseImage:
    """An image of a registry that a stage uses.

    Attributes:
        reference: As written, variables replaced.
        platform: None for the target platform, else as FROM has it. ``$BUILDPLATFORM`` is kept, so
            that the machine that builds does not change the deps key.
    """

    reference: str
    platform: str | None = None

    @property
    def key(self) -> str:
        """The name of its digest in a lock: the reference, and the platform if FROM has one."""
        return self.reference + (f" ({self.platform})" if self.platform else "")

    @property
    def digest(self) -> str | None:
        """The digest, where the reference has one."""
        return self.reference.partition("@")[2] or None


@dataclass(frozen=True)
class NamedContext:
    """A named context that a stage uses, and its value as the bake file has it."""

    name: str
    value: str

    @property
    def image(self) -> str | None:
        """The image's reference, where the context is an image."""
        prefix = "docker-image://"
        return self.value.removeprefix(prefix) if self.value.startswith(prefix) else None

    @property
    def target(self) -> str | None:
        """The bake target's name, where the context is another target."""
        return self.value.removeprefix("target:") if self.value.startswith("target:") else None

    @property
    def remote(self) -> bool:
        """Whether it is a git repository or a URL."""
        return is_remote(self.value)

    @property
    def pinned(self) -> bool:
        """Whether its value has a commit or a digest."""
        return _PINNED.search(self.value) is not None

    @property
    def folder(self) -> str | None:
        """The folder's path, where it is one."""
        elsewhere = self.image is not None or self.target is not None or self.remote
        return None if elsewhere or self.is_layout else local_path(self.value)

    @property
    def is_layout(self) -> bool:
        """Whether it is an image in an OCI layout: a folder of this machine."""
        return self.value.startswith("oci-layout://")


@dataclass(frozen=True)
class Remote:
    """A URL or git reference that ADD reads, with the checksum that pins it, if one does."""

    url: str
    checksum: str | None
    line: int


@dataclass(frozen=True)
class Address:
    """A URL or git reference behind which there may be something else tomorrow."""

    url: str

    @property
    def key(self) -> str:
        """The name of what is behind it in a lock."""
        return f"address {self.url}"


@dataclass(frozen=True)
class ContextRead:
    """Files of a context that one instruction reads.

    Attributes:
        context: The named context; None is the main one.
        stage: The stage that the instruction belongs to.
        line: The instruction's line.
        instruction: The instruction, as written.
        sources: Paths in the context, clean and relative; ``.`` is all of it.
        excludes: ``--exclude`` patterns, relative to the sources.
        parents: Whether the sources are ``--parents`` patterns.
        wildcards: Whether ``*``, ``?`` and ``[`` are wildcards; they are not in a mount.
    """

    context: str | None
    stage: str
    line: int
    instruction: str
    sources: tuple[str, ...]
    excludes: tuple[str, ...] = ()
    parents: bool = False
    wildcards: bool = True


@dataclass(frozen=True)
class StagePart:
    """A stage of the closure.

    Attributes:
        label: Its name, or a description that does not depend on its position.
        line: The line of its FROM.
        canonical: Its instructions in one text that is equal where they mean the same.
        platform: Like ``BaseImage.platform``.
        runs: Lines of its RUN instructions.
    """

    label: str
    line: int
    canonical: str
    platform: str | None = None
    runs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Closure:
    """The inputs of a stage and of the stages that it is made from, for one platform.

    Attributes:
        platform: The target platform.
        stages: Parents before the stages made from them, the stage itself last.
        args: Build arguments and defaults that a stage uses.
        secrets: Ids of secrets and ssh agents that are mounted.
        caches: Ids of cache mounts.
        attributes: Attributes of the target that reach a RUN.
        syntax: The frontend that the Dockerfile names, if any: one of Docker's own.
    """

    platform: str
    stages: tuple[StagePart, ...]
    reads: tuple[ContextRead, ...]
    bases: tuple[BaseImage, ...]
    contexts: tuple[NamedContext, ...]
    remotes: tuple[Remote, ...]
    args: tuple[tuple[str, str], ...]
    secrets: tuple[str, ...]
    caches: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...]
    syntax: str | None

    @property
    def images(self) -> tuple[BaseImage, ...]:
        """Every image that it uses from a registry: base images and named contexts."""
        named = (context.image for context in self.contexts)
        return (*self.bases, *(BaseImage(reference) for reference in named if reference))

    @property
    def addresses(self) -> tuple[Address, ...]:
        """What it fetches from addresses that nothing pins."""
        added = (remote.url for remote in self.remotes if remote.checksum is None)
        named = (each.value for each in self.contexts if each.remote and not each.pinned)
        return tuple(Address(url) for url in dict.fromkeys((*added, *named)))


@dataclass(frozen=True)
class StageInputs:
    """The inputs of a stage: its label, and one closure for each target platform."""

    stage: str
    closures: tuple[Closure, ...]

    @property
    def platforms(self) -> tuple[str, ...]:
        """The target platforms."""
        return tuple(closure.platform for closure in self.closures)

    @property
    def reads(self) -> tuple[ContextRead, ...]:
        """Reads of context files, on any platform."""
        return self._all(lambda closure: closure.reads)

    @property
    def bases(self) -> tuple[BaseImage, ...]:
        """Base images from registries, on any platform."""
        return self._all(lambda closure: closure.bases)

    @property
    def contexts(self) -> tuple[NamedContext, ...]:
        """Named contexts, on any platform."""
        return self._all(lambda closure: closure.contexts)

    @property
    def remotes(self) -> tuple[Remote, ...]:
        """URLs and git references that ADD reads, on any platform."""
        return self._all(lambda closure: closure.remotes)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Addresses that nothing pins, on any platform."""
        return self._all(lambda closure: closure.addresses)

    def _all(self, items: Callable[[Closure], Iterable[_Item]]) -> tuple[_Item, ...]:
        return tuple(dict.fromkeys(item for closure in self.closures for item in items(closure)))


class FileEntry(NamedTuple):
    """One file that a read covers.

    Attributes:
        context: The named context; None is the main one.
        path: Relative to the context, with slashes.
        kind: ``file``, ``dir``, ``link``, ``other``, or ``missing`` where no such file exists.
        mode: Permission bits; 0 for links, whose bits differ between systems.
        digest: sha256 of a file's content or of a link's target; empty for others.
        size: Of the content in bytes.
    """

    context: str | None
    path: str
    kind: str
    mode: int
    digest: str
    size: int = 0

    @property
    def name(self) -> str:
        """Its name in a lock and in messages."""
        shown = f"{self.path}/" if self.kind == "dir" else self.path
        return f"context {self.context}: {shown}" if self.context else shown

    @property
    def fingerprint(self) -> str:
        """A digest of its kind and content, and its mode."""
        text = f'["{self.kind}","{self.digest}"]'  # JSON: nothing in them is escaped
        return f"{sha256(text.encode()).hexdigest()}:{self.mode:o}"


@dataclass(frozen=True)
class ContextFiles:
    """The files that each read covers, in the order of the reads."""

    by_read: tuple[tuple[ContextRead, tuple[FileEntry, ...]], ...] = ()

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        """All files, each once."""
        return tuple(dict.fromkeys(entry for _, entries in self.by_read for entry in entries))

    @cached_property
    def fingerprints(self) -> tuple[tuple[ContextRead, tuple[tuple[str, str], ...]], ...]:
        """Names and fingerprints of the files that each read covers."""
        return tuple(
            (read, tuple((entry.name, entry.fingerprint) for entry in entries))
            for read, entries in self.by_read
        )


@dataclass(frozen=True)
class Undetermined:
    """Why the inputs cannot be determined without a build, and the line that is the reason."""

    reason: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.reason} (line {self.line})" if self.line else self.reason


class AnalysisError(Exception):
    """Ends the search for a stage's inputs; ``find_inputs`` returns its ``undetermined``."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.undetermined = Undetermined(reason, line)
