"""A ``deployplan.ports.Project`` in memory; IDs of images are digests, as with containerd."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tests.support.registry import FakeRegistry
from whalebuild.compose.configuration import Contents
from whalebuild.compose.containers import Container
from whalebuild.compose.events import ContainerEvent
from whalebuild.compose.hashes import service_hash
from whalebuild.compose.health import CheckResult
from whalebuild.compose.model import Model, Service
from whalebuild.compose.pull_progress import PullLine
from whalebuild.compose.up import UpFlag
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference, familiar, parse_reference

#: The time, and when containers were started unless a test says otherwise.
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
STARTED = "2026-11-27T09:00:00.123456789Z"


def service(name: str, image: str | None = None, **more: object) -> Service:
    """A service of ``registry.test/acme/NAME:latest``, unless another image is given."""
    named = parse_reference(image or f"registry.test/acme/{name}:latest", where="test")
    return replace(Service(name, named), **more)  # type: ignore[arg-type]


def model(*services: Service, name: str = "shop") -> Model:
    return Model(name, {each.name: each for each in services}, {})


@dataclass
class FakeProject:
    """See ``deployplan.ports.Project``.

    Attributes:
        made: What the project's files say.
        names: IDs of the engine's images, by name.
        running: Containers, of whatever status.
        looks: What a started container is like (``status``, ``health``, ...), by its image's ID.
        fails: Errors that calls raise, the next one first, by the method's name.
        said: What containers have printed, by ID.
        checks: What their health checks say when run once more, by ID; else what they say already.
        asked: The calls, in order: the method's name and what it was given.
        unchosen: Services of profiles that are not chosen.
        registry: Where it pulls from; without one, it gets whatever is asked for.
        inside: What is in the files that the services are given.
        filed: The texts of the project's own files.
        step: Is called before anything is asked for or changed; may raise.
        sleep: As ``time.sleep``: what waiting for events does.
        happens: What ``Events.wait`` returns, the next one first; then None: the caller looks.
    """

    made: Model
    names: dict[str, str] = field(default_factory=dict)
    running: list[Container] = field(default_factory=list)
    looks: dict[str, dict[str, object]] = field(default_factory=dict)
    fails: dict[str, list[Exception]] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    checks: dict[str, CheckResult] = field(default_factory=dict)
    asked: list[tuple[object, ...]] = field(default_factory=list)
    unchosen: tuple[str, ...] = ()
    registry: FakeRegistry | None = None
    inside: Contents = field(default_factory=Contents)
    filed: dict[str, str] = field(default_factory=dict)
    step: Callable[[], None] = lambda: None
    sleep: Callable[[float], None] = lambda _: None
    happens: list[list[ContainerEvent] | None] = field(default_factory=list)
    images: None = None  # it has its own
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def has(self, *images: Reference) -> None:
        """Put images on the engine, by digest only."""
        for image in images:
            self.names[f"{image.repository}@{image.digest}"] = str(image.digest)

    def run(self, name: str, image: Reference, **more: object) -> Container:
        """Add a running container that compose started by an image's tag."""
        self.has(image)
        named = Reference(image.repository, image.tag)
        self.names[str(named)] = str(image.digest)
        return self._start(name, named, **more)

    def model(self) -> Model:
        self._ask("model")
        return self.made

    def contents(self) -> Contents:
        self._ask("contents")
        return self.inside

    def files(self) -> Mapping[str, str]:
        self._ask("files")
        return self.filed

    @contextmanager
    def as_it_was(self, model: Model | None) -> Iterator[None]:
        before = self.made
        self.made = model or before
        try:
            yield
        finally:
            self.made = before

    def service_names(self) -> frozenset[str]:
        self._ask("service_names")
        return frozenset({*self.made.services, *self.unchosen})

    def containers(self, ids: Collection[str] | None = None) -> tuple[Container, ...]:
        self._ask("containers", *(() if ids is None else ("some",)))
        return tuple(each for each in self.running if ids is None or each.id in ids)

    def events(self) -> AbstractContextManager[FakeProject]:
        return contextlib.nullcontext(self)

    def wait(self, seconds: float) -> list[ContainerEvent] | None:
        """Is the ``Events`` as well."""
        self.sleep(seconds)
        return self.happens.pop(0) if self.happens else None

    def pull(self, images: Mapping[str, Reference]) -> Generator[PullLine, None, None]:
        self._ask("pull", {name: str(image) for name, image in images.items()})
        for name, image in images.items():
            yield PullLine(name, "", "Pulling")
            self._fetch(image)
            yield PullLine(name, "", "Pulled")

    def image_id(self, image: Reference) -> str | None:
        self._ask("image_id", str(image))
        untagged = f"{image.repository}@{image.digest}" if image.digest else str(image)
        return self.names.get(untagged)

    def named_images(self) -> dict[str, str]:
        self._ask("named_images")
        return {familiar(name): image for name, image in self.names.items()}

    def tag(self, image: str, name: Reference) -> None:
        self._ask("tag", image, str(name))
        found = self.names.get(image) or (image if image in self.names.values() else None)
        if found is None:
            raise CommandFailedError(f"Error response from daemon: No such image: {image}")
        self.names[str(name)] = found

    def untag(self, name: Reference) -> bool:
        self._ask("untag", str(name))
        found = self.names.get(str(name))
        if found is None:
            return False
        others = [other for other, each in self.names.items() if each == found]
        if len(others) == 1 and any(each.image == found for each in self.running):
            return False
        del self.names[str(name)]
        return True

    def up(
        self,
        services: Sequence[str],
        *,
        images: Mapping[str, Reference],
        scales: Mapping[str, int] | None = None,
        flags: Collection[UpFlag] = (),
        watch: Callable[[], None] | None = None,
    ) -> None:
        if watch:
            watch()
        given = {name: str(image) for name, image in images.items()}
        self._ask("up", tuple(services), given, dict(scales or {}))
        for name in services or self.made.services:
            about = self.made.services[name]
            image = images.get(name) or about.image
            assert image, name
            if name not in images and about.pull_policy == "always":
                self.pull_tag(name)
            count = (scales or {}).get(name, about.replicas)
            self._converge(name, image, count, flags)

    def rejoin(self, container: str, networks: Mapping[str, Sequence[str]]) -> None:
        names = {network: tuple(aliases) for network, aliases in networks.items()}
        self._ask("rejoin", container, names)
        for network, aliases in names.items():
            self._in(container, lambda known, n=network: {k: known[k] for k in known if k != n})
            self._in(container, lambda known, n=network, a=aliases: {**known, n: a})

    def _in(self, container: str, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Change the networks of a container."""
        self.step()
        for n, each in enumerate(self.running):
            if each.id == container:
                self.running[n] = replace(each, aliases=change(each.aliases))

    def pull_tag(self, name: str) -> None:
        """``docker compose pull`` of one service, as the file names it."""
        image = self.made.services[name].image
        assert image, name
        self.names[str(image)] = self._fetch(image)

    def _converge(self, name: str, image: Reference, count: int, flags: Collection[UpFlag]) -> None:
        """As ``pkg/compose/convergence.go``: what is out of date goes first where there is too
        much, is replaced one by one, and what has stopped is started again.
        """
        start = UpFlag.NO_START not in flags
        mine = [each for each in self.running if each.service == name and not each.oneoff]
        networks = set(self.made.services[name].networks)
        stale = {
            each.id
            for each in mine
            if UpFlag.NO_RECREATE not in flags
            and (
                UpFlag.FORCE_RECREATE in flags
                or each.image != self._id(image)
                or each.config_hash != self._hash(name)
                or (each.status == "running" and not networks <= set(each.aliases))
            )
        }
        mine.sort(key=lambda each: each.id not in stale)
        while len(mine) > count:
            self._stop(mine.pop(0).id)
        for each in mine:
            if each.id in stale:
                self._stop(each.id)
                self._start(name, image)
            elif start and each.status not in {"running", "restarting"}:
                self._stop(each.id)
                kept = {"id": each.id, "name": each.name, "aliases": each.aliases}
                self._start(name, each.image_name or image, **kept)
        for _ in range(len(mine), count):
            self._start(name, image, **({} if start else {"status": "created", "health": ""}))

    def _stop(self, container: str) -> None:
        self.step()
        self.running = [each for each in self.running if each.id != container]

    def _fetch(self, image: Reference) -> str:
        """Pull an image; returns its digest."""
        self.step()
        digest = image.digest
        if self.registry:
            if self.registry.down:
                raise CommandFailedError(self.registry.down)
            found = self.registry.manifests.get(
                (image.repository, digest or self.registry.tags[image.repository, str(image.tag)])
            )
            if found is None:
                raise CommandFailedError(f"ERROR: {image}: not found")
            digest = found.digest
        assert digest, "without a registry only by digest"
        self.has(Reference(image.repository, digest=digest))
        return digest

    def start_trial(
        self, service: str, image: Reference, *, watch: Callable[[], None] | None = None
    ) -> None:
        if watch:
            watch()
        self._ask("start_trial", service, str(image))
        self._start(service, image, oneoff=True, trial=True)

    def stop(self, containers: Sequence[str]) -> None:
        self._ask("stop", tuple(containers))
        for n, each in enumerate(self.running):
            if each.id in containers:
                self.running[n] = replace(each, status="exited", exit_code=143, health="")

    def check_health(self, container: str) -> CheckResult | None:
        self._ask("check_health", container)
        [found] = [each for each in self.running if each.id == container]
        return self.checks.get(container) or CheckResult(found.health != "unhealthy")

    def remove(self, containers: Sequence[str], *, at_once: bool = False) -> None:
        self._ask("remove", tuple(containers), *(["at once"] if at_once else []))
        for each in containers:
            self._stop(each)

    def logs(self, container: str, lines: int) -> str:
        self._ask("logs", container, lines)
        return "\n".join(self.said.get(container, "").splitlines()[-lines:])

    def _start(self, of: str, image: Reference, **more: object) -> Container:
        self.step()
        found = self._id(image)
        number = next(self._numbers)
        looks = {**self.looks.get(found, {}), **more}
        name = f"shop-{of}-{number}"
        made = Container(f"c{number}", name, of, found, image_name=image, started=STARTED)
        if not more.get("oneoff"):
            networks = self.made.services[of].networks if of in self.made.services else {}
            names = {network: (made.name, of, *extra) for network, extra in networks.items()}
            made = replace(made, aliases=names, config_hash=self._hash(of))
        self.running.append(replace(made, **looks))  # type: ignore[arg-type]
        return self.running[-1]

    def _hash(self, of: str) -> str:
        return service_hash((self.made.raw.get("services") or {}).get(of) or {}, self.running)

    def _id(self, image: Reference) -> str:
        found = self.names.get(str(image)) or (image.digest if self._knows(image) else None)
        if found is None:
            raise CommandFailedError(f"Error response from daemon: No such image: {image}")
        return found

    def _knows(self, image: Reference) -> bool:
        return image.digest is not None and image.digest in self.names.values()

    def _ask(self, name: str, *given: object) -> None:
        self.step()
        self.asked.append((name, *given))
        waiting = self.fails.get(name)
        if waiting:
            raise waiting.pop(0)
