"""The inputs that the deps key names are those that BuildKit reads.

BuildKit's records, and what each is good for:

- The LLB definition in max-mode provenance has, for every step, the sources of each COPY and the
  selector of each mount with their patterns, and the Dockerfile's line. It is what the cache keys
  are computed from, and it is exact: it is compared one to one, with lines.
- ``local.followpaths`` of the local source tells what the client was asked to *send*. That is
  more: a tmpfs mount asks for the whole context, and a stage that a named context replaces still
  asks for what its parents read. Only "all that is read is sent" holds, and is checked.
- Which files the patterns select is recorded nowhere. So files are touched, on one engine with its
  cache: those that we do not name leave every step cached, each one that we name does not.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dockerfile_cases import (
    CASES,
    LINES,
    REFUSED,
    REFUSED_STAGE,
    REMOTE,
    Case,
)
from tests.integration.sandbox import Sandbox
from whalebuild.adapters.context_files import LocalContextFiles
from whalebuild.core.dockerfile import parse_dockerfile
from whalebuild.core.dockerignore import read_ignore_file
from whalebuild.core.inputs import (
    Build,
    ContextFiles,
    StageInputs,
    Undetermined,
    find_inputs,
)
from whalebuild.core.lock import Lock, make_lock

HERE = "linux/amd64"
STEPS = ("COPY", "ADD", "RUN", "WORKDIR", "LINK", "ONBUILD")
Read = tuple[str | None, int | None, str, tuple[str, ...], tuple[str, ...]]


@dataclass
class Prepared:
    """A case on disk: what we say of it, and what BuildKit said."""

    case: Case
    folder: Path
    text: str
    build: Build
    inputs: StageInputs
    files: ContextFiles
    lock: Lock
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_linked(self) -> bool:
        """Whether it stands on another bake target."""
        return any(context.target for context in self.inputs.contexts)

    @property
    def is_never_cached(self) -> bool:
        """Whether a folder is a base image: BuildKit keys it by the session, not by content."""
        return any(read.instruction.upper().startswith("FROM") for read in self.inputs.reads)

    @property
    def own_files(self) -> list[Path]:
        """All files of the case that may be touched."""
        spared = {self.case.dockerfile, ".dockerignore", f"{self.case.dockerfile}.dockerignore"}
        spared.add("docker-bake.json")
        found = (path for path in self.folder.rglob("*") if path.is_file() or path.is_symlink())
        return sorted(p for p in found if str(p.relative_to(self.folder)) not in spared)

    def named(self) -> list[Path]:
        """The files that we say are read."""
        return sorted(
            self.folder / (self.build.contexts[entry.context] if entry.context else "") / entry.path
            for entry in self.files.entries
            if entry.kind == "file"
        )

    def key(self) -> str:
        return compute(self.case, self.folder, self.text, self.build)[2].key


def compute(
    case: Case, folder: Path, text: str, build: Build
) -> tuple[StageInputs, ContextFiles, Lock]:
    inputs = find_inputs(parse_dockerfile(text), case.stage, build)
    assert isinstance(inputs, StageInputs), (case.name, inputs)
    files = LocalContextFiles(folder).list_files(inputs, build, case.dockerfile)
    assert isinstance(files, ContextFiles), (case.name, files)
    targets = {context.target: "its key" for context in inputs.contexts if context.target}
    lock = make_lock(inputs, files, targets={name: key for name, key in targets.items() if name})
    assert isinstance(lock, Lock)
    return inputs, files, lock


def prepare(case: Case, root: Path, replaced: dict[str, str]) -> Prepared:
    def fill(text: str) -> str:
        for name, value in replaced.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    folder = root / case.name
    for name in case.files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{case.name} {name}\n")
    for name, target in case.links.items():
        (folder / name).symlink_to(target)
    text = fill(case.dockerfile_text)
    written = [(case.dockerfile, text), (".dockerignore", case.ignore)]
    for name, content in [*written, (f"{case.dockerfile}.dockerignore", case.own_ignore)]:
        if content is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
    build = Build(
        args={name: fill(value) for name, value in case.args.items()},
        contexts={name: fill(value) for name, value in case.contexts.items()},
        platforms=case.platforms,
        build_platform=HERE,
    )
    return Prepared(case, folder, text, build, *compute(case, folder, text, build))


def bake_target(prepared: Prepared, root: Path) -> dict[str, Any]:
    case, folder = prepared.case, prepared.folder.relative_to(root)
    contexts = {
        name: f"{folder}/{value.removeprefix('./')}" if value.startswith("./") else value
        for name, value in prepared.build.contexts.items()
    }
    attributes = {
        "context": str(folder),
        "dockerfile": case.dockerfile,
        "target": case.stage,
        "args": dict(prepared.build.args),
        "contexts": contexts,
        "platforms": list(case.platforms),
        "output": ["type=cacheonly"],
    }
    return {name: value for name, value in attributes.items() if value}


@dataclass
class Differential:
    """All cases in one bake file: one invocation builds them all."""

    root: Path
    sandbox: Sandbox
    cases: dict[str, Prepared]

    def bake(self, *targets: str) -> tuple[dict[str, Any], dict[str, set[str]]]:
        """Build; return buildx's metadata, and by target the steps that were not cached."""
        metadata = self.root / "metadata.json"
        done = self.sandbox.run(
            *("docker", "buildx", "bake", "--progress=rawjson", "--metadata-file", metadata),
            *targets,
            cwd=self.root,
            env={"BUILDX_METADATA_PROVENANCE": "max", "BUILDX_BAKE_ENTITLEMENTS_FS": "0"},
        )
        assert done.returncode == 0, done.stderr[-3000:]
        steps: dict[str, tuple[str, bool]] = {}
        for line in done.stderr.splitlines():
            for vertex in json.loads(line).get("vertexes", ()) if line.startswith("{") else ():
                if vertex.get("completed") and vertex.get("inputs"):
                    steps[vertex["digest"]] = (vertex["name"], bool(vertex.get("cached")))
        told = {name for name, case in self.cases.items() if not case.is_never_cached}
        run: dict[str, set[str]] = {name: set() for name in told}
        for name, cached in steps.values():
            place, _, command = name.removeprefix("[").partition("] ")
            target = place.split(" ")[0]
            if not cached and target in run and command.startswith(STEPS):
                run[target].add(command)
        return json.loads(metadata.read_text()), run


@pytest.fixture(scope="module")
def http_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on the loopback interface, which the engine reaches, too."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            pass

    served = tmp_path_factory.mktemp("served")
    (served / "remote.txt").write_bytes(REMOTE)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=served)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def differential(
    sandbox: Sandbox, http_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Differential:
    """All cases, built once."""
    root = tmp_path_factory.mktemp("cases")
    replaced = {"python": sandbox.python_image, "http": http_address, "lines": LINES}
    cases = {case.name: prepare(case, root, replaced) for case in CASES}
    definition = {
        "group": {"default": {"targets": list(cases)}},
        "target": {name: bake_target(prepared, root) for name, prepared in cases.items()},
    }
    (root / "docker-bake.json").write_text(json.dumps(definition))
    found = Differential(root, sandbox, cases)
    metadata, _ = found.bake()
    for name, prepared in cases.items():
        prefix = "buildx.build.provenance"
        for key, record in metadata[name].items():
            if key == prefix or key.startswith(f"{prefix}/"):
                prepared.records[key.partition("/")[2] or prepared.inputs.platforms[0]] = record
    return found


@pytest.fixture(params=[case.name for case in CASES])
def prepared(request: pytest.FixtureRequest, differential: Differential) -> Prepared:
    return differential.cases[request.param]


def definition(record: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[str], int | None]]:
    """The steps of a record: operation, steps that it stands on, line in the Dockerfile."""
    locations = record["metadata"]["https://mobyproject.org/buildkit@v1#metadata"]["source"]
    for step in record["buildConfig"]["llbDefinition"]:
        place = locations["locations"].get(step["id"], {}).get("locations")
        line = place[0]["ranges"][0]["start"]["line"] if place else None
        yield step["op"]["Op"], [i.partition(":")[0] for i in step.get("inputs", ())], line


def local_sources(record: dict[str, Any]) -> dict[str, tuple[str | None, dict[str, str]]]:
    """Steps that send a folder: by their ids, the named context and attributes."""
    found = {}
    for step in record["buildConfig"]["llbDefinition"]:
        source = step["op"]["Op"].get("source", {})
        if source.get("identifier", "").startswith("local://"):
            name = source["identifier"].removeprefix("local://")
            found[step["id"]] = (None if name == "context" else name, source.get("attrs", {}))
    return found


def recorded_reads(record: dict[str, Any]) -> set[Read]:
    """What BuildKit's steps read from folders."""
    local = local_sources(record)
    reads: set[Read] = set()
    for operation, inputs, line in definition(record):
        for action in operation.get("file", {}).get("actions", ()):
            copied, first, second = (
                action["Action"].get("copy"),
                action.get("input", 0),
                action.get("secondaryInput", 0),
            )
            if 0 <= first < len(inputs) and inputs[first] in local:
                reads.add((local[inputs[first]][0], None, ".", (), ()))
            if copied and 0 <= second < len(inputs) and inputs[second] in local:
                patterns = (copied.get("exclude_patterns", ()), copied.get("include_patterns", ()))
                name, source = local[inputs[second]][0], os.path.normpath(copied["src"])
                reads.add((name, line, source[1:] or ".", *map(tuple, patterns)))
        for mount in operation.get("exec", {}).get("mounts", ()):
            number = mount.get("input", 0)
            if 0 <= number < len(inputs) and inputs[number] in local:
                source = mount.get("selector", "/").removeprefix("/") or "."
                whole = mount["dest"] == "/"
                reads.add((local[inputs[number]][0], None if whole else line, source, (), ()))
    return reads


def our_reads(prepared: Prepared, platform: str) -> set[Read]:
    (closure,) = [c for c in prepared.inputs.closures if c.platform == platform]
    return {
        (
            read.context,
            None if read.instruction.upper().startswith("FROM") else read.line,
            source,
            read.excludes,
            (),
        )
        for read in closure.reads
        for source in read.sources
    }


def test_every_platform_has_a_record(prepared: Prepared) -> None:
    assert set(prepared.records) == set(prepared.inputs.platforms)


def test_the_reads_are_those_of_buildkits_steps(prepared: Prepared) -> None:
    for platform, record in prepared.records.items():
        ours, theirs = our_reads(prepared, platform), recorded_reads(record)
        # What a linked target reads is in the record, too, with lines of its own file.
        assert ours <= theirs if prepared.is_linked else ours == theirs


def test_the_instructions_are_those_of_buildkits_steps(prepared: Prepared) -> None:
    """Each COPY, ADD, RUN and WORKDIR of the stages that we name is a step, and no other is."""
    parsed = parse_dockerfile(prepared.text)
    for platform, record in prepared.records.items():
        (closure,) = [c for c in prepared.inputs.closures if c.platform == platform]
        stages = [s for s in parsed.stages if s.line in {part.line for part in closure.stages}]
        ours = {
            step.line
            for stage in stages
            for step in stage.instructions
            if step.keyword in {"COPY", "ADD", "RUN", "WORKDIR"}
        }
        ours |= {read.line for read in closure.reads if read.line in {s.line for s in stages}} - {
            read.line for read in closure.reads if read.instruction.upper().startswith("FROM")
        }
        theirs = {line for op, _, line in definition(record) if line and not op.get("source")}
        assert ours <= theirs if prepared.is_linked else ours == theirs


def test_images_and_urls_are_those_that_buildkit_fetched(prepared: Prepared) -> None:
    for platform, record in prepared.records.items():
        (closure,) = [c for c in prepared.inputs.closures if c.platform == platform]
        theirs = {op["source"]["identifier"] for op, _, _ in definition(record) if "source" in op}
        images = {name.partition("@")[0] for name in theirs if name.startswith("docker-image://")}
        assert {f"docker-image://{image.reference}" for image in closure.images} == images
        urls = {name for name in theirs if name.startswith("http")}
        assert {remote.url for remote in closure.remotes} == urls


def test_all_that_is_read_is_sent_and_ignored_files_are_not(prepared: Prepared) -> None:
    case = prepared.case
    for platform, record in prepared.records.items():
        for name, attributes in local_sources(record).values():
            sent = json.loads(attributes.get("local.followpaths", '["."]'))
            read = {r[2] for r in our_reads(prepared, platform) if r[0] == name}
            assert read <= set(sent) or sent == ["."]
            if name is None:
                text = case.ignore if case.own_ignore is None else case.own_ignore
                ignored = json.loads(attributes.get("local.excludepatterns", "[]"))
                assert ignored == list(read_ignore_file(text or ""))


def touch(paths: list[Path], mark: str) -> None:
    for path in paths:
        path.write_text(f"{path.read_text()}# {mark}\n")  # a comment, in ignore files too


def test_files_that_are_named_are_those_that_make_buildkit_build(
    differential: Differential,
) -> None:
    cases = differential.cases.values()
    keys = {case.case.name: case.key() for case in cases}
    named = {case.case.name: case.named() for case in cases}

    # Nothing of what we do not name makes a step run: other files, new files, times.
    for case in cases:
        read = {path.resolve() for path in named[case.case.name]}
        others = [p for p in case.own_files if p.resolve() not in read and not p.is_symlink()]
        touch(others, "touched")
        for path in case.own_files:
            os.utime(path, (1, 1), follow_symlinks=False)
        assert case.key() == keys[case.case.name], case.case.name
    _, run = differential.bake()
    assert {name: steps for name, steps in run.items() if steps} == {}

    # Each file that we name does, and its mode does.
    for turn in range(max(map(len, named.values())) + 1):
        expected = set()
        for case in cases:
            name, paths = case.case.name, named[case.case.name]
            if turn < len(paths):
                touch([paths[turn]], f"turn {turn}")
            elif turn == len(paths) and paths:
                paths[0].chmod(0o600)
            else:
                continue
            if not case.is_never_cached:
                expected.add(name)
            assert case.key() != keys[name], (name, turn)
            keys[name] = case.key()
        _, run = differential.bake(*expected)
        # Which of two linked targets buildx names a step after is left to chance.
        linked = {case.case.name for case in cases if case.is_linked} | {"linked-to"}
        assert {name for name, steps in run.items() if steps} - linked == expected - linked


@pytest.mark.parametrize("name", REFUSED)
def test_what_buildkit_refuses_is_undetermined(
    name: str, sandbox: Sandbox, tmp_path: Path, differential: Differential
) -> None:
    text = REFUSED[name].replace("{python}", sandbox.python_image)
    stage = REFUSED_STAGE.get(name, "deps")
    (tmp_path / "Dockerfile").write_text(text)
    (tmp_path / "x").write_text("x")
    build = ("docker", "buildx", "build", "--target", stage, "--output", "type=cacheonly", ".")
    assert sandbox.run(*build, cwd=tmp_path).returncode != 0
    found = find_inputs(parse_dockerfile(text), stage, Build(build_platform=HERE))
    if name == "mount-from-index":
        # BuildKit takes the index for an image's name; so do we, and the registry has none.
        assert isinstance(found, StageInputs)
        assert [base.reference for base in found.bases] == [sandbox.python_image, "0"]
    else:
        assert isinstance(found, Undetermined)
