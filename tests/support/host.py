"""A ``published.ports.Host``: the engine of a compose project in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.builders import GOOD_FACTS
from tests.support.project import FakeProject
from whalebuild.builder.facts import BuilderFacts
from whalebuild.compose.containers import Container
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference, parse_reference
from whalebuild.published.host_images import HostImage, RunningImage
from whalebuild.published.kept import is_kept_name


@dataclass
class FakeHost:
    """See ``published.ports.Host``: the engine of such a project.

    Attributes:
        others: Images of containers that are none of the project's.
        down: Whether it answers nothing.
    """

    project: FakeProject
    others: list[RunningImage] = field(default_factory=list)
    about: BuilderFacts = GOOD_FACTS
    down: bool = False

    def __enter__(self) -> FakeHost:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def id(self) -> str:
        self._answer()
        return "ENGINE"

    def facts(self) -> BuilderFacts:
        self._answer()
        return self.about

    def space(self) -> None:
        """Its file system is not known."""

    def images(self) -> tuple[HostImage, ...]:
        self._answer()
        by_id: dict[str, list[Reference]] = {}
        for name, found in self.project.names.items():
            by_id.setdefault(found, []).append(parse_reference(name, where="test"))
        return tuple(_image(found, names) for found, names in by_id.items())

    def listed(self) -> tuple[HostImage, ...]:
        return self.images()

    def running(self) -> tuple[RunningImage, ...]:
        self._answer()
        return self._used(tuple(c for c in self.project.running if c.status == "running"))

    def used(self) -> tuple[RunningImage, ...]:
        self._answer()
        return self._used(tuple(self.project.running))

    def _used(self, containers: tuple[Container, ...]) -> tuple[RunningImage, ...]:
        mine = (RunningImage(each.image, each.image_name) for each in containers)
        return (*mine, *self.others)

    def _answer(self) -> None:
        if self.down:
            raise CommandFailedError("Cannot connect to the Docker daemon")


def _image(found: str, names: Sequence[Reference]) -> HostImage:
    own = [name for name in names if not is_kept_name(name)]
    return HostImage(
        found,
        tuple(name for name in own if name.tag),
        tuple(dict.fromkeys(Reference(name.repository, digest=found) for name in own)),
        kept=tuple(name for name in names if is_kept_name(name)),
    )
