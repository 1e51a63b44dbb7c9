"""Values that a shell may complete: from docker's own files and from the bake file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from whalebuild.cli.completion.answer import Candidate, Given, files_given
from whalebuild.docker.buildx_store import given_platforms, stored_builders, stored_nodes
from whalebuild.docker.names import bake_targets, compose_services
from whalebuild.errors import WhalebuildError
from whalebuild.settings import PROGRESS_MODES
from whalebuild.source.project_folder import find_project
from whalebuild.source.settings_file import read_settings_layer

_USUAL = (
    *("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/386"),
    *("linux/ppc64le", "linux/riscv64", "linux/s390x"),
)


def values(kind: str, given: Given) -> Iterable[Candidate]:
    """Values of a kind; none where they are not known."""
    known = _KINDS.get(kind)
    return known(given) if known else ()


def _targets(given: Given) -> Iterable[Candidate]:
    """Those of the files that are named here, or of the project that is found from here."""
    files, folder = files_given(given.options), Path.cwd()
    with suppress(WhalebuildError):
        place = find_project(folder, os.environ, stay=bool(files))
        folder = place.root
        if not files:
            named, _ = read_settings_layer(place.settings, place.above).values.get("file", ((), ""))
            files = named if isinstance(named, tuple) else ()
    return bake_targets(files, folder)


def _services(given: Given) -> Iterable[Candidate]:
    return compose_services(files_given(given.options))


def _builders(given: Given) -> Iterable[Candidate]:
    stored = stored_builders(os.environ)
    found = [(name, f"driver {each.get('Driver') or 'unknown'}") for name, each in stored.items()]
    own = [("default", "the engine's own")]
    # Verbs about builders are about those that are there.
    choosing = [] if " builder " in given.page.path else [("auto", "the one that fits best")]
    return [*found, *own, *choosing]


def _platforms(_: Given) -> Iterable[Candidate]:
    nodes = (node for each in stored_builders(os.environ).values() for node in stored_nodes(each))
    found = [platform for node in nodes for platform in given_platforms(node)]
    return [(platform, "") for platform in dict.fromkeys((*found, *_USUAL))]


def _fixed(*words: str) -> Callable[[Given], Iterable[Candidate]]:
    return lambda _: [(word, "") for word in words]


_KINDS: dict[str, Callable[[Given], Iterable[Candidate]]] = {
    "TARGET": _targets,
    "SERVICE": _services,
    "BUILDER": _builders,
    "PLATFORM": _platforms,
    "MODE": _fixed(*PROGRESS_MODES),
    "DRIVER": _fixed("docker-container", "remote", "kubernetes"),
    "WHERE": _fixed("local", "running"),
    "PLACE": _fixed("before:", "after:"),
}
