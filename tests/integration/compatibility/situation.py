"""A row of docs/compatibility.md: a small project, one command, and what each tool makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.compatibility.seen import Seen

#: What whalebuild leaves is what buildx leaves: tags and what is behind them, files, the engine's.
SAME = "same"
#: The same, and the dependencies are published beside it.
PAIR = "same, and `:deps`"

DOCKERFILE = """\
FROM scratch AS dependencies
COPY requirements.txt /
FROM dependencies AS final
COPY --link app.txt /
"""


def target(name: str, *lines: str) -> str:
    """A target of docker-bake.hcl that is tagged ``$REPO/app``, with further lines."""
    inside = "".join(f"  {line}\n" for line in ('tags = ["$REPO/app"]', *lines))
    return f'target "{name}" {{\n{inside}}}\n'


@dataclass(frozen=True)
class Situation:
    """One construct, or one situation, in a project of its own.

    In files, words and variables ``$REPO`` stands for a repository of the tool's own, such as
    ``registry.example/team``, and ``$PYTHON`` for an image to RUN in.

    Attributes:
        title: As the page has it; it is unique.
        buildx: What buildx does: clauses that are separated by semicolons. What is moved, loaded
            and written is told as in ``seen.phrase``; what ``shows`` looks at follows. After
            ``exit N: `` and ``says: `` stand words that it prints.
        whalebuild: What whalebuild does: ``SAME``, ``PAIR``, or clauses.
        chance: What buildx prints where it fails, if the outcome is chance; whalebuild's is not.
        why: The reason where they differ.
        bakefile: The text of docker-bake.hcl; none where it is empty.
        bake: Words after ``bake``, of both tools.
        flags: Further words for buildx alone. whalebuild publishes without being told to.
        own_flags: Further words for whalebuild alone.
        files: Files beside (or instead of) those of a small project with its dependencies; an
            empty text means that there is none. A path may begin with ``../``.
        setup: A shell script that prepares more of it.
        cwd: Where the command is given, relative to the project.
        env: Variables of both.
        then: Files that are changed before the command is given once more; what is looked at is
            what the second run has left.
        shows: What is looked at beside tags and files.
        alike: Whether "same" is to hold for contents too; not where they are random or dated.
        quick: Whether ``make test`` has it.
    """

    title: str
    buildx: str
    whalebuild: str = SAME
    chance: str = ""
    why: str = ""
    bakefile: str = ""
    bake: str = ""
    flags: str = "--push"
    own_flags: str = ""
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    setup: str = ""
    cwd: str = "."
    env: Mapping[str, str] = field(default_factory=dict)
    then: Mapping[str, str | bytes] = field(default_factory=dict)
    shows: tuple[Callable[[Seen], str], ...] = ()
    alike: bool = True
    quick: bool = False

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a difference without a reason."""
        both_refuse = all(each.startswith("exit ") for each in (self.buildx, self.whalebuild))
        if not (self.why or both_refuse or self.whalebuild in {SAME, PAIR}):
            raise ValueError(f"{self.title}: why do they differ?")

    @property
    def id(self) -> str:
        """Its name among tests."""
        words = "".join(c if c.isalnum() else " " for c in self.title.lower()).split()
        return "-".join(words)[:70].strip("-")

    def project(self) -> dict[str, str | bytes]:
        """The files to begin with, by path."""
        given = {
            "Dockerfile": DOCKERFILE,
            "requirements.txt": "left==1\n",
            "app.txt": "one\n",
            "docker-bake.hcl": self.bakefile,
            **self.files,
        }
        return {path: content for path, content in given.items() if content}


@dataclass(frozen=True)
class Group:
    """Rows of one subject."""

    title: str
    situations: tuple[Situation, ...]
    note: str = ""
