"""What a deploy asks of a compose project, its engine and its record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from whalebuild.compose.configuration import Configuration, Contents
from whalebuild.compose.containers import Container
from whalebuild.compose.events import ContainerEvent
from whalebuild.compose.health import CheckResult
from whalebuild.compose.model import Model
from whalebuild.compose.pull_progress import PullLine
from whalebuild.compose.up import UpFlag
from whalebuild.deployments.record import Entry, History
from whalebuild.oci.reference import Reference


class Project(Protocol):
    """A compose project and the engine that runs it. Every method may raise ``CommandFailedError``.

    References to images are names on the engine, unless it says otherwise.
    """

    def model(self) -> Model:
        """Resolve the project's files. Raises ``UsageError`` where they cannot be read."""

    def contents(self) -> Contents:
        """Read the files that the project gives to its services, as far as they are here."""

    def files(self) -> Mapping[str, str]:
        """Texts of the project's compose files and ``.env``, by their names."""

    def as_it_was(self, model: Model | None) -> AbstractContextManager[None]:
        """Have all calls run this project instead of what its files say; None is for these."""

    def service_names(self) -> frozenset[str]:
        """All services of the project's files, also those of profiles that are not chosen."""

    def containers(self, ids: Collection[str] | None = None) -> tuple[Container, ...]:
        """All containers of the project, also those that do not run, and one-off ones.

        Args:
            ids: Only these, as far as they are still there. To list all takes the engine far
                longer than to look at some.
        """

    def events(self) -> AbstractContextManager[Events]:
        """What happens to the project's containers from now on, and what the engine remembers."""

    def pull(self, images: Mapping[str, Reference]) -> Generator[PullLine, None, None]:
        """Pull images by digest, a name for each; closing the generator stops the pull."""

    def image_id(self, image: Reference) -> str | None:
        """The engine's ID of an image that it has; None if it has not."""

    def named_images(self) -> Mapping[str, str]:
        """The engine's IDs of all images that have names, by these in docker's short form.

        One question, however many there are, and none until something may have changed them that
        is not done here: a pull, compose, a hook.
        """

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
        flags: Collection[UpFlag] = (),
        watch: Callable[[], None] | None = None,
    ) -> None:
        """Run ``docker compose up --detach``; nothing is pulled for services of ``images``.

        Args:
            services: Which; all of the project if it is empty.
            images: What services are to run instead of what the files name. The name is part of
                what compose compares: with the files' own, tagged before, the next ``docker compose
                up`` finds nothing to do; with a digest it replaces the containers.
            scales: How many containers, by service.
            flags: Of ``docker compose up``.
            watch: Called several times a second meanwhile; what it raises stops compose.
        """

    def rejoin(self, container: str, networks: Mapping[str, Sequence[str]]) -> None:
        """Have a container leave networks, and join them again under these names; it may run.

        It keeps its open connections. Of what the file gives its service in a network, such as an
        address of its own, it gets nothing back but the names.
        """

    def start_trial(
        self, service: str, image: Reference, *, watch: Callable[[], None] | None = None
    ) -> None:
        """Start one container of a service beside the others, by which nobody finds it.

        It has no ports, no name in the network, and none of the service's labels: proxies route to
        whatever has them. Labelled ``dev.whalebuild.trial``; it depends on nothing that it starts.
        """

    def stop(self, containers: Sequence[str]) -> None:
        """Stop containers with their services' signals and grace periods; they stay."""

    def remove(self, containers: Sequence[str], *, at_once: bool = False) -> None:
        """Stop containers with their services' signals and grace periods, and remove them.

        Containers that are gone already are passed over.

        Args:
            containers: Their IDs.
            at_once: Kill them instead.
        """

    def check_health(self, container: str) -> CheckResult | None:
        """Run a running container's own health check once more; None where it has none."""

    def logs(self, container: str, lines: int) -> str:
        """The last lines of a container's output."""


class Commands(Protocol):
    """Runs commands of the user's. Each returns the command's exit code.

    ``line`` gets what they print, line by line; ``watch`` is called several times a second, and
    what it raises ends the command. Each may raise ``CommandFailedError``: it could not be run.
    """

    def run(
        self,
        words: Sequence[str],
        env: Mapping[str, str],
        line: Callable[[str], None],
        watch: Callable[[], None],
    ) -> int:
        """Run a command on this machine, with these variables beside its own."""

    def run_in(
        self,
        container: str,
        words: Sequence[str],
        env: Mapping[str, str],
        line: Callable[[str], None],
        watch: Callable[[], None],
    ) -> int:
        """Run a command in a running container."""

    def run_once(
        self,
        service: str,
        image: Reference | None,
        words: Sequence[str],
        env: Mapping[str, str],
        line: Callable[[str], None],
        watch: Callable[[], None],
    ) -> int:
        """Run a command in a container of its own that nothing finds, and remove that.

        Args:
            service: Whose configuration it has.
            image: What it runs; None for what the project's files name.
            words: See the others; so for the rest.
            env: Variables.
            line: Gets lines.
            watch: Looks on.
        """


class Events(Protocol):
    """What happens to containers, as it happens."""

    def wait(self, seconds: float) -> Sequence[ContainerEvent] | None:
        """Wait until something happens, so many seconds at the most.

        Returns:
            What has happened, empty if nothing has; None where the engine does not tell, after half
            a second at the most: then it is for the caller to look.
        """


class Record(Protocol):
    """The record of a project's deployments on an engine, and its lock."""

    def read(self) -> History:
        """Read all of it; a record that does not exist yet is empty."""

    def add(self, entry: Entry) -> None:
        """Add an entry; a reader sees the whole entry or nothing of it."""


class Configurations(Protocol):
    """Configurations of a project's services that deployments started."""

    def read(self, digest: str) -> Configuration | None:
        """The one with a digest (``Configuration.digest``); None if it is not there, or damaged."""

    def all(self) -> Iterator[Configuration]:
        """All of them, the last that was kept first."""

    def keep(self, configuration: Configuration) -> str:
        """Keep one, and return its digest."""

    def drop_all_but(self, digests: Collection[str]) -> None:
        """Remove the others."""
