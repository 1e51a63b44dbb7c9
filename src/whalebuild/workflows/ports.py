"""What workflows need of the world; ``adapters`` has it on offer, ``cli`` hands it in."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Protocol

from whalebuild.core.bakefile import Target
from whalebuild.core.builders import Builder
from whalebuild.core.cache_usage import Usage
from whalebuild.core.dockerfile import Dockerfile
from whalebuild.core.events import Event
from whalebuild.core.host_images import HostImage, RunningImage
from whalebuild.core.inputs import Build, ContextFiles, StageInputs, Undetermined
from whalebuild.core.manifests import Descriptor, Manifest
from whalebuild.core.nodes import Node
from whalebuild.core.references import Reference
from whalebuild.core.request import BakeRequest, EngineFacts


class Engine(Protocol):
    """A Docker client with buildx. Every method may raise ``CommandFailedError``."""

    def print_bake(self, request: BakeRequest) -> object:
        """Return what ``bake --print`` prints, as parsed JSON."""

    def target_names(self, request: BakeRequest) -> tuple[str, ...]:
        """Return the names of all targets in the bake file."""

    def facts(self, builder: str | None) -> EngineFacts:
        """Look at the builder (None is the current one), as far as that costs nothing more.

        Nodes are there unless its driver is docker: :meth:`nodes` has that one's.
        """

    def nodes(self, builder: str | None) -> tuple[Node, ...]:
        """Look at the builder's nodes: what each can run, natively or under emulation."""

    def has_builder(self, name: str) -> bool:
        """Whether a builder of this name was made. Raises not."""

    def boot(self, builder: str | None) -> EngineFacts:
        """Start what does not run of the builder, or wait for it; then look at it."""

    def bake(
        self, definition: Mapping[str, Any], *, builder: str | None, allow: Sequence[str]
    ) -> Generator[str, None, None]:
        """Run a definition; yield its rawjson lines. ``metadata`` has the result afterwards.

        Closing the generator stops the build.
        """

    def drop_broken(self, builder: str | None) -> None:
        """Have the builder drop manifests that arrived broken; nothing of its cache."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Buildx's metadata of the last bake that succeeded, by target name."""


class Builders(Protocol):
    """buildx's builders. Every method but two may raise ``CommandFailedError``."""

    def all(self) -> tuple[Builder, ...]:
        """Look at all builders: those that were made, and every docker context's own."""

    def look(self, name: str | None, *, boot: bool = False) -> Builder:
        """Look at one builder (None is the current one), and start it before if told so."""

    def stored(self, name: str) -> bool:
        """Whether a builder of this name was made; a docker context's own was not. Raises not."""

    def create(self, words: Sequence[str]) -> None:
        """Run ``docker buildx create`` with these words."""

    def use(self, name: str) -> None:
        """Have this builder be the current one."""

    def remove(self, name: str, *, keep_state: bool = False) -> None:
        """Remove a builder, and its cache unless the state is kept."""

    def usage(self, builder: str, node: str) -> Usage:
        """How much cache one node holds; fails with the reason where it does not answer."""

    def try_build(self, builder: str, words: Sequence[str]) -> None:
        """Build an image of one small file with these words; ``{folder}`` is a scratch folder."""

    def engine_answers(self) -> bool:
        """Whether an engine answers in the current docker context."""

    def file(self, path: str) -> str | None:
        """The absolute path of a file, None where it cannot be read. Raises not."""


class Host(Protocol):
    """The engine that is to pull. Every method may raise ``CommandFailedError``."""

    def facts(self) -> EngineFacts:
        """Look at the engine of the current docker context, whatever builder is chosen."""

    def images(self) -> tuple[HostImage, ...]:
        """All images that it has, those without a name as well."""

    def running(self) -> tuple[RunningImage, ...]:
        """The images of its running containers."""


class Registry(Protocol):
    """Registries, spoken to directly. Every method may raise ``RequestFailedError``."""

    def manifest(self, reference: Reference, *, mirrors: bool = False) -> Manifest | None:
        """Get a manifest; None where the registry has no such manifest."""

    def head(self, reference: Reference, *, mirrors: bool = False) -> Descriptor | None:
        """Ask what the reference stands for; None where the registry has no such manifest."""

    def put_manifest(self, reference: Reference, raw: bytes, media_type: str) -> str:
        """Publish a manifest under a tag or by its digest, and return the digest."""

    def blob(
        self, repository: str, digest: str, limit_bytes: int, *, mirrors: bool = False
    ) -> bytes:
        """Get a small blob."""

    def try_upload(self, repository: str) -> None:
        """Begin an upload, and cancel it."""

    def delete_manifest(self, reference: Reference) -> bool:
        """Delete a manifest, or a tag; tell whether the registry did."""

    def hide(self, text: str) -> str:
        """Take the secrets of the logins that were used out of a text; raises nothing."""


class BuilderNotes(Protocol):
    """What was found out about builders, kept from one run to the next."""

    def refuses_cache_by_digest(self, builder: str, registry: str) -> bool:
        """Whether a cache could not be pushed by digest from here to there lately."""

    def note_refusal(self, builder: str, registry: str) -> None:
        """Remember that it could not."""


class SourceTree(Protocol):
    """The files that the user builds from."""

    def bake_files(self) -> tuple[str, ...]:
        """Return the bake files that buildx would find by itself."""

    def dockerfile(self, target: Target) -> Dockerfile | None:
        """Return the target's parsed Dockerfile; None where the context is not a local folder."""

    def context_files(
        self, inputs: StageInputs, build: Build, dockerfile: str | None
    ) -> ContextFiles | Undetermined:
        """List the files that a stage reads, with their digests; or say why that cannot be told."""


class Console(Protocol):
    """Where progress and notes go while work is under way."""

    def begin(self, targets: Sequence[str]) -> None:
        """Learn which targets the coming events are about."""

    def event(self, event: Event) -> None:
        """Show progress."""

    def note(self, text: str) -> None:
        """Say one line."""

    def raw(self, line: str) -> None:
        """Take one line of BuildKit's own stream, before it is parsed."""
