"""What ``whalebuild doctor`` asks of the docker client and its engine."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whalebuild.docker.buildx_store import chosen_builder
from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.config import context_name
from whalebuild.docker.engine_connection import engine_endpoint
from whalebuild.docker.environment import OF_OWN_FILE
from whalebuild.docker.info import client_info, engine_info, facts_of
from whalebuild.doctor.facts import (
    ClientFacts,
    EngineAddress,
    EngineFacts,
    LintWarning,
    ProxyFacts,
    Use,
)
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.failures.failure import redact

# Where installers of Docker, Docker Desktop, Rancher Desktop and OrbStack put the client.
_USUAL_FOLDERS = (
    "/usr/bin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
    "/snap/bin",
    "~/.docker/bin",
    "~/.rd/bin",
    "~/.orbstack/bin",
    "/Applications/Docker.app/Contents/Resources/bin",
)
_UNITS = {"k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class DockerCheckup:
    """See ``doctor.ports.DockerQuestions``."""

    def __init__(self, calls: DockerCalls, env: Mapping[str, str] = os.environ) -> None:
        self._calls = calls
        self._env = env

    def client(self) -> ClientFacts:
        """See ``doctor.ports.DockerQuestions``."""
        said = self._calls.run(["--version"])
        return ClientFacts(shutil.which("docker") or "docker", said.strip())

    def client_elsewhere(self) -> str | None:
        """See ``doctor.ports.DockerQuestions``."""
        folders = (str(Path(each).expanduser()) for each in _USUAL_FOLDERS)
        return next((each for each in folders if shutil.which("docker", path=each)), None)

    def plugin(self, name: str) -> str:
        """See ``doctor.ports.DockerQuestions``."""
        return self._calls.run([name, "version"])

    def address(self) -> EngineAddress:
        """See ``doctor.ports.DockerQuestions``."""
        by_variable = "DOCKER_HOST" if self._env.get("DOCKER_HOST") else ""
        chosen_by = by_variable or f'context "{context_name(self._env)}"'
        return EngineAddress(engine_endpoint(self._env), chosen_by)

    def engine(self) -> EngineFacts:
        """See ``doctor.ports.DockerQuestions``."""
        asked = engine_info(self._env)
        found = client_info(self._calls) if asked is None else asked
        now = datetime.now(UTC)
        facts = facts_of(context_name(self._env), found)
        root = found.get("DockerRootDir")
        # That of an engine in a virtual machine, or far away, is no folder here.
        here = isinstance(root, str) and asked is not None and Path(root).is_dir()
        return EngineFacts(
            version=str(found.get("ServerVersion") or "of no known version"),
            containerd_store=facts.containerd_store,
            platform=facts.platform,
            data_root=root if here else None,
            ahead=_ahead(found.get("SystemTime"), now),
            proxies=tuple(_proxies(found)) if here else (),
        )

    def uses(self) -> tuple[Use, ...]:
        """See ``doctor.ports.DockerQuestions``."""
        lines = self._calls.run(["system", "df", "--format", "{{json .}}"]).splitlines()
        return tuple(found for line in lines if (found := _use(line)))

    def lint(
        self, definition: Mapping[str, Any], builder: str | None
    ) -> Mapping[str, tuple[LintWarning, ...]]:
        """See ``doctor.ports.DockerQuestions``.

        buildx ends with an error where there are findings; they are printed all the same.
        https://docs.docker.com/reference/cli/docker/buildx/build/#check
        """
        file, printed = self._calls.file(".json"), self._calls.file(".json")
        file.write_text(json.dumps(definition))
        words = ["buildx", "bake", "--file", str(file), "--call", "check,format=json"]
        words += ["--progress", "quiet", *(["--builder", builder] if builder else [])]
        # What it reads was read already to plan, and it writes nothing.
        words += ["--allow", "fs.read=*", "--allow", "fs.write=*"]
        failed: EngineError | None = None
        try:
            self._calls.run(words, OF_OWN_FILE, output=printed)
        except CommandFailedError as error:
            failed = error
        found = _read_lint(printed)
        if found is None:
            raise failed or EngineError("buildx printed no findings")
        return found


def choice_of_buildx(env: Mapping[str, str]) -> tuple[str | None, str]:
    """The builder that buildx would use, and what chose it."""
    name = chosen_builder(env)
    if env.get("BUILDX_BUILDER"):
        return name, "BUILDX_BUILDER"
    return name, "docker buildx use" if name else "the docker context"


def _ahead(said: object, now: datetime) -> float | None:
    """Seconds by which an engine's clock is ahead; it writes nanoseconds."""
    if not isinstance(said, str):
        return None
    with suppress(ValueError):
        return (datetime.fromisoformat(said) - now).total_seconds()
    return None


def _proxies(info: Mapping[str, Any]) -> Iterator[ProxyFacts]:
    for name in ("HttpProxy", "HttpsProxy"):
        if address := info.get(name):
            yield ProxyFacts(redact(str(address)), f"the engine's {name}")


def _use(line: str) -> Use | None:
    try:
        found = json.loads(line)
        kind, size = str(found["Type"]), str(found["Size"])
    except (ValueError, KeyError, TypeError):
        return None
    if found.get("TotalCount") == "0":  # there are none: the bytes are those of another kind
        return None
    reclaimable = str(found.get("Reclaimable") or "0B")
    return Use(kind, size, reclaimable, _bytes(reclaimable.partition(" ")[0]))


def _bytes(text: str) -> int:
    """``1.2GB`` as the docker client writes it."""
    number, unit = text.rstrip("B"), 1
    if number[-1:] in _UNITS:
        number, unit = number[:-1], _UNITS[number[-1]]
    try:
        return int(float(number) * unit)
    except ValueError:
        return 0


def _read_lint(printed: Path) -> dict[str, tuple[LintWarning, ...]] | None:
    try:
        targets = json.loads(printed.read_text())["target"]
        return {name: tuple(_warnings(found.get("check"))) for name, found in targets.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _warnings(check: Any) -> Iterator[LintWarning]:
    """The findings of one target; names of files are those of their sources.

    ``LintResults`` in ``frontend/subrequests/lint`` of BuildKit: what it cannot build has its error
    beside the warnings.
    """
    if not isinstance(check, dict):
        return
    sources = check.get("sources") or []
    if error := check.get("buildError"):
        file, line = _place(error, sources)
        yield LintWarning(file, line, "", str(error.get("message") or ""), refused=True)
    for each in check.get("warnings") or []:
        file, line = _place(each, sources)
        detail = str(each.get("detail") or each.get("description") or "")
        rule, url = str(each.get("ruleName") or ""), str(each.get("url") or "")
        yield LintWarning(file, line, rule, detail, url)


def _place(found: Mapping[str, Any], sources: Sequence[Any]) -> tuple[str, int | None]:
    """The file and the line, as far as they are known."""
    location = found.get("location") or {}
    ranges = location.get("ranges") or [{}]
    number = location.get("sourceIndex") or 0
    file = sources[number].get("filename") if 0 <= number < len(sources) else None
    return str(file or "Dockerfile"), (ranges[0].get("start") or {}).get("line")
