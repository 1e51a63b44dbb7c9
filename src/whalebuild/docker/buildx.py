"""``docker buildx``: bakes, prints bake files, and tells what a builder is.

``Buildx`` asks at once; ``PrefetchingBuildx`` stands before it, and has asked before the answer is
wanted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.config import read_json
from whalebuild.docker.environment import (
    OF_OWN_FILE,
    WITHOUT_GIT_LABELS,
    Changes,
    looks_up_variables,
)
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.runtime.threads import Submit
from whalebuild.values import dataclass

if TYPE_CHECKING:
    from whalebuild.bakefile.request import BakeRequest
    from whalebuild.builder.facts import BuilderFacts
    from whalebuild.builder.nodes import Node
    from whalebuild.builder.ports import BuilderQuestions
    from whalebuild.docker.exports import ExportFolder
    from whalebuild.plan.ports import PlanEngine

T = TypeVar("T")
_TEN_YEARS = "87600h"
_NO_FLAG = "unknown flag: --var"


class Buildx:
    """The docker client on PATH. A context manager: leaving it stops what still runs."""

    def __init__(self) -> None:
        self._calls = DockerCalls()
        self.metadata: Mapping[str, Any] = {}
        self.printed = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.close()

    def prepare(self) -> None:
        """Import meanwhile what a build needs, so that it begins at once."""
        Submit()(self._calls.prepare)

    def print_bake(self, request: BakeRequest) -> object:
        """See ``plan.ports.BakeFiles``."""
        files, env = self._files(request)
        # buildx says here already what it does not know of --allow.
        words = [
            *(f"--set={override}" for override in request.overrides),
            *(f"--allow={each}" for each in request.allow),
            *_elsewhere(request),
            *request.targets,
        ]

        def read(flags: Sequence[str], variables: Mapping[str, str]) -> object:
            call = ["buildx", "bake", "--print", *_named(files), *flags, *words]
            return self._calls.json(call, {**env, **variables})

        return _with_variables(request.variables, read)

    def target_names(self, request: BakeRequest) -> tuple[str, ...]:
        """See ``plan.ports.BakeFiles``."""
        listed = self._listing(request, "type=targets,format=json", self._calls.json)
        items = listed if isinstance(listed, list) else []
        targets = (item for item in items if isinstance(item, dict) and not item.get("group"))
        return tuple(str(item["name"]) for item in targets if item.get("name"))

    def listing(self, request: BakeRequest, what: str) -> str:
        """What ``buildx bake --list`` prints.

        Raises:
            CommandFailedError: The bake file cannot be read, or there is no such list.
            EngineError: There is no docker client.
        """
        return self._listing(request, what, self._calls.run)

    def _listing(
        self,
        request: BakeRequest,
        what: str,
        ask: Callable[[Sequence[str], Mapping[str, str | None]], T],
    ) -> T:
        files, env = self._files(request)

        def read(flags: Sequence[str], variables: Mapping[str, str]) -> T:
            call = ["buildx", "bake", f"--list={what}", "--progress=quiet", *_named(files), *flags]
            call += _elsewhere(request)
            return ask(call, {**env, **variables})

        return _with_variables(request.variables, read)

    def _files(self, request: BakeRequest) -> tuple[Sequence[str | Path], Changes]:
        """The bake files to read, and what to change of the environment for them."""
        if request.definition is None:
            return request.files, {}
        return [self._definition(request.definition)], OF_OWN_FILE

    def keep(self, text: bytes) -> Path:
        """Write a bake file into the scratch folder; its name says no language, as ``-`` does."""
        file = self._calls.file(".standard-input")
        file.write_bytes(text)
        return file

    def facts(self, builder: str | None) -> BuilderFacts:
        """See ``builder.ports.BuilderQuestions``."""
        return self._questions.facts(builder)

    def boot(self, builder: str | None) -> BuilderFacts:
        """See ``builder.ports.BuilderQuestions``."""
        return self._questions.boot(builder)

    def has_builder(self, name: str) -> bool:
        """See ``builder.ports.BuilderQuestions``."""
        return self._questions.has_builder(name)

    def nodes(self, builder: str | None) -> tuple[Node, ...]:
        """See ``builder.ports.BuilderQuestions``."""
        return self._questions.nodes(builder)

    @cached_property
    def _questions(self) -> BuilderQuestions:
        # Not before the first process has been started, which it does not need.
        from whalebuild.docker.builder_questions import DockerQuestions  # noqa: PLC0415

        return DockerQuestions(self._calls)

    def bake(
        self,
        definition: Mapping[str, Any],
        *,
        builder: str | None,
        allow: Sequence[str],
        git_labels: bool = True,
        call: str | None = None,
    ) -> Generator[str, None, None]:
        """See ``bake.ports.BakeEngine``."""
        file, metadata = self._definition(definition), self._calls.file(".json")
        printed = self._calls.file(".txt")
        env = OF_OWN_FILE | ({} if git_labels else WITHOUT_GIT_LABELS)
        try:
            with self._calls.client(env, plugin="buildx", output=printed) as docker:
                # There are no parameters for these; buildx takes flags among the targets.
                flags = [f"--allow={entitlement}" for entitlement in allow]
                yield from docker.buildx.bake(
                    [*flags, *([f"--call={call}"] if call else [])],
                    files=[file],
                    builder=builder,
                    metadata_file=metadata,
                    progress="rawjson",  # type: ignore[arg-type] # passed through
                    stream_logs=True,
                )
        finally:
            self.printed = printed.read_text(errors="replace") if printed.exists() else ""
        said = read_json(metadata)
        self.metadata = {name: each for name, each in said.items() if isinstance(each, dict)}

    def export_folder(self) -> ExportFolder:
        """See ``bake.ports.BakeEngine``."""
        from whalebuild.docker.exports import ExportFolder  # noqa: PLC0415

        folder = self._calls.file(".export")
        folder.mkdir()
        return ExportFolder(folder)

    def drop_broken(self, builder: str | None) -> None:
        """See ``bake.ports.BakeEngine``.

        BuildKit holds what it fetched of an image's manifest and configuration for five minutes,
        with the OCI worker its layers too. If it has all bytes, and they are not the right ones, it
        fetches nothing more: every build fails the same way. A prune of whatever kind ends this
        unless another build is under way (``CancelCacheLeases`` in ``control/control.go``); this
        one removes nothing else.
        """
        # There is no parameter for the builder.
        env: Changes = {"BUILDX_BUILDER": builder} if builder else {}
        with self._calls.client(env, plugin="buildx") as docker:
            docker.buildx.prune(filters={"until": _TEN_YEARS})

    def _definition(self, definition: Mapping[str, Any]) -> Path:
        """Write a bake file into the scratch folder, which only this user may read."""
        file = self._calls.file(".json")
        file.write_text(json.dumps(definition))
        return file


def _named(files: Sequence[str | Path]) -> list[str]:
    return [word for file in files for word in ("--file", str(file))]


def _elsewhere(request: BakeRequest) -> list[str]:
    """Words by which a bake file is read that is elsewhere."""
    if not request.remote or request.definition is not None:
        return []
    return [*([f"--builder={request.builder}"] if request.builder else []), *request.remote]


def _with_variables(
    variables: Mapping[str, str], read: Callable[[Sequence[str], Mapping[str, str]], T]
) -> T:
    """Read a bake file with variables: in the environment, where argument lists do not show them.

    Args:
        variables: By name.
        read: Does it with these flags, and these variables in the environment.
    """
    if not variables or looks_up_variables(os.environ):
        return read([], variables)
    try:
        return read([f"--var={name}={value}" for name, value in variables.items()], {})
    except CommandFailedError as failed:
        if _NO_FLAG not in failed.stderr:
            raise
        return read([], variables)  # before 0.31 buildx always looks them up


@dataclass
class PrefetchingBuildx:
    """Asks docker ahead what a plan is going to ask, and hands out each answer once."""

    engine: PlanEngine
    _submit: Submit = field(default_factory=Submit)
    _facts: dict[str | None, Future[BuilderFacts]] = field(default_factory=dict)
    _printed: list[tuple[BakeRequest, Future[object]]] = field(default_factory=list)
    _listed: list[tuple[BakeRequest, Future[tuple[str, ...]]]] = field(default_factory=list)

    def begin_facts(self, builder: str | None) -> None:
        """Look at the builder ahead."""
        self._facts[builder] = self._submit(lambda: self.engine.facts(builder))

    def begin_print(self, request: BakeRequest) -> None:
        """Read the bake file ahead."""
        printed = self._submit(lambda: self.engine.print_bake(request))
        self._printed.append((request, printed))

    def begin_names(self, request: BakeRequest) -> None:
        """List the bake file's targets ahead."""
        listed = self._submit(lambda: self.engine.target_names(request))
        self._listed.append((request, listed))

    def facts(self, builder: str | None) -> BuilderFacts:
        """See ``builder.ports.BuilderQuestions``."""
        ahead = self._facts.pop(builder, None)
        return ahead.result() if ahead else self.engine.facts(builder)

    def nodes(self, builder: str | None) -> tuple[Node, ...]:
        """See ``builder.ports.BuilderQuestions``."""
        return self.engine.nodes(builder)

    def has_builder(self, name: str) -> bool:
        """See ``builder.ports.BuilderQuestions``."""
        return self.engine.has_builder(name)

    def boot(self, builder: str | None) -> BuilderFacts:
        """See ``builder.ports.BuilderQuestions``."""
        return self.engine.boot(builder)

    def print_bake(self, request: BakeRequest) -> object:
        """See ``plan.ports.BakeFiles``."""
        for begun in self._printed:
            if begun[0] == request:
                self._printed.remove(begun)
                return begun[1].result()
        return self.engine.print_bake(request)

    def target_names(self, request: BakeRequest) -> tuple[str, ...]:
        """See ``plan.ports.BakeFiles``."""
        for begun in self._listed:
            if begun[0] == request:
                self._listed.remove(begun)
                return begun[1].result()
        return self.engine.target_names(request)
