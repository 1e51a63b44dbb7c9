"""A target whose Dockerfile has no dependencies stage, as two: its app base, and the rest on that.

The app base is what a Dockerfile makes before it takes code in; ``appbase`` finds it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import field

from whalebuild.bakefile.tail import Patch, TailLine
from whalebuild.bakefile.target import TARGET_CONTEXT, Target
from whalebuild.dockerfile.lines import Instruction
from whalebuild.tags import DEPS_TAG
from whalebuild.values import dataclass

#: The named context that stands for the app base in a generated Dockerfile.
APP_BASE = "whalebuild-app-base"
# What is the application's own; its cache export would be written twice.
_OWN = ("tags", "labels", "annotations", "description", "cache_to")


@dataclass(frozen=True)
class Rest:
    """The instructions after the app base.

    Attributes:
        steps: In order, those that repeat ARGs of the app base first, with the FROM of each
            stage after the first one.
        before: The instructions before the Dockerfile's first FROM.
        escape: The Dockerfile's escape character.
        single: Names of the files that instructions copy, by line, see ``appbase.reaches``.
    """

    steps: tuple[Instruction, ...] = ()
    before: tuple[Instruction, ...] = ()
    escape: str = "\\"
    single: Mapping[int, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def runs(self) -> bool:
        """Whether commands run."""
        return any(step.keyword == "RUN" for step in self.steps)


@dataclass(frozen=True)
class BaseNeeds:
    """What the build of an application needs of the image that it stands on.

    Attributes:
        whole: Why it needs that image itself; empty where its stub will do.
        side: Whether it copies from stages that are built beside it.
        rest: What it consists of.
        repeated: How many instructions of the app base it has to repeat.
        idle: Names of stages that its dependencies alone are made from.
    """

    whole: str = ""
    side: bool = False
    rest: Rest = field(default_factory=Rest)
    repeated: int = 0
    idle: tuple[str, ...] = ()


@dataclass(frozen=True)
class AppBase:
    """How a target is built in two parts.

    Attributes:
        dependencies: The target that builds the app base.
        application: The target that builds the rest, on the app base as the context ``APP_BASE``;
            None where that would not be the same image.
        boundary: Where the Dockerfile is cut and why, in words.
        refused: Why there is no such target; empty where there is one.
        needs: What the rest needs of the app base.
        lines: The instructions after the app base, for a plan to show.
        patch: What could be written instead, so that the rest needs less.
    """

    dependencies: Target
    application: Target | None
    boundary: str
    refused: str = ""
    needs: BaseNeeds = field(default_factory=BaseNeeds)
    lines: tuple[TailLine, ...] = ()
    patch: Patch | None = None


def derive(application: Target, taken: Container[str], **changes: object) -> Target:
    """Make the dependencies' target from the application's: the same build, cut short.

    Args:
        application: The target.
        taken: Names that other targets have.
        changes: Attributes that are others, see ``Target.with_attributes``.
    """
    derived = application.with_attributes(**{**dict.fromkeys(_OWN), **changes})
    name = f"{application.name}-{DEPS_TAG}"
    while name in taken:
        name = f"{name}-derived"
    return Target(name, derived.attributes)


def base_target(application: Target, taken: Container[str], dockerfile: str) -> Target:
    """The target that builds the app base.

    Args:
        application: The target of the application.
        taken: Names that other targets have.
        dockerfile: The Dockerfile of the app base, whose last stage that is.
    """
    return derive(application, taken, dockerfile_inline=dockerfile, target=None)


def target_on_base(application: Target, dependencies: Target, dockerfile: str) -> Target:
    """The target that builds the application on its app base.

    Args:
        application: The target of the application.
        dependencies: The target of the app base.
        dockerfile: The Dockerfile of the rest, which stands on ``APP_BASE``.
    """
    contexts = {**application.contexts, APP_BASE: f"{TARGET_CONTEXT}{dependencies.name}"}
    return application.with_attributes(dockerfile_inline=dockerfile, contexts=contexts)
