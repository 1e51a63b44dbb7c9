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
import shutil
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dockerfile_cases import (
    CASES,
    FEW,
    LINES,
    REFUSED,
    REFUSED_STAGE,
    REMOTE,
    Case,
)
from tests.integration.remote_sources import GitRepository, git_server, http_server
from tests.integration.sandbox import Sandbox
from tests.support.marks import extended
from whalebuild.bundle.lock import Lock, make_lock
from whalebuild.dockerfile.ignorefile import read_ignore_file
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.inputs.find import find_inputs
from whalebuild.inputs.values import Build, ContextFiles, StageInputs, Undetermined
from whalebuild.source.context import LocalContextFiles

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
        spared |= set(self.case.ignore_files)
        found = (path for path in self.folder.rglob("*") if path.is_file() or path.is_symlink())
        return sorted(p for p in found if str(p.relative_to(self.folder)) not in spared)

    def named(self, kind: str) -> list[Path]:
        """The files, or folders, that we say are read."""
        return sorted(
            self.folder / (self.build.contexts[entry.context] if entry.context else "") / entry.path
            for entry in self.files.entries
            if entry.kind == kind
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
    written = {
        case.dockerfile: text,
        ".dockerignore": case.ignore,
        f"{case.dockerfile}.dockerignore": case.own_ignore,
        **case.ignore_files,
    }
    for name, content in written.items():
        if content is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content.encode())
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
    """Cases in one bake file: one invocation builds them all.

    Attributes:
        broken: Cases that could not be built, and why: their tests fail, and no others.
    """

    root: Path
    sandbox: Sandbox
    cases: dict[str, Prepared]
    broken: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Have what goes wrong in the block be this case's."""
        try:
            yield
        except Exception:  # noqa: BLE001 - whatever it is
            self.cases.pop(name, None)
            self.broken[name] = traceback.format_exc()

    def build(self) -> None:
        """Build all, and note what BuildKit records."""
        write_bake_file(self)
        metadata = self.root / "metadata.json"
        recorded = ("--metadata-file", str(metadata))
        env = {"BUILDX_METADATA_PROVENANCE": "max"}
        try:
            self._bake(*recorded, env=env)
        except AssertionError:
            for name in list(self.cases):
                with self.alone(name):
                    self._bake(name, env=env)
            write_bake_file(self)
            self._bake(*recorded, env=env)
        found = json.loads(metadata.read_text())
        for name, prepared in list(self.cases.items()):
            with self.alone(name):
                prepared.records = _records(found[name], prepared.inputs.platforms[0])

    def bake(self, *targets: str) -> dict[str, set[str]]:
        """Build; return by target the steps that were not cached."""
        quick = {"BUILDX_METADATA_PROVENANCE": "disabled", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
        steps: dict[str, tuple[str, bool]] = {}
        for line in self._bake(*targets, env=quick):
            for vertex in json.loads(line).get("vertexes", ()) if line.startswith("{") else ():
                if vertex.get("completed") and vertex.get("inputs"):
                    # One that ran in a bake that was tried again is cached there.
                    ran = not vertex.get("cached")
                    ran |= steps.get(vertex["digest"], ("", False))[1]
                    steps[vertex["digest"]] = (vertex["name"], ran)
        run: dict[str, set[str]] = {name: set() for name in self.cases}
        for name, has_run in steps.values():
            place, _, command = name.removeprefix("[").partition("] ")
            target = place.split(" ")[0]
            if has_run and target in run and command.startswith(STEPS):
                run[target].add(command)
        return run

    def _bake(self, *words: str, env: dict[str, str]) -> list[str]:
        """Bake; what it says of each step. Once more if it fails: what was built is cached then."""
        said = []
        for _ in range(2):
            done = self.sandbox.run(
                *("docker", "buildx", "bake", "--progress=rawjson", *words),
                cwd=self.root,
                env={"BUILDX_BAKE_ENTITLEMENTS_FS": "0", **env},
            )
            said += done.stderr.splitlines()
            if done.returncode == 0:
                return said
        raise AssertionError(done.stderr[-3000:])

    def moved(self, root: Path) -> Differential:
        """The same in another place: the engine has seen nothing of it yet."""
        there = {}
        for name, prepared in self.cases.items():  # folders are known by their own names
            folder = root / f"{name}-{root.name}"
            shutil.copytree(prepared.folder, folder, symlinks=True)
            there[name] = replace(prepared, folder=folder)
        return write_bake_file(Differential(root, self.sandbox, there))


def _records(metadata: dict[str, Any], platform: str) -> dict[str, Any]:
    """The provenance by platform; that of a build for one platform does not name it."""
    prefix = "buildx.build.provenance"
    return {
        key.partition("/")[2] or platform: record
        for key, record in metadata.items()
        if key == prefix or key.startswith(f"{prefix}/")
    }


def write_bake_file(differential: Differential) -> Differential:
    root, cases = differential.root, differential.cases
    definition = {
        "group": {"default": {"targets": list(cases)}},
        "target": {name: bake_target(prepared, root) for name, prepared in cases.items()},
    }
    (root / "docker-bake.json").write_text(json.dumps(definition))
    return differential


@pytest.fixture(scope="module")
def http_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    served = tmp_path_factory.mktemp("served")
    (served / "remote.txt").write_bytes(REMOTE)
    with http_server(served) as address:
        yield address


@pytest.fixture(scope="module")
def repository_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitRepository]:
    with git_server(tmp_path_factory.mktemp("git")) as repository:
        yield repository


@pytest.fixture(scope="module")
def differential(
    request: pytest.FixtureRequest,
    sandbox: Sandbox,
    http_address: str,
    repository_address: GitRepository,
    tmp_path_factory: pytest.TempPathFactory,
) -> Differential:
    """The cases that the tests to be run ask for, built once."""
    root = tmp_path_factory.mktemp("cases")
    replaced = {"python": sandbox.python_image, "http": http_address, "lines": LINES}
    replaced |= {"git": repository_address.address, "commit": repository_address.commit}
    every = any(item.get_closest_marker("extended") for item in request.session.items)
    found = Differential(root, sandbox, {})
    for case in CASES:
        if every or case.name in FEW:
            with found.alone(case.name):
                found.cases[case.name] = prepare(case, root, replaced)
    found.build()
    return found


@pytest.fixture(params=[case.name if case.name in FEW else extended(case.name) for case in CASES])
def prepared(request: pytest.FixtureRequest, differential: Differential) -> Prepared:
    if request.param in differential.broken:
        pytest.fail(differential.broken[request.param])
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


def plain(url: str) -> str:
    """A git reference as BuildKit writes it: ``?ref=`` and the like go behind ``#``."""
    address, _, query = url.partition("?")
    options = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
    return f"{address}#{options['ref']}" if "ref" in options else address


def test_images_and_urls_are_those_that_buildkit_fetched(prepared: Prepared) -> None:
    for platform, record in prepared.records.items():
        (closure,) = [c for c in prepared.inputs.closures if c.platform == platform]
        theirs = {op["source"]["identifier"] for op, _, _ in definition(record) if "source" in op}
        images = {name.partition("@")[0] for name in theirs if name.startswith("docker-image://")}
        assert {f"docker-image://{image.reference}" for image in closure.images} == images
        urls = {name for name in theirs if name.startswith(("http", "git"))}
        assert {plain(remote.url) for remote in closure.remotes} == urls


def test_all_that_is_read_is_sent_and_ignored_files_are_not(prepared: Prepared) -> None:
    case = prepared.case
    for platform, record in prepared.records.items():
        sent: dict[str | None, set[str]] = {}
        for name, attributes in local_sources(record).values():
            sent.setdefault(name, set()).update(
                json.loads(attributes.get("local.followpaths", '["."]'))
            )
            if name is None:
                text = case.ignore if case.own_ignore is None else case.own_ignore
                ignored = json.loads(attributes.get("local.excludepatterns", "[]"))
                assert ignored == list(read_ignore_file(text or ""))
        for name, paths in sent.items():
            read = {r[2] for r in our_reads(prepared, platform) if r[0] == name}
            assert read <= paths or "." in paths


def touch(paths: list[Path], mark: str) -> None:
    for path in paths:
        path.write_text(f"{path.read_text()}# {mark}\n")  # a comment, in ignore files too


@dataclass
class Rounds:
    """Changes all cases at once, bakes, and compares: the key has changed where a step ran."""

    differential: Differential

    def __post_init__(self) -> None:
        self.cases = list(self.differential.cases.values())
        self.keys = {prepared.case.name: prepared.key() for prepared in self.cases}
        # Which of two linked targets buildx names a step after is left to chance.
        linked = {prepared.case.name for prepared in self.cases if prepared.is_linked}
        self.silent = linked | {"linked-to"}
        self.silent |= {prepared.case.name for prepared in self.cases if prepared.is_never_cached}

    def play(self, what: str, change: Callable[[Prepared], bool]) -> set[str]:
        """Make one change to each case that has something for it; return whose key it changed."""
        changed = [prepared for prepared in self.cases if change(prepared)]
        moved = set()
        for prepared in changed:
            name, key = prepared.case.name, prepared.key()
            if key != self.keys[name]:
                moved.add(name)
            self.keys[name] = key
        names = {prepared.case.name for prepared in changed}
        if names:
            run = self.differential.bake(*names)
            ran = {name for name in names if run.get(name)}
            assert moved - self.silent == ran - self.silent, what
        return moved


def change_content(named: dict[str, list[Path]], mark: str, prepared: Prepared) -> bool:
    paths = named.get(prepared.case.name, [])
    touch(paths, mark)
    return bool(paths)


def change_mode(named: dict[str, list[Path]], prepared: Prepared) -> bool:
    paths = named[prepared.case.name][:1]
    for path in paths:
        path.chmod(0o700)
    return bool(paths)


def change_others(read: dict[str, set[Path]], prepared: Prepared) -> bool:
    """Other files and folders than those that are read, their modes; times of all."""
    mine = read[prepared.case.name]
    found = [path for path in prepared.own_files if not path.is_symlink()]
    touch([path for path in found if path.resolve() not in mine], "touched")
    for folder in (path for path in prepared.folder.rglob("*") if path.is_dir()):
        if folder.resolve() not in mine:
            folder.chmod(0o711)
    for path in prepared.own_files:
        os.utime(path, (1, 1), follow_symlinks=False)
    return True


def add_file(turn: int, name: str, prepared: Prepared) -> bool:
    found = (prepared.folder, *sorted(prepared.folder.rglob("*")))
    places = [path for path in found if path.is_dir() and not path.is_symlink()]
    for place in places[turn : turn + 1]:
        (place / name).write_text("new\n")
    return turn < len(places)


def remove_file(name: str, prepared: Prepared) -> bool:
    left = list(prepared.folder.rglob(name))[-1:]
    for path in left:
        path.unlink()
    return bool(left)


def test_what_changes_the_key_is_what_makes_buildkit_build(differential: Differential) -> None:
    rounds = Rounds(differential)
    files = {prepared.case.name: prepared.named("file") for prepared in rounds.cases}
    folders = {prepared.case.name: prepared.named("dir") for prepared in rounds.cases}
    read = {name: {path.resolve() for path in [*files[name], *folders[name]]} for name in files}

    assert rounds.play("others", partial(change_others, read)) == set()
    for turn, where in enumerate((0, 0.5, 1)):  # not each file: a round takes seconds
        some = {
            name: paths and [paths[round(where * (len(paths) - 1))]]
            for name, paths in files.items()
        }
        wanted = {name for name, paths in some.items() if len(files[name]) > turn}
        change = partial(change_content, {name: some[name] for name in wanted}, f"turn {turn}")
        assert rounds.play(f"content {turn}", change) == wanted
    assert rounds.play("mode", partial(change_mode, files)) == {n for n in files if files[n]}
    # Of files that come it is only asked that both see the same.
    rounds.play("arrival", partial(add_file, 0, "new.txt"))
    rounds.play("arrival in a folder", partial(add_file, 1, ".new"))


def test_the_mode_of_a_folder_is_read_where_buildkit_reads_it(
    differential: Differential, tmp_path: Path
) -> None:
    """BuildKit does not see a folder's mode change in a context that it knows; elsewhere it does.

    (The sender tells it, and the receiver keeps the folder as it is: an engine that is not fresh
    builds with the old mode. The key is that of a fresh one.)
    """
    rounds = Rounds(differential.moved(tmp_path / "elsewhere"))
    # The first folder here, the last there: nearest to the source, and farthest from it.
    named = ((at, p.case.name, p.named("dir")) for at, p in enumerate(rounds.cases))
    folders = {name: paths[-(at % 2) :][:1] for at, name, paths in named}
    expected = {name for name in folders if folders[name]}
    assert rounds.play("folder", partial(change_mode, folders)) == expected


@pytest.mark.parametrize("name", [name if name in FEW else extended(name) for name in REFUSED])
def test_what_buildkit_refuses_is_undetermined(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
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


def test_parents_is_not_known_to_this_engine(sandbox: Sandbox, tmp_path: Path) -> None:
    """COPY --parents came to stable frontends with docker/dockerfile:1.20 (BuildKit 0.26).

    Until the engine has it, tests/source/test_context.py follows BuildKit's own test of it.
    When this fails, add cases to CASES: the sources' pivots are ``src``, their patterns
    ``include_patterns`` in the record.
    """
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY --parents a/b /\n")
    build = ("docker", "buildx", "build", "--output", "type=cacheonly", ".")
    assert "unknown flag: --parents" in sandbox.run(*build, cwd=tmp_path).stderr
