from __future__ import annotations

import pytest

from whalebuild.appbase.reaches import ReachFinder, reaches_of, single_files
from whalebuild.bakefile.app_base import Rest
from whalebuild.bakefile.target import Target
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.inputs.build_args import DEFAULT_PATH, Environment, global_args
from whalebuild.inputs.values import (
    AnalysisError,
    Build,
    ContextFiles,
    ContextRead,
    FileEntry,
)
from whalebuild.rebase.commands import Commands, Touched
from whalebuild.rebase.reach import Reach

_FILE = FileEntry(None, "start.sh", "file", 0o755, "x")


def reaches(
    text: str, single: dict[int, tuple[str, ...]] | None = None, **args: str
) -> list[tuple[str, bool]]:
    found = find(text, single, **args)[0]
    return [(reach.path, reach.below) for reach in found]


def find(
    text: str, single: dict[int, tuple[str, ...]] | None = None, **args: str
) -> tuple[tuple[Reach, ...], Commands]:
    dockerfile = parse_dockerfile(f"ARG TOP=/top\nFROM x\n{text}")
    build = Build(args=args)
    given = global_args(dockerfile.before, build, "linux/amd64", "", "\\")
    environment = Environment({"HOME": "/home/me"}, of_image={"HOME": "/home/me"})
    finder = ReachFinder(build, given, "\\", single or {}, "/srv", environment)
    steps = [step for s in dockerfile.stages for step in (s.opening, *s.instructions)]
    return finder.find(steps[1:]), finder.commands


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY . .", [("/srv", True)]),
        ("COPY . /app/", [("/app", True)]),
        ("WORKDIR /app\nCOPY a b ./", [("/app", False), ("/app", True)]),
        ("WORKDIR app\nWORKDIR in\nCOPY . .", [("/srv/app", False), ("/srv/app/in", False)]),
        ("COPY . $HOME/app", [("/home/me/app", True)]),
        ("ARG D=/d\nCOPY . $D", [("/d", True)]),
        ("ARG HOME=/other\nCOPY . $HOME", [("/other", True)]),
        ("ARG TOP\nCOPY . $TOP", [("/top", True)]),
        ("ENV D=/e\nCOPY . ${D}/x", [("/e/x", True)]),
        ("COPY . $NOWHERE", [("/srv", True)]),
        ("COPY . ../../../x", [("/x", True)]),
        ("COPY <<EOF /etc/conf\nx\nEOF", [("/etc/conf", True)]),
        ('CMD ["x"]\nUSER me', []),
    ],
)
def test_destinations(text: str, expected: list[tuple[str, bool]]) -> None:
    assert reaches(text)[: len(expected)] == expected


def test_a_variable_of_the_image_is_back_in_the_next_stage() -> None:
    assert reaches("ARG HOME=/other\nFROM x\nCOPY . $HOME") == [("/home/me", True)]


def test_a_build_argument_wins_over_a_default() -> None:
    assert reaches("ARG D=/d\nCOPY . $D", D="/given") == [("/given", True)]


def test_single_files_reach_themselves_alone() -> None:
    found = reaches("COPY start.sh /usr/local/bin/", {3: ("start.sh",)})
    assert found == [("/usr/local/bin", False), ("/usr/local/bin/start.sh", False)]


def test_a_variable_that_cannot_be_told_is_refused() -> None:
    with pytest.raises(AnalysisError, match="BUILDARCH"):
        reaches("ARG BUILDARCH\nCOPY . /$BUILDARCH")


@pytest.mark.parametrize(
    ("sources", "entries", "instruction", "expected"),
    [
        (("start.sh",), (_FILE,), "COPY start.sh /", {4: ("start.sh",)}),
        (("bin/start.sh",), (_FILE,), "COPY bin/start.sh /", {4: ("start.sh",)}),
        (("*.sh",), (_FILE,), "COPY *.sh /", {}),
        (("a.tar",), (_FILE,), "ADD a.tar /", {}),
        (("src",), (FileEntry(None, "src", "dir", 0o755, ""), _FILE), "COPY src /", {}),
        (("link",), (FileEntry(None, "link", "link", 0, "x"), _FILE), "COPY link /", {}),
    ],
)
def test_what_counts_as_a_single_file(
    sources: tuple[str, ...],
    entries: tuple[FileEntry, ...],
    instruction: str,
    expected: dict[int, tuple[str, ...]],
) -> None:
    read = ContextRead(None, "final", 4, instruction, sources)
    assert single_files(ContextFiles(((read, entries),))) == expected


def test_what_small_runs_need() -> None:
    text = "COPY . .\nRUN chmod +x run\nWORKDIR in\nRUN mkdir -p /data/x && rm -r old"
    found, commands = find(text)
    touched = (Touched("/srv/run"), Touched("/data/x"), Touched("/srv/in/old", absent=True))
    assert commands == Commands(
        frozenset({"chmod", "mkdir", "rm"}), tuple(DEFAULT_PATH.split(":")), touched
    )
    assert Reach("/srv/run", below=False) in found
    assert find("COPY . .")[1] == Commands()


@pytest.mark.parametrize(
    ("text", "utf8"),
    [
        ("ENV LANG=C.UTF-8\nRUN rm a", True),
        ("ENV LANG=C LC_ALL=POSIX\nRUN rm a", False),
        ("RUN rm a\nENV LD_PRELOAD=/x", False),
    ],
)
def test_the_locale_of_small_runs(text: str, utf8: bool) -> None:
    assert find(text)[1].utf8 is utf8


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ENV LD_PRELOAD=/x\nRUN rm a", "commands see the variable LD_PRELOAD"),
        ("ARG BASH_ENV=/x\nRUN rm a", "commands see the variable BASH_ENV"),
        ("ENV LANG=de_DE.UTF-8\nRUN rm a", "commands have another locale"),
        ("ENV PATH=bin:/bin\nRUN rm a", "PATH has other than absolute folders"),
        ("ENV PATH=\nRUN rm a", "PATH has other than absolute folders"),
        ("RUN rm a\nENV PATH=/bin\nRUN rm b", "commands are run with different variables"),
        ("RUN pip install x", "a command runs after the code was taken in"),
    ],
)
def test_small_runs_that_are_not_sure(text: str, why: str) -> None:
    with pytest.raises(AnalysisError, match=why):
        find(text)


def test_the_shell_of_the_image_has_to_be_the_usual_one() -> None:
    steps = tuple(parse_dockerfile("FROM x\nRUN rm a").stages[0].instructions)
    target = Target("app", {})
    config = b'{"config": {"Shell": ["/bin/bash", "-c"], "Env": ["PATH=/bin"]}}'
    with pytest.raises(AnalysisError, match="another SHELL"):
        reaches_of(target, Rest(steps), config, "linux/amd64")
    _, commands = reaches_of(target, Rest(steps), config.replace(b"Shell", b"x"), "linux/amd64")
    assert commands.search == ("/bin",)
