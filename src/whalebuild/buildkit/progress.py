"""The state of a running build, folded from BuildKit's events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from whalebuild.buildkit.events import BuildWarning, Event, Log, Message, Step, Transfer

# "[app linux/amd64 dependencies 2/4] RUN pip install": an instruction of a Dockerfile. Bake
# writes the target first where it builds several.
_INSTRUCTION = re.compile(r"\[(?P<scope>(?:[^\]]+ )?)(?P<number>\d+)/\d+\] (?P<text>.*)", re.DOTALL)
_SCOPE = re.compile(r"\[(?P<first>[^\] ]+)[^\]]*\]")
# BuildKit's own: "exporting to image", or "[app] exporting to image" where bake builds several.
_EXPORT = re.compile(r"(?:\[[^\]]*\] )?exporting (?P<what>to image|cache)\b")
_IMPORT = re.compile(r"(?:\[[^\]]*\] )?importing cache manifest from (?P<source>\S+)")
# "linux/arm64", or "linux/amd64->arm64" where a step runs on one platform for another.
_PLATFORM = re.compile(r"(?P<own>(?P<system>[a-z0-9]+)/[a-z0-9/]+)(?:->(?P<other>[a-z0-9/]+))?")
_LAYER = "sha256:"
# Steps of buildx's own, before the builder has answered anything.
_CONNECTING = "[internal] waiting for connection"
_BOOTING = "[internal] booting buildkit"
_READING = "[internal] load local bake definitions"


@dataclass
class StepState:
    """One step: its names (one for each target that shares it), times, log and transfers."""

    digest: str
    names: dict[str, str] = field(default_factory=dict)
    started: float | None = None
    completed: float | None = None
    cached: bool = False
    ran: bool = False
    error: str = ""
    log: bytearray = field(default_factory=bytearray)
    layers: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in one line, as the first target that reported it calls it."""
        return " ".join(next(iter(self.names.values()), self.digest).split())

    @property
    def running(self) -> bool:
        """Whether it is being worked on."""
        return self.started is not None and self.completed is None

    @property
    def exported(self) -> str:
        """What it exports: ``to image``, ``cache``, or nothing."""
        found = _EXPORT.match(self.name)
        return found["what"] if found else ""

    @property
    def imported(self) -> str:
        """Where it imports a cache from, if it does."""
        found = _IMPORT.match(self.name)
        return found["source"] if found else ""

    @property
    def connects(self) -> bool:
        """Whether buildx waits in it for a builder of the driver "remote"."""
        return _CONNECTING in self.name

    @property
    def boots(self) -> bool:
        """Whether buildx starts a builder in it, of another driver."""
        return _BOOTING in self.name

    @property
    def is_instruction(self) -> bool:
        """Whether it is an instruction that makes something: not FROM, not BuildKit's own."""
        found = _INSTRUCTION.match(self.name)
        return found is not None and not found["text"].startswith(("FROM ", "LINK "))


@dataclass(frozen=True)
class Totals:
    """What a target took: instructions run and cached, bytes of layers pulled, seconds."""

    run: int
    cached: int
    pulled: int
    seconds: float


class BuildState:
    """Folds the events of one bake; the object lives through all attempts at it.

    Args:
        targets: Names of the targets that are built.
    """

    def __init__(self, targets: Sequence[str]) -> None:
        self.targets = tuple(targets)
        self.steps: dict[str, StepState] = {}
        self.messages: list[str] = []
        self.warnings: dict[str, BuildWarning] = {}

    def begin_attempt(self) -> None:
        """Start again after a failure: what ran is not called cached when it is met anew."""
        self.messages.clear()
        for step in self.steps.values():
            step.log.clear()
            step.ran = step.ran or (step.completed is not None and not step.cached)
            step.completed, step.error = (None, "") if step.error else (step.completed, "")

    def apply(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case Step():
                self._apply_step(event)
            case Transfer() if event.id.startswith(_LAYER):
                step = self._step(event.step)
                step.layers[event.id] = (event.current, event.total)
            case Log():
                self._step(event.step).log += event.data
            case BuildWarning():
                self.warnings.setdefault(event.text, event)
            case Message():
                self.messages.append(event.text)
            case _:
                pass

    def owner(self, step_name: str) -> str:
        """The target that a step's name says it belongs to."""
        if len(self.targets) == 1:
            return self.targets[0]
        found = _SCOPE.match(step_name)
        return found["first"] if found and found["first"] in self.targets else ""

    def totals(self, target: str) -> Totals:
        """What one target took; a step that targets share counts for each of them."""
        steps = [step for step in self.steps.values() if target in step.names]
        done = [step for step in steps if step.is_instruction and step.completed is not None]
        run = sum(1 for step in done if step.ran or not step.cached)
        times = [(s.started, s.completed) for s in steps if s.started and s.completed]
        seconds = max(e for _, e in times) - min(b for b, _ in times) if times else 0.0
        return Totals(run, len(done) - run, pulled_bytes(steps), seconds)

    def failed_step(self) -> StepState | None:
        """The step whose own process failed; its companions are only cancelled."""
        # One that imports a cache fails nothing: BuildKit goes on without it.
        failed = [step for step in self.steps.values() if step.error and not step.imported]
        blamed = [step for step in failed if "context canceled" not in step.error]
        return next(iter(blamed or failed), None)

    def failed_platforms(self, platforms: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        """The platforms that the failed step is for, as far as that can be told.

        Args:
            platforms: Those of each target.
        """
        step = self.failed_step()
        if step is None:
            return ()
        mine = tuple(dict.fromkeys(p for name in step.names for p in platforms.get(name, ())))
        scope = step.name.partition("]")[0].lstrip("[").split()
        named = [platform for word in scope if (platform := _platform(word)) in mine]
        return (named[0],) if named else mine

    @property
    def met_builder(self) -> bool:
        """Whether the builder has answered: it was asked for more than to be there."""
        return any(
            not (step.connects or step.boots or _READING in step.name)
            for step in self.steps.values()
        )

    @property
    def failed_export(self) -> str:
        """What could not be exported, if that is what failed: see ``StepState.exported``."""
        step = self.failed_step()
        return step.exported if step else ""

    @property
    def exported_cache(self) -> bool:
        """Whether a cache was the last to be exported, and no step has failed.

        On a disk that the cache fills up BuildKit leaves layers out, and then finds no space for
        what it notes of the build itself.
        """
        done = [step for step in self.steps.values() if step.completed is not None]
        last = max(reversed(done), key=lambda step: step.completed or 0.0, default=None)
        return self.failed_step() is None and last is not None and last.exported == "cache"

    @property
    def failed_imports(self) -> dict[str, str]:
        """Caches that could not be imported, with BuildKit's words; it goes on without them."""
        return {s.imported: s.error for s in self.steps.values() if s.error and s.imported}

    @property
    def built(self) -> frozenset[str]:
        """Targets whose every instruction is done: they are being exported, or were."""
        exporting = [step for step in self.steps.values() if step.exported and step.started]
        return frozenset(name for step in exporting for name in step.names if name)

    def _apply_step(self, event: Step) -> None:
        step = self._step(event.digest)
        step.names.setdefault(self.owner(event.name), event.name)
        step.started = event.started or step.started
        step.completed = event.completed if event.started else step.completed
        step.cached = step.cached or event.cached
        step.error = event.error or step.error

    def _step(self, digest: str) -> StepState:
        return self.steps.setdefault(digest, StepState(digest))


def pulled_bytes(steps: Iterable[StepState]) -> int:
    """Bytes of layers fetched from registries, each layer once."""
    layers: dict[str, int] = {}
    for step in steps:
        for layer, (current, _) in step.layers.items():
            layers[layer] = max(current, layers.get(layer, 0))
    return sum(layers.values())


def _platform(word: str) -> str:
    found = _PLATFORM.fullmatch(word)
    if found is None:
        return ""
    other = found["other"] or found["own"]
    return other if "/" in other else f"{found['system']}/{other}"


def failure_log(state: BuildState) -> str | None:
    """What to show of a failed build: the step, its whole log, and where it stands."""
    step = state.failed_step()
    if step is None:
        return None
    log = step.log.decode(errors="replace").rstrip()
    excerpt = [line for line in state.messages if not line.startswith(("ERROR: ", "View build"))]
    parts = [f"> {step.name}", log, "\n".join(excerpt).rstrip()]
    return "\n".join(part for part in parts if part)
