"""What a command has left: tags, images in the engine, files. As a value, and as a phrase."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tests.integration.compatibility.images import Image, Tagged

#: How a row begins to tell of whalebuild's own tags.
BUNDLES = "pushes the bundle"
_HERE = {"linux/amd64"}
_FEW = 2


@dataclass(frozen=True)
class Seen:
    """What came of one tool's command.

    Attributes:
        output: All that it said; ``stdout`` is its standard output alone.
        pushed: By tag (``app:latest``), what it has put into its repositories.
        loaded: By tag, what the engine alone has.
        written: By path relative to the project, files that are new or changed, and a comparable
            form of what is in them.
    """

    exit: int
    output: str
    stdout: str
    pushed: Mapping[str, Tagged]
    loaded: Mapping[str, Tagged]
    written: Mapping[str, object]

    @property
    def bundles(self) -> list[str]:
        """The tags of published dependencies, which only whalebuild has."""
        return [tag for tag, tagged in self.pushed.items() if tagged.is_bundle]

    @property
    def asked_for(self) -> dict[str, Tagged]:
        """What is pushed beside them."""
        return {tag: found for tag, found in self.pushed.items() if not found.is_bundle}

    def phrase(self, shows: Iterable[Callable[[Seen], str]] = (), *, bundles: bool = False) -> str:
        """What was done, as the table has it: ``pushes app (amd64, arm64); writes out/``.

        Args:
            shows: What else is looked at.
            bundles: Whether whalebuild's own are told.
        """
        clauses = [
            _clause(BUNDLES, self.bundles if bundles else ()),
            _clause("pushes", (_with_platforms(*each) for each in self.asked_for.items())),
            _clause("loads", (_with_platforms(*each) for each in self.loaded.items())),
            _clause("writes", _paths(self.written)),
            *(f"exit {self.exit}" for _ in range(1) if self.exit),
            *(show(self) for show in shows if not self.exit),
        ]
        return "; ".join(filter(None, clauses)) or "nothing"

    def image(self, name: str) -> Image:
        """The one image behind a tag, wherever it is."""
        return {**self.pushed, **self.loaded}[_full(name)].only


def expected(clauses: str) -> tuple[str, list[str]]:
    """What a row says: the phrase of what is done, and the words that are said."""
    said = re.compile(r"(?:says|exit \d+): (.*)")
    parts = clauses.split("; ")
    words = [match[1] for match in map(said.fullmatch, parts) if match]
    done = [p.partition(":")[0] if p.startswith("exit ") else p for p in parts]
    return "; ".join(p for p in done if not p.startswith("says: ")) or "nothing", words


def plain(text: str) -> str:
    """Words without line ends, colours and numbered prefixes, to look for others in them."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())


def file(name: str, path: str) -> Callable[[Seen], str]:
    """The text of a file in an image."""

    def show(seen: Seen) -> str:
        found = seen.image(name).files.get(path)
        return f"{path} is {found.content.strip()!r}" if found else f"no {path}"

    return show


def written(path: str) -> Callable[[Seen], str]:
    """The text of a file that was written."""

    def show(seen: Seen) -> str:
        found = seen.written.get(path)
        text = found.decode().strip() if isinstance(found, bytes) else found
        return f"{path} is {text!r}" if found is not None else f"no {path}"

    return show


def files(name: str) -> Callable[[Seen], str]:
    """The paths of an image's files."""

    def show(seen: Seen) -> str:
        found = seen.image(name).files
        return "has " + ", ".join(sorted(path for path, each in found.items() if each.kind != "d"))

    return show


def label(name: str, key: str) -> Callable[[Seen], str]:
    def show(seen: Seen) -> str:
        found = seen.image(name).config.get("Labels", {})
        return f"{key} is {found[key]!r}" if key in found else f"no {key}"

    return show


def variable(name: str, key: str) -> Callable[[Seen], str]:
    def show(seen: Seen) -> str:
        given = seen.image(name).config.get("Env", [])
        found = dict(each.partition("=")[::2] for each in given)
        return f"{key} is {found[key]!r}" if key in found else f"no {key}"

    return show


def annotations(name: str) -> Callable[[Seen], str]:
    """The annotations of an index and of its manifests."""

    def show(seen: Seen) -> str:
        tagged = seen.pushed[_full(name)]
        parts = [f"index {k}={v}" for k, v in sorted(tagged.annotations.items())]
        of_images = {(k, v) for i in tagged.images.values() for k, v in i.annotations.items()}
        return ", ".join([*parts, *(f"manifest {k}={v}" for k, v in sorted(of_images))]) or "none"

    return show


def attested(name: str) -> Callable[[Seen], str]:
    """What is attested of an image, on each platform."""

    def show(seen: Seen) -> str:
        images = seen.pushed[_full(name)].images.values()
        kinds = sorted(set().union(*(image.attestations for image in images)))
        return f"attested: {', '.join(kinds) or 'nothing'}"

    return show


def _full(name: str) -> str:
    return name if ":" in name else f"{name}:latest"


def _clause(verb: str, things: Iterable[str]) -> str:
    listed = ", ".join(sorted(things))
    return f"{verb} {listed}" if listed else ""


def _with_platforms(tag: str, tagged: Tagged) -> str:
    name = tag.removesuffix(":latest")
    platforms = set(tagged.images)
    if all(image.is_empty for image in tagged.images.values()):
        return f"{name} (empty)"
    if platforms == _HERE:
        return name
    return f"{name} ({', '.join(sorted(p.removeprefix('linux/') for p in platforms))})"


def _paths(paths: Iterable[str]) -> list[str]:
    """Paths; of a folder with many files its name."""
    folders: dict[str, list[str]] = {}
    for path in sorted(paths):
        top = re.match(r"(?:\.\./)*[^/]+/?", path)
        assert top, path
        folders.setdefault(top[0], []).append(path)
    return [p for top, paths in folders.items() for p in (paths if len(paths) <= _FEW else [top])]
