"""The state of a running build, kept up to date from BuildKit's events."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from whalebuild.buildkit.events import BuildWarning, Event, Log, Message, Step, Transfer
from whalebuild.values import dataclass

# "[app linux/amd64 dependencies 2/4] RUN pip install": an instruction of a Dockerfile. Bake
# writes the target first where it builds several.
_INSTRUCTION = re.compile(r"\[(?P<scope>(?:[^\]]+ )?)(?P<number>\d+)/\d+\] (?P<text>.*)", re.DOTALL)
_SCOPE = re.compile(r"\[(?P<first>[^\] ]+)[^\]]*\]")
# A step of BuildKit itself; "[app] exporting to image" where bake builds several targets.
_EXPORT = re.compile(r"(?:\[[^\]]*\] )?exporting (?P<what>to image|cache)\b")
_IMPORT = re.compile(r"(?:\[[^\]]*\] )?importing cache manifest from (?P<source>\S+)")
# "linux/arm64", or "linux/amd64->arm64" where a step runs on one platform for another.
_PLATFORM = re.compile(r"(?P<own>(?P<system>[a-z0-9]+)/[a-z0-9/]+)(?:->(?P<other>[a-z0-9/]+))?")
_LAYER = "sha256:"
# What is sent of a folder on the client: "transferring context:" (``source/local`` of BuildKit).
_SENT = "transferring "
# Steps of buildx's own, before the builder has answered anything.
_CONNECTING = "[internal] waiting for connection"
_BOOTING = "[internal] booting buildkit"
_READING = "[internal] load local bake definitions"


@dataclass
class StepState:
    """One step, a vertex of BuildKit.

    Attributes:
        digest: BuildKit's identifier.
        names: Its name by target, for each target that shares it.
        started: Seconds since the epoch.
        completed: Seconds since the epoch.
        cached: Whether BuildKit took its result from the cache.
        ran: Whether it ran in an earlier attempt at this build.
        error: BuildKit's message; empty without one.
        log: Output of its process.
        layers: Bytes fetched so far and in all, by layer.
        inputs: Identifiers of the steps that it is made from.
        sends: Whether files of the client are sent in it.
        attempts: Numbers of the attempts in which it was part of the build.
    """

    digest: str
    names: dict[str, str] = field(default_factory=dict)
    started: float | None = None
    completed: float | None = None
    cached: bool = False
    ran: bool = False
    error: str = ""
    log: bytearray = field(default_factory=bytearray)
    layers: dict[str, tuple[int, int]] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    sends: bool = False
    attempts: set[int] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Its name in one line, as the first target that has it reported it."""
        return " ".join(next(iter(self.names.values()), self.digest).split())

    @property
    def running(self) -> bool:
        """Whether it has started and not completed."""
        return self.started is not None and self.completed is None

    @property
    def exported(self) -> str:
        """What it exports: ``to image``, ``cache``, or empty."""
        found = _EXPORT.match(self.name)
        return found["what"] if found else ""

    @property
    def imported(self) -> str:
        """The reference that it imports a cache from, or empty."""
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
    def keyword(self) -> str:
        """The keyword of the Dockerfile's instruction that it is, or empty.

        ``LINK`` is the second step of an instruction with ``--link``: it puts the layer that the
        first one made on top of others, and needs the content of none.
        """
        found = _INSTRUCTION.match(self.name)
        return found["text"].partition(" ")[0] if found else ""

    @property
    def is_instruction(self) -> bool:
        """Whether it is an instruction of a Dockerfile other than FROM."""
        return self.keyword not in {"", "FROM", "LINK"}

    @property
    def executed(self) -> bool:
        """Whether it was executed, in any attempt."""
        return self.completed is not None and (self.ran or not self.cached)


@dataclass(frozen=True)
class Totals:
    """The work for a target: instructions run and cached, bytes of layers pulled, seconds."""

    run: int
    cached: int
    pulled: int
    seconds: float


class BuildState:
    """The state of one bake, made from its events, over all attempts at it.

    Args:
        targets: Names of the targets that are built.
    """

    def __init__(self, targets: Sequence[str]) -> None:
        self.targets = tuple(targets)
        self.steps: dict[str, StepState] = {}
        self.messages: list[str] = []
        self.warnings: dict[str, BuildWarning] = {}
        self.attempts = 0

    def begin_attempt(self) -> None:
        """Start again after a failure: a step that ran is not counted as cached the second time."""
        self.messages.clear()
        self.attempts += 1
        for step in self.steps.values():
            step.log.clear()
            step.ran = step.ran or (step.completed is not None and not step.cached)
            step.completed, step.error = (None, "") if step.error else (step.completed, "")

    def apply(self, event: Event) -> None:
        """Update the state with one event."""
        match event:
            case Step():
                self._apply_step(event)
            case Transfer() if event.id.startswith(_LAYER):
                step = self._step(event.step)
                step.layers[event.id] = (event.current, event.total)
            case Transfer() if event.id.startswith(_SENT):
                self._step(event.step).sends = True
            case Log():
                self._step(event.step).log += event.data
            case BuildWarning():
                self.warnings.setdefault(event.text, event)
            case Message():
                self.messages.append(event.text)
            case _:
                pass

    def owner(self, step_name: str) -> str:
        """The target that a step belongs to by its name, or empty."""
        if len(self.targets) == 1:
            return self.targets[0]
        found = _SCOPE.match(step_name)
        return found["first"] if found and found["first"] in self.targets else ""

    def totals(self, target: str) -> Totals:
        """The work for one target; a step that targets share counts for each of them."""
        steps = [step for step in self.steps.values() if target in step.names]
        done = [step for step in steps if step.is_instruction and step.completed is not None]
        run = sum(1 for step in done if step.executed)
        times = [(s.started, s.completed) for s in steps if s.started and s.completed]
        seconds = max(e for _, e in times) - min(b for b, _ in times) if times else 0.0
        return Totals(run, len(done) - run, pulled_bytes(steps), seconds)

    def failed_step(self) -> StepState | None:
        """The step that failed; others with an error were only cancelled because of it.

        BuildKit pushes an image and exports its cache side by side (since 0.28), and whichever is
        cancelled ends with the other's error inside words of its own: the one that failed ended
        first. Buildx's last words are its error, too, which tells it from the export of a cache
        with ``ignore-error``: as an import of one, that may fail and fails no build.
        """
        failed = [step for step in self.steps.values() if step.error and not step.imported]
        causes = [step for step in failed if "context canceled" not in step.error]
        last_words = "\n".join(self.messages)
        told = [step for step in causes if step.error in last_words]
        ended = told or causes or failed
        return min(ended, key=lambda step: step.completed or math.inf, default=None)

    def failed_platforms(self, platforms: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        """The platforms that the failed step was for, as far as its name says so.

        Args:
            platforms: The platforms of each target.
        """
        step = self.failed_step()
        if step is None:
            return ()
        possible = tuple(dict.fromkeys(p for name in step.names for p in platforms.get(name, ())))
        scope = step.name.partition("]")[0].lstrip("[").split()
        named = [platform for word in scope if (platform := _platform(word)) in possible]
        return (named[0],) if named else possible

    @property
    def met_builder(self) -> bool:
        """Whether the builder has answered: it was asked for more than to be there."""
        return any(
            not (step.connects or step.boots or _READING in step.name)
            for step in self.steps.values()
        )

    @property
    def failed_export(self) -> str:
        """What could not be exported, see ``StepState.exported``; empty if no export failed."""
        step = self.failed_step()
        return step.exported if step else ""

    @property
    def exported_cache(self) -> bool:
        """Whether a cache was exported, and no step has failed.

        Where the cache fills the disk BuildKit leaves out layers without an error, and then fails
        outside of any step, when it stores its record of the build.
        """
        done = [step for step in self.steps.values() if step.completed is not None]
        return self.failed_step() is None and any(step.exported == "cache" for step in done)

    @property
    def failed_imports(self) -> dict[str, str]:
        """BuildKit's errors by cache that could not be imported, which fails no build."""
        return {s.imported: s.error for s in self.steps.values() if s.error and s.imported}

    @property
    def built(self) -> frozenset[str]:
        """Targets whose instructions are all done: their export has begun."""
        exporting = [step for step in self.steps.values() if step.exported and step.started]
        return frozenset(name for step in exporting for name in step.names if name)

    def _apply_step(self, event: Step) -> None:
        step = self._step(event.digest)
        step.names.setdefault(self.owner(event.name), event.name)
        step.started = event.started or step.started
        step.completed = event.completed if event.started else step.completed
        step.cached = step.cached or event.cached
        step.error = event.error or step.error
        step.inputs = event.inputs or step.inputs
        step.attempts.add(self.attempts)

    def _step(self, digest: str) -> StepState:
        return self.steps.setdefault(digest, StepState(digest))


def pulled_bytes(steps: Iterable[StepState]) -> int:
    """Bytes of layers fetched from registries, each layer counted once."""
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


def failure_log(state: BuildState, *, log_shown: bool = False) -> str | None:
    """What to show of a failed build: the step, its log, and buildx's excerpt of the Dockerfile.

    Args:
        state: Of the build.
        log_shown: Whether the user has seen the step's log, which is left out then.
    """
    step = state.failed_step()
    if step is None:
        return None
    log = "" if log_shown else step.log.decode(errors="replace").rstrip()
    excerpt = [line for line in state.messages if not line.startswith(("ERROR: ", "View build"))]
    parts = [f"> {step.name}", log, "\n".join(excerpt).rstrip()]
    return "\n".join(part for part in parts if part)
