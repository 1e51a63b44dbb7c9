"""Pulls by digest, with retries and the bytes that are left."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import pytest

from tests.support.console import FakeConsole
from tests.support.project import FakeProject, model, service
from tests.support.record import version
from tests.support.retrier import patient
from whalebuild.compose.pull_progress import PullLine, layer_id
from whalebuild.deploy.pull import Puller
from whalebuild.deployplan.space import DiskSpace
from whalebuild.errors import EngineError, RefusedError, UnreachableError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.image_config import ImageConfig
from whalebuild.oci.reference import Reference
from whalebuild.published.download import (
    DownloadPart,
    HostSide,
    HostSource,
    ImageDiff,
    ImageToPull,
    LayerDiff,
)
from whalebuild.published.view import ImageView

WEB = version("1")
LAYER = f"sha256:{'a' * 64}"
RESET = CommandFailedError("read tcp 10.0.0.1:443: connection reset by peer")


def diff(image: Reference, *layers: tuple[str, int], size: int = 500) -> ImageDiff:
    digest = str(image.digest)
    to = ImageToPull(
        image, digest, None, "linux/amd64", ImageView(digest, size, None), ImageConfig()
    )
    parts = [
        DownloadPart(digest, size, on_host=False),
        DownloadPart(f"{digest}-config", 0, on_host=True),
    ]
    new = tuple(LayerDiff(each, count, None, None, None) for each, count in layers)
    return ImageDiff(HostSource(HostSide.LOCAL), to, None, parts[0], parts[1], new)


def line(text: str, current: int = 0, name: str = layer_id(LAYER)) -> PullLine:
    return PullLine(name, "web", text, current, 10_000)


class Pulls(FakeProject):
    """Each pull says these lines and fails so."""

    def __init__(self, *tries: tuple[list[PullLine], Exception | None]) -> None:
        super().__init__(model(service("web")))
        self.tries = list(tries)
        self.closed = 0

    def pull(self, images: Mapping[str, Reference]) -> Generator[PullLine, None, None]:
        self._ask("pull", {name: str(image) for name, image in images.items()})
        lines, failure = self.tries.pop(0)
        try:
            yield from lines
            if failure:
                raise failure
        finally:
            self.closed += 1


def pull(
    project: Pulls,
    images: Mapping[str, Reference] | None = None,
    diffs: tuple[ImageDiff, ...] = (diff(WEB, (LAYER, 10_000)),),
) -> tuple[FakeConsole, list[str]]:
    console, said = FakeConsole(), []
    puller = Puller(project, patient(3, said.append), console)
    puller.pull(images or {"web": WEB}, diffs)
    return console, said


def test_bytes_that_are_left() -> None:
    lines = [line("Downloading", 4000), line("Download complete"), line("Pull complete")]
    console, said = pull(Pulls((lines, None)))
    assert console.shown == [
        "pulling web: 6.5 KB of 10 KB left",
        "pulling web: 500 B of 10 KB left",
        "pulling web: 500 B of 10 KB left",
    ]
    assert said == []


def test_what_services_share_counts_once() -> None:
    other = version("2")
    diffs = (diff(WEB, (LAYER, 10_000)), diff(other, (LAYER, 10_000)))
    project = Pulls(([line("Pull complete")], None))
    console, _ = pull(project, {"web": WEB, "api": other}, diffs)
    assert console.shown == ["pulling web, api: 1.0 KB of 11 KB left"]


def test_a_retry_goes_on_from_what_is_there() -> None:
    project = Pulls(
        ([line("Downloading", 4000)], RESET),
        ([line("Downloading", 1000), line("Downloading", 6000)], None),
    )
    console, [said] = pull(project)
    assert said.startswith("retry 1/2 in ")
    assert "connection reset by peer" in said
    assert console.shown == [
        "pulling web: 6.5 KB of 10 KB left",
        "pulling web: 6.5 KB of 10 KB left",
        "pulling web: 4.5 KB of 10 KB left",
    ]
    assert project.closed == 2


@pytest.mark.parametrize(
    ("said", "error", "tries"),
    [
        (RESET.stderr, UnreachableError, 3),
        (
            "error from registry: denied: requested access to the resource is denied",
            RefusedError,
            1,
        ),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock", EngineError, 3),
        ("write /var/lib/docker/tmp: no space left on device", EngineError, 1),
    ],
    ids=["reset", "denied", "no engine", "full disk"],
)
def test_what_fails_for_good(said: str, error: type, tries: int) -> None:
    project = Pulls(*[([], CommandFailedError(said))] * 3)
    with pytest.raises(error):
        pull(project)
    assert len(project.asked) == tries


def test_an_image_that_the_registry_was_seen_to_have_may_come_yet() -> None:
    """Not one that nobody has seen there."""
    said = f"ERROR: registry.test/acme/web@{WEB.digest}: not found"
    project = Pulls(([], CommandFailedError(said)), ([], None))
    _, retries = pull(project)
    assert len(retries) == 1
    other = said.replace(str(WEB.digest), str(version("2").digest))
    project = Pulls(*[([], CommandFailedError(other))] * 3)
    with pytest.raises(RefusedError):
        pull(project)
    assert len(project.asked) == 1


def test_an_interrupt_stops_the_pull() -> None:
    class Stopped(FakeConsole):
        def progress(self, what: str, how_far: str, done: int | None = None) -> None:
            raise KeyboardInterrupt

    project = Pulls(([line("Downloading", 1), line("Downloading", 2)], None))
    with pytest.raises(KeyboardInterrupt):
        Puller(project, patient(), Stopped()).pull({"web": WEB}, ())
    assert project.closed == 1


def test_what_does_not_fit_is_not_begun() -> None:
    project, console = Pulls(([], None)), FakeConsole()
    puller = Puller(project, patient(2, console.note), console, lambda: DiskSpace("/data", 10))
    with pytest.raises(EngineError, match="no room"):
        puller.pull({"web": WEB}, [diff(WEB, (LAYER, 10_000))])
    assert project.asked == []


def test_where_it_is_tight_that_is_said() -> None:
    project, console = Pulls(([], None)), FakeConsole()
    puller = Puller(project, patient(2, console.note), console, lambda: DiskSpace("/data", 11_000))
    puller.pull({"web": WEB}, [diff(WEB, (LAYER, 10_000))])
    [note] = console.notes
    assert note.startswith("there is little room for what is pulled: 10 KB, unpacked more")
