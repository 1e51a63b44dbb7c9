"""What workflows need of the world; ``adapters`` has it on offer, ``cli`` hands it in."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Protocol

from whalebuild.bakefile.request import BakeRequest, EngineFacts
from whalebuild.bakefile.target import Target
from whalebuild.builder.listing import Builder
from whalebuild.builder.listing_cache_usage import Usage
from whalebuild.builder.nodes import Node
from whalebuild.buildkit.events import Event
from whalebuild.compose.containers import Container
from whalebuild.compose.model import Model
from whalebuild.compose.pull_progress import PullLine
from whalebuild.deploy.record import Entry, History
from whalebuild.dockerfile.parser import Dockerfile
from whalebuild.inputs.find import Build, ContextFiles, StageInputs, Undetermined
from whalebuild.oci.manifest import Descriptor, Manifest
from whalebuild.oci.reference import Reference
from whalebuild.published.host_images import HostImage, RunningImage


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

    def id(self) -> str:
        """The engine's own ID; another one after it was installed anew."""

    def facts(self) -> EngineFacts:
        """Look at the engine of the current docker context, whatever builder is chosen."""

    def images(self) -> tuple[HostImage, ...]:
        """All images that it has, those without a name as well."""

    def running(self) -> tuple[RunningImage, ...]:
        """The images of its running containers."""

    def used(self) -> tuple[RunningImage, ...]:
        """The images of all its containers, also those that do not run."""


class Project(Protocol):
    """A compose project and the engine that runs it. Every method may raise ``CommandFailedError``.

    References to images are of the engine's own, unless it is said otherwise.
    """

    def model(self) -> Model:
        """Resolve the project's files. Raises ``UsageError`` where they cannot be read."""

    def containers(self) -> tuple[Container, ...]:
        """All containers of the project, also those that do not run, and one-off ones."""

    def pull(self, images: Mapping[str, Reference]) -> Generator[PullLine, None, None]:
        """Pull images by digest, a name for each; closing the generator stops the pull."""

    def image_id(self, image: Reference) -> str | None:
        """The engine's ID of an image that it has; None if it has not."""

    def tag(self, image: str, name: Reference) -> None:
        """Have a name stand for an image, which is given by a name or its ID."""

    def untag(self, name: Reference) -> bool:
        """Take a name away, and the image with its last one; False where it is in use or gone."""

    def up(
        self,
        services: Sequence[str],
        *,
        images: Mapping[str, Reference],
        scales: Mapping[str, int] | None = None,
        recreate: bool = True,
        dependencies: bool = True,
        start: bool = True,
    ) -> None:
        """Run ``docker compose up --detach``; nothing is pulled for services of ``images``.

        Args:
            services: Which; all of the project if it is empty.
            images: What services are to run instead of what the files name. The name is part of
                what compose compares: with the files' own, tagged before, the next ``docker compose
                up`` finds nothing to do; with a digest it replaces the containers.
            scales: How many containers, by service.
            recreate: Whether containers whose configuration or image is another are replaced.
            dependencies: Whether services that these depend on are started as well.
            start: Whether containers are started, or made only.
        """

    def rejoin(self, container: str, networks: Mapping[str, Sequence[str]]) -> None:
        """Have a container leave networks, and come back by these names; it may run.

        It keeps its open connections, and nothing but names of what its service has there.
        """

    def start_trial(self, service: str, image: Reference) -> None:
        """Start one container of a service beside the others: no ports, no name in the network.

        Labelled ``dev.whalebuild.trial``; it depends on nothing that it starts.
        """

    def remove(self, containers: Sequence[str]) -> None:
        """Stop containers as their services wish, and remove them; those that are gone are none."""

    def logs(self, container: str, lines: int) -> str:
        """The last lines of a container's output."""


class Record(Protocol):
    """The record of a project's deployments on an engine, and its lock."""

    def read(self) -> History:
        """Read it all; a record that is not there yet is empty."""

    def add(self, entry: Entry) -> None:
        """Add an entry; whoever reads sees it whole or not at all."""


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

    def progress(self, what: str, how_far: str) -> None:
        """Say how far something is; the next one takes its place where that can be shown."""

    def raw(self, line: str) -> None:
        """Take one line of BuildKit's own stream, before it is parsed."""
