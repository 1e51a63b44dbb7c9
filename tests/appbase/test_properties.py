"""What holds for any Dockerfile: nothing is lost, nothing is twice, every variable is the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import assume, event, given
from hypothesis import strategies as st

from tests.appbase.cutting import PLATFORM, names
from whalebuild.appbase.boundary import find_boundary
from whalebuild.appbase.generated import Tail, base_dockerfile, tail_dockerfile
from whalebuild.appbase.limits import needs
from whalebuild.appbase.values import Boundary
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.parser import Dockerfile, parse_dockerfile
from whalebuild.inputs.build_args import Environment, global_args
from whalebuild.inputs.closure import ClosureFinder
from whalebuild.inputs.find import find_inputs
from whalebuild.inputs.values import Build, ContextFiles, FileEntry, StageInputs

BROAD = ("COPY . .", "COPY lib /x", "COPY app.py .")
NARROW = ("COPY a.txt /", "ADD b.tar /", "RUN --mount=source=a.txt,target=/a y")
OTHERS = (
    "RUN x",
    "RUN <<EOF\nCOPY . .\nEOF",
    "RUN a \\\n  # comment\n\n  b",
    "COPY <<A <<B /\nFROM x\nA\nB",
    "WORKDIR w",
    "ENV A=1 B=$A",
    "ARG A=2",
    "ARG C=$A \\\n  D=3",
    "CMD x",
    "ENTRYPOINT y",
    "LABEL a=$A",
    "# a comment",
    "",
)
COPY_FROM = "COPY --from"
STEPS = st.lists(
    st.sampled_from([*BROAD, *NARROW, *OTHERS, *OTHERS, COPY_FROM, COPY_FROM]), max_size=6
)
KINDS = {"lib": "dir", "app.py": "file", "a.txt": "file", "b.tar": "file"}


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    """Some stages, each on an image or on an earlier one, that copy from each other."""
    head = draw(st.sampled_from(["", "# syntax=docker/dockerfile:1\n", "ARG X=1\n# note\n"]))
    parts = [head]
    for index in range(draw(st.integers(1, 4))):
        bases = ["debian", "scratch", *(f"s{at}" for at in range(index) for _ in range(2))]
        parts.append(f"FROM {draw(st.sampled_from(bases))} AS s{index}\n")
        origin = draw(st.integers(0, index))
        copy = f"COPY --from=s{origin} /a /b" if origin < index else "COPY --from=i / /"
        parts += [f"{copy if step == COPY_FROM else step}\n" for step in draw(STEPS)]
    return "".join(parts)


def find(text: str, **given_build: Any) -> Boundary:
    build = Build(platforms=(PLATFORM,), build_platform=PLATFORM, **given_build)
    inputs = find_inputs(parse_dockerfile(text), None, build)
    assert isinstance(inputs, StageInputs), inputs
    files = [
        (read, tuple(FileEntry(None, s, KINDS[s], 0o644, "") for s in read.sources if s != "."))
        for read in inputs.reads
    ]
    found = find_boundary(text, None, build, inputs, ContextFiles(tuple(files)))
    assert isinstance(found, Boundary), found
    return found


def bare(steps: tuple[Instruction, ...]) -> list[Instruction]:
    return [replace(step, line=0, end=0) for step in steps]


def code(dockerfile: Dockerfile, steps: list[Instruction]) -> bool:
    """Whether any of these takes code in, or a stage that one of them copies from."""
    for step in steps:
        if step.whole in BROAD:
            return True
        name = next((f.removeprefix("--from=") for f in step.flags if f.startswith("--from=s")), "")
        stage = dockerfile.stage(name) if name else None
        while stage:
            if code(dockerfile, list(stage.instructions)):
                return True
            stage = dockerfile.stage(stage.base)
    return False


@given(dockerfiles())
def test_nothing_is_lost_and_no_code_is_in_the_app_base(text: str) -> None:
    boundary = find(text)
    before = parse_dockerfile(text)
    base = parse_dockerfile(base_dockerfile(boundary))
    assert text.startswith(base_dockerfile(boundary).removesuffix("\n"))
    assert base.stages[:-1] == before.stages[: boundary.stage.index]
    # The chain is the app base's instructions, and then those of the tail.
    in_base = [step for _, steps in boundary.parts() for step in steps]
    every = [step for stage in boundary.chain for step in stage.instructions]
    assert [*in_base, *(tail.step for tail in boundary.tail)] == every
    assert not code(before, in_base)
    tail = tail_dockerfile(boundary, "app-base", environment=names(boundary))
    event("tail" if isinstance(tail, Tail) else tail.reason.partition(" ")[0])
    if not isinstance(tail, Tail):
        return
    after = parse_dockerfile(tail.text)
    assert (after.before, after.directives) == (before.before, before.directives)
    assert len(after.stages) == len(before.stages)
    for old, new in zip(before.stages, after.stages, strict=True):
        assert old.name == new.name
        cut = old.index == boundary.stage.index
        rest = new.instructions[tail.repeated :] if cut else new.instructions
        assert bare(rest) == bare(boundary.after if cut else old.instructions)
        assert new.base == ("app-base" if cut else old.base)


@given(dockerfiles())
def test_what_a_stub_is_enough_for_runs_nothing_on_it(text: str) -> None:
    boundary = find(text)
    side = needs(boundary)
    standing = {stage.name for stage in boundary.chain[boundary.place.stage :]}
    for stage in side.side.values():
        used = {stage.base, *(f[7:] for s in stage.instructions for f in s.flags)}
        assert not used & standing or side.standing


NAMES = ("A", "B", "C", "BASE")
VALUES = ("1", "2", "$A", "${B}x", "${C:-7}", "${BASE:+8}", "$UNSET")
SETTINGS = st.builds(
    lambda keyword, name, value: f"{keyword} {name}={value}",
    st.sampled_from(["ARG", "ENV"]),
    st.sampled_from(NAMES),
    st.sampled_from(VALUES),
) | st.sampled_from(["ARG A", "ARG B C", "RUN x"])


@st.composite
def arguments(draw: st.DrawFn) -> str:
    head = draw(st.lists(st.sampled_from(["ARG A=global", "ARG C=$A"]), max_size=2))
    parts = [*head, "FROM scratch AS s0", "ENV BASE=base"]
    parts += draw(st.lists(SETTINGS, max_size=4))
    for index in range(1, draw(st.integers(1, 3))):
        parts += [f"FROM s{index - 1} AS s{index}", *draw(st.lists(SETTINGS, max_size=4))]
    late = draw(st.lists(st.sampled_from(["ENV D=$A", "ARG A", "LABEL x=$B", "ENV A=$C$BASE"])))
    last = draw(st.sampled_from(["LABEL x=$A$B$C", "RUN y"]))
    return "\n".join([*parts, "RUN x", "COPY . .", *late, last, ""])


@given(arguments(), st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["1", "given"])))
def test_variables_of_a_tail_are_those_of_the_ordinary_build(
    text: str, given_args: dict[str, str]
) -> None:
    """Told by ``inputs.closure``, in which a stage with ENV alone is as good as an image."""
    boundary = find(text, args=given_args)
    tail = tail_dockerfile(boundary, "app-base", environment=names(boundary))
    event("tail" if isinstance(tail, Tail) else tail.reason)
    assume(isinstance(tail, Tail))
    assert isinstance(tail, Tail)
    build = boundary.stages.build
    image = variables(base_dockerfile(boundary), build).of_image
    lines = [f'ENV {name}="{value}"' for name, value in image.items()]
    at = tail.text.index("FROM ")
    mocked = "\n".join(["FROM scratch AS app-base", *lines, tail.text[at:]])
    expected = variables(text, build)
    found = variables(tail.text[:at] + mocked, build)
    used = {*expected.of_image, *NAMES}
    assert {n: found.lookup(n) for n in used} == {n: expected.lookup(n) for n in used}
    assert found.of_image == expected.of_image


@given(arguments())
def test_arguments_without_env_can_always_be_repeated(text: str) -> None:
    lines = [line for line in text.splitlines() if not line.startswith("ENV")]
    boundary = find("\n".join(lines))
    tail = tail_dockerfile(boundary, "app-base", environment=names(boundary))
    assert isinstance(tail, Tail)


def variables(text: str, build: Build) -> Environment:
    dockerfile = parse_dockerfile(text)
    args = global_args(dockerfile.before, build, PLATFORM, "", "\\")
    finder = ClosureFinder(dockerfile, build, args, PLATFORM)
    return finder.visit(dockerfile.stages[-1]).environment
