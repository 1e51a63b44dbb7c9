"""What changes the deps key and what does not: any project, any one change, real folders."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.properties import examples
from whalebuild.bundle.lock import Lock, compare, make_lock
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.inputs.find import find_inputs
from whalebuild.inputs.values import Build, ContextFiles, StageInputs
from whalebuild.source.context import LocalContextFiles

DIGEST = "sha256:" + "1" * 64
WORDS = st.text(alphabet="abcxyz019", min_size=1, max_size=6)
CONTENTS = st.binary(max_size=20)
MODES = st.sampled_from([0o644, 0o755, 0o600])


@dataclass
class Project:
    """A project whose dependencies stage is ``deps``.

    ``named`` are read by their names, ``library`` as a folder, ``mounted`` by a mount, ``shared``
    from a named context; nothing reads ``others``.
    """

    named: dict[str, bytes]
    library: dict[str, bytes]
    mounted: dict[str, bytes]
    shared: dict[str, bytes]
    others: dict[str, bytes]
    mode: int
    word: str
    modes: dict[str, int] = field(default_factory=dict)
    base: str = "example.org/base:1"
    pin: str = DIGEST
    args: dict[str, str] = field(default_factory=lambda: {"GIVEN": "given"})
    contexts: dict[str, str] = field(default_factory=lambda: {"shared": "elsewhere"})
    platforms: tuple[str, ...] = ("linux/amd64",)
    attributes: dict[str, str] = field(default_factory=dict)
    default: str = "default"
    secret: str = "token"
    heredoc: str = "first line"
    ignore: str = "ignored\n"
    mtime: int = 1_000_000
    order: tuple[str, ...] = ("base", "other", "deps", "final")
    final: str = "COPY . /app"
    comment: str = "# nothing"
    style: Callable[[str], str] = str
    extra: str = ""

    def files(self) -> dict[str, bytes]:
        return {
            **{f"named/{name}": content for name, content in self.named.items()},
            **{f"library/{name}": content for name, content in self.library.items()},
            **{f"mounted/{name}": content for name, content in self.mounted.items()},
            **{f"elsewhere/{name}": content for name, content in self.shared.items()},
            **{f"others/{name}": content for name, content in self.others.items()},
        }

    def dockerfile(self) -> str:
        named = " ".join(f"named/{name}" for name in sorted(self.named))
        stages = {
            "base": ["FROM $BASE AS base", f"RUN prepare {self.word}"],
            "other": ["FROM scratch AS other", "ARG OTHER", "COPY others /others"],
            "deps": [
                "FROM base AS deps",
                "ARG GIVEN",
                f"ARG TOLD={self.default}",
                f"COPY {named} /app/",
                "COPY --link library /library/",
                "COPY --from=shared . /shared/",
                f"RUN --mount=source=mounted,target=/m --mount=type=secret,id={self.secret} go",
                f"COPY <<EOF /text\n{self.heredoc}\nEOF",
                *([self.extra] if self.extra else []),
            ],
            "final": ["FROM deps AS final", self.final],
        }
        lines = [f"ARG BASE={self.base}", "ARG UNUSED=1"]
        for name in self.order:
            lines += [self.comment, *stages[name]]
        return self.style("\n".join(lines) + "\n")

    def write(self, folder: Path) -> None:
        for name, content in self.files().items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(self.modes.get(name, self.mode))
        for name in ("library", "mounted", "elsewhere", "others"):
            (folder / name).mkdir(exist_ok=True)
            (folder / name).chmod(self.modes.get(name, 0o755))
        (folder / ".dockerignore").write_text(self.ignore)
        for path in folder.rglob("*"):
            os.utime(path, (self.mtime, self.mtime))

    def lock(self) -> Lock:
        with tempfile.TemporaryDirectory() as name:
            self.write(Path(name))
            build = Build(
                args=self.args,
                contexts=self.contexts,
                platforms=self.platforms,
                attributes=self.attributes,
            )
            inputs = find_inputs(parse_dockerfile(self.dockerfile()), "deps", build)
            assert isinstance(inputs, StageInputs), inputs
            files = LocalContextFiles(Path(name)).list_files(inputs, build, "Dockerfile")
            assert isinstance(files, ContextFiles), files
            pins = {platform: {self.base: self.pin} for platform in inputs.platforms}
            lock = make_lock(inputs, files, pins=pins)
            assert isinstance(lock, Lock), lock
            return lock


TREES = st.dictionaries(WORDS, CONTENTS, min_size=1, max_size=3)
PROJECTS = st.builds(
    Project,
    named=TREES,
    library=st.dictionaries(
        st.one_of(WORDS, st.tuples(st.just("sub"), WORDS).map("/".join)), CONTENTS, min_size=1
    ).filter(lambda tree: "sub" not in tree),
    mounted=TREES,
    shared=TREES,
    others=TREES,
    mode=MODES,
    word=WORDS,
)

Change = Callable[[Project, st.DataObject], None]
INPUTS: dict[str, Change] = {}
NO_INPUTS: dict[str, Change] = {}


def an_input(change: Change) -> Change:
    INPUTS[change.__name__] = change
    return change


def no_input(change: Change) -> Change:
    NO_INPUTS[change.__name__] = change
    return change


def _pick(project: Project, data: st.DataObject, *folders: str) -> tuple[dict[str, bytes], str]:
    tree = getattr(project, data.draw(st.sampled_from(folders)))
    return tree, data.draw(st.sampled_from(sorted(tree)))


READ = ("named", "library", "mounted", "shared")


@an_input
def content_of_a_file(project: Project, data: st.DataObject) -> None:
    tree, name = _pick(project, data, *READ)
    tree[name] += b"+"


@an_input
def mode_of_a_file(project: Project, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([n for n in project.files() if not n.startswith("others/")]))
    project.modes[name] = 0o700


@an_input
def mode_of_a_folder(project: Project, data: st.DataObject) -> None:
    project.modes[data.draw(st.sampled_from(["library", "mounted"]))] = 0o711


@an_input
def a_new_file(project: Project, data: st.DataObject) -> None:
    getattr(project, data.draw(st.sampled_from(READ)))["new-file"] = b""


@an_input
def another_name_of_a_file(project: Project, data: st.DataObject) -> None:
    tree, name = _pick(project, data, *READ)
    tree[f"{name}-renamed"] = tree.pop(name)


@an_input
def one_file_less(project: Project, data: st.DataObject) -> None:
    tree, name = _pick(project, data, "library", "mounted", "shared")
    del tree[name]


@an_input
def two_contents_exchanged(project: Project, data: st.DataObject) -> None:
    tree, name = _pick(project, data, *READ)
    tree["other-file"] = tree[name] + b"+"
    project.library["other-file"] = tree[name]


@an_input
def what_is_ignored(project: Project, data: st.DataObject) -> None:
    tree, name = _pick(project, data, "library", "mounted")
    folder = "library" if tree is project.library else "mounted"
    project.ignore += f"{folder}/{name}\n"


@an_input
def an_argument(project: Project, data: st.DataObject) -> None:
    project.args[data.draw(st.sampled_from(["GIVEN", "TOLD", "BASE"]))] = "example.org/another"


@an_input
def an_argument_is_empty(project: Project, data: st.DataObject) -> None:
    project.args[data.draw(st.sampled_from(["GIVEN", "TOLD"]))] = ""


@an_input
def a_default(project: Project, data: st.DataObject) -> None:
    project.default += "x"


@an_input
def an_instruction(project: Project, data: st.DataObject) -> None:
    project.extra = data.draw(
        st.sampled_from(
            ["RUN more", "ENV A=b", "WORKDIR /w", "USER me", "LABEL a=b", 'SHELL ["/x"]', "CMD x"]
        )
    )


@an_input
def an_instruction_of_the_parent(project: Project, data: st.DataObject) -> None:
    project.word += "x"


@an_input
def a_heredoc(project: Project, data: st.DataObject) -> None:
    project.heredoc += data.draw(st.sampled_from([" ", "#", "\n", "\nx"]))


@an_input
def the_id_of_a_secret(project: Project, data: st.DataObject) -> None:
    project.secret += "x"


@an_input
def the_base_image(project: Project, data: st.DataObject) -> None:
    project.base += "1"


@an_input
def the_digest_of_the_base_image(project: Project, data: st.DataObject) -> None:
    project.pin = "sha256:" + "2" * 64


@an_input
def a_platform(project: Project, data: st.DataObject) -> None:
    more = data.draw(st.sampled_from(["linux/arm64", "linux/arm/v7"]))
    project.platforms = data.draw(st.sampled_from([(more,), ("linux/amd64", more)]))


@an_input
def a_named_context(project: Project, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["shared", "base", "example.org/base:1"]))
    project.contexts[name] = f"docker-image://example.org/other@{DIGEST}"


@an_input
def an_attribute_of_run(project: Project, data: st.DataObject) -> None:
    project.attributes["network"] = "host"


@no_input
def time_of_files(project: Project, data: st.DataObject) -> None:
    project.mtime += data.draw(st.integers(1, 10**6))


@no_input
def a_file_that_is_not_read(project: Project, data: st.DataObject) -> None:
    tree, name = _pick(project, data, "others")
    tree[name] += b"+"
    tree["new-file"] = b""
    project.modes[f"others/{name}"] = 0o700
    project.modes["others"] = 0o700


@no_input
def an_ignored_file(project: Project, data: st.DataObject) -> None:
    tree = getattr(project, data.draw(st.sampled_from(["library", "mounted"])))
    tree["ignored"] = b""
    project.ignore += "*/ignored\n"


@no_input
def an_argument_that_does_not_reach_it(project: Project, data: st.DataObject) -> None:
    project.args[data.draw(st.sampled_from(["UNUSED", "OTHER", "NEVER", "HTTP_PROXY"]))] = "x"


@no_input
def comments_and_blank_lines(project: Project, data: st.DataObject) -> None:
    project.comment = data.draw(st.sampled_from(["# something else", "\n\n", "# FROM x\n#\n"]))


@no_input
def the_final_stage(project: Project, data: st.DataObject) -> None:
    project.final = data.draw(st.sampled_from(["COPY others /app", "RUN more", "ARG X=1"]))


@no_input
def another_order_of_stages(project: Project, data: st.DataObject) -> None:
    project.order = data.draw(
        st.sampled_from(
            [
                ("other", "base", "deps", "final"),
                ("base", "deps", "other", "final"),
                ("base", "deps", "final", "other"),
                ("base", "deps"),
            ]
        )
    )


@no_input
def the_way_it_is_written(project: Project, data: st.DataObject) -> None:
    project.style = data.draw(
        st.sampled_from(
            [
                lambda text: text.replace("COPY ", "copy \t").replace("FROM", "from"),
                lambda text: text.replace("COPY ", "COPY \\\n  # a comment inside\n\n  "),
                lambda text: text.replace("\nRUN", "\n\n   RUN"),
                lambda text: f"\ufeff# a first line\n{text}\n\n",
                lambda text: text.replace(" AS deps", " as Deps"),
            ]
        )
    )


@no_input
def a_named_context_that_it_does_not_use(project: Project, data: st.DataObject) -> None:
    project.contexts["other"] = f"docker-image://example.org/other@{DIGEST}"


@pytest.mark.parametrize("change", INPUTS)
@settings(max_examples=examples(gate=3, extended=30))
@given(project=PROJECTS, data=st.data())
def test_touching_an_input_changes_the_key_and_is_named(
    change: str, project: Project, data: st.DataObject
) -> None:
    before = project.lock()
    changed = copy.deepcopy(project)
    INPUTS[change](changed, data)
    after = changed.lock()
    assert after.key != before.key
    assert compare(before, after)


@pytest.mark.parametrize("change", NO_INPUTS)
@settings(max_examples=examples(gate=3, extended=30))
@given(project=PROJECTS, data=st.data())
def test_touching_anything_else_does_not(
    change: str, project: Project, data: st.DataObject
) -> None:
    before = project.lock()
    changed = copy.deepcopy(project)
    NO_INPUTS[change](changed, data)
    after = changed.lock()
    assert after == before
    assert compare(before, after) == ()
