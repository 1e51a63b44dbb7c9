"""A target whose Dockerfile has no dependencies stage, as two: its app base, and the rest on that.

The app base is what a Dockerfile makes before it takes code in; ``appbase`` finds it.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from whalebuild.bakefile.target import TARGET_CONTEXT, Target
from whalebuild.tags import DEPS_TAG

#: The named context that stands for the app base in a generated Dockerfile.
APP_BASE = "whalebuild-app-base"
# What is the application's own; its cache export would be written twice.
_OWN = ("tags", "labels", "annotations", "description", "cache_to")


@dataclass(frozen=True)
class AppBase:
    """How a target is built in two parts.

    Attributes:
        dependencies: The target that builds the app base.
        application: The target that builds the rest, on the app base as the context ``APP_BASE``.
        boundary: Where the Dockerfile is cut and why, in words.
    """

    dependencies: Target
    application: Target
    boundary: str


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


def split(
    application: Target, taken: Container[str], base: str, rest: str, boundary: str
) -> AppBase:
    """Make two targets of one.

    Args:
        application: The target.
        taken: Names that other targets have.
        base: The Dockerfile of the app base, whose last stage that is.
        rest: The Dockerfile of the rest, which stands on ``APP_BASE``.
        boundary: Where the Dockerfile is cut and why, in words.
    """
    dependencies = derive(application, taken, dockerfile=None, dockerfile_inline=base, target=None)
    contexts = {**application.contexts, APP_BASE: f"{TARGET_CONTEXT}{dependencies.name}"}
    on_base = application.with_attributes(
        dockerfile=None, dockerfile_inline=rest, contexts=contexts
    )
    return AppBase(dependencies, on_base, boundary)
