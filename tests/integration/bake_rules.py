"""What a bake is to do, given what buildx does with the same words, and what is different.

``whalebuild bake`` is ``docker buildx bake``, but for these rules (docs/adr/0011-other-targets.md):

- A target without an output is pushed, if it has tags; with ``--load`` nothing is.
- What is pushed need not be in the engine, too.
- A pair's image is an index, whatever is in it.
- Beside an application are its dependencies, under ``:deps`` or ``-deps`` or their own target's
  tags.
- A call has no output, and exports no cache.
- Two targets that push different images under one tag are refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from tests.integration.bake_effects import Effects

_MADE_OF = (
    *("context", "contexts", "dockerfile", "dockerfile-inline", "args", "target", "platforms"),
    *("labels", "annotations", "attest"),
)
_CONTESTED = "there; which of several targets it is from is a matter of chance"
_IMAGES = frozenset({"image", "registry", "docker"})
_OTHER_NAMES = frozenset({"name", "push-by-digest"})


@dataclass(frozen=True)
class Rules:
    """The rules for one command.

    Attributes:
        targets: What buildx prints of those that the command asks for, by name.
        load: Whether ``--load`` was given.
        native: The platform that ``--load`` is for.
    """

    targets: Mapping[str, Mapping[str, Any]]
    load: bool
    native: str = "linux/amd64"

    def refused(self) -> bool:
        """Whether whalebuild refuses what buildx does: different images under one tag."""
        first: dict[str, Mapping[str, Any]] = {}
        publishing = [target for target in self.targets.values() if _publishes(target)]
        return any(
            _made_of(first.setdefault(tag, target)) != _made_of(target)
            for target in publishing
            for tag in _tags(target)
        )

    def buildx_may_fail(self) -> bool:
        """Whether buildx may fail at what whalebuild leaves out.

        It has not all that an output of a call needs, or stores two images under one tag at once
        ("already exists", of the containerd image store).
        """
        targets = self.targets.values()
        exporting = Counter(tag for t in targets for tag in _exported(t) if tag in _tags(t))
        calls = any(_call(target) and target.get("output") for target in targets)
        return calls or max(exporting.values(), default=0) > 1

    def differences(
        self, oracle: Effects, ours: Effects, all_targets: Callable[[], Mapping[str, Any]]
    ) -> Iterator[str]:
        """What whalebuild has done otherwise than it is to, given what buildx has done.

        Args:
            oracle: What buildx has done.
            ours: What whalebuild has done.
            all_targets: Looks up all targets of the bake file.
        """
        expected, found = self.expected(oracle), self.found(ours)
        extra = {tag for tag in found.pushed.keys() - expected.pushed.keys() if not _is_deps(tag)}
        if extra and not self.load:
            extra -= {tag for target in _dependencies(all_targets()) for tag in _tags(target)}
        pushed = {
            tag: image
            for tag, image in found.pushed.items()
            if tag in expected.pushed or tag in extra
        }
        yield from differences(vars(expected), vars(replace(found, pushed=pushed)))

    def expected(self, oracle: Effects) -> Effects:
        """What whalebuild is to have done where buildx has done this."""
        dropped = self._of_calls()
        files = {path: each for path, each in oracle.files.items() if not _below(path, dropped)}
        if self.load:
            return self._comparable(files, {}, _without(oracle.loaded, dropped))
        published = self._published()
        images = {**oracle.loaded, **oracle.pushed}
        pushed = {**_without(oracle.pushed, dropped), **{t: images.get(t) for t in published}}
        return self._comparable(files, pushed, _without(oracle.loaded, dropped | published))

    def found(self, ours: Effects) -> Effects:
        """What whalebuild has done, without what is its own business."""
        aside = set() if self.load else self._published()
        # Buildx 0.29 makes a file where an output is to be, even when it only prints the target.
        calls = self._of_calls()
        files = {path: each for path, each in ours.files.items() if not _below(path, calls)}
        return self._comparable(files, ours.pushed, _without(ours.loaded, aside))

    def _comparable(
        self, files: Mapping[str, Any], pushed: Mapping[str, Any], loaded: Mapping[str, Any]
    ) -> Effects:
        """Leave open what two targets write at the same time."""
        names = Counter(name for t in self.targets.values() for name in set(_exported(t)))
        contested = {name for name, count in names.items() if count > 1}

        def settled(found: Mapping[str, Any]) -> dict[str, Any]:
            return {n: _CONTESTED if _below(n, contested) else each for n, each in found.items()}

        if self.load:
            loaded = {tag: self._native(image) for tag, image in loaded.items()}
        # An image that buildx does not push has no annotations.
        bare = {tag for t in self.targets.values() if not t.get("output") for tag in _tags(t)}
        pushed = {tag: _unannotated(i) if tag in bare else i for tag, i in pushed.items()}
        return Effects(settled(files), settled(pushed), settled(loaded))

    def _published(self) -> set[str]:
        return {tag for t in self.targets.values() if _publishes(t) for tag in _tags(t)}

    def _of_calls(self) -> set[str]:
        """Tags and files of calls alone."""
        calls = {n for t in self.targets.values() if _call(t) for n in _exported(t)}
        return calls - {n for t in self.targets.values() if not _call(t) for n in _exported(t)}

    def _native(self, image: Any) -> Any:
        platforms = image.get("platforms", {}) if isinstance(image, dict) else {}
        if self.native not in platforms:
            return image
        return {**image, "platforms": {self.native: platforms[self.native]}}


def differences(expected: Any, found: Any, where: str = "") -> Iterator[str]:
    """Each place where two values differ, with both."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            yield from differences(expected.get(key), found.get(key), f"{where}/{key}")
    elif expected != found and not (where.endswith("/kind") and found == "pair"):
        yield f"{where}: expected {expected!r}, found {found!r}"


def _is_deps(tag: str) -> bool:
    """Whether a tag is one that dependencies have beside their application."""
    return tag.endswith((":deps", "-deps"))


def _dependencies(targets: Mapping[str, Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The targets that a bake file has for dependencies."""
    contexts = [target.get("contexts", {}).get("dependencies") for target in targets.values()]
    for name, target in targets.items():
        if str(target.get("target")).lower() == "dependencies" or f"target:{name}" in contexts:
            yield target


def _call(target: Mapping[str, Any]) -> bool:
    return target.get("call", "build").partition(",")[0] not in {"", "build"}


def _publishes(target: Mapping[str, Any]) -> bool:
    outputs = target.get("output", ())
    if _call(target) or any(_OTHER_NAMES & output.keys() for output in outputs):
        return False
    return not outputs or any(_pushes(output) for output in outputs)


def _pushes(output: Mapping[str, str]) -> bool:
    return output["type"] in {"registry", "image"} and output.get("push") != "false"


def _made_of(target: Mapping[str, Any]) -> dict[str, Any]:
    return {name: target.get(name) for name in _MADE_OF}


def _tags(target: Mapping[str, Any]) -> list[str]:
    """A target's tags, without the registry."""
    return [_tag(tag) for tag in target.get("tags", ())]


def _tag(name: str) -> str:
    last = PurePath(name).name
    return last if ":" in last else f"{last}:latest"


def _exported(target: Mapping[str, Any]) -> Iterator[str]:
    """Tags and paths that a target's outputs, and its cache, are at; of each output its own."""
    for output in target.get("output") or [{"type": "image"}]:
        # Tags go before a name of the output (``toSolveOpt`` in ``build/opt.go`` of buildx).
        if output["type"] in _IMAGES and "dest" not in output and _tags(target):
            yield from _tags(target)
        elif "name" in output:
            yield _tag(output["name"])
    for each in (*target.get("output", ()), *target.get("cache-to", ())):
        if "dest" in each:
            yield str(PurePath("project", each["dest"])).replace("project/../", "")


def _without(images: Mapping[str, Any], tags: set[str]) -> dict[str, Any]:
    return {tag: image for tag, image in images.items() if tag not in tags}


def _unannotated(image: Any) -> Any:
    """An image's content without its annotations, wherever they are."""
    if not isinstance(image, dict):
        return image
    kept = {name: each for name, each in image.items() if name not in {"annotations", "descriptor"}}
    return {name: _unannotated(each) for name, each in kept.items()}


def _below(path: str, places: set[str]) -> bool:
    return any(str(each) in places for each in (path, *PurePath(path).parents))
