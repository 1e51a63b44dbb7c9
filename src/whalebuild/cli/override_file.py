"""Makes a compose override from a plan."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from whalebuild.bakefile.images import BuildOptions
from whalebuild.compose.builds import builds_of
from whalebuild.docker.compose import ComposeProject
from whalebuild.override.content import Given, give
from whalebuild.override.file import override_text, services_of
from whalebuild.source.compose_lookup import ComposeFiles, read_own
from whalebuild.source.override_file import is_sent
from whalebuild.values import dataclass

if TYPE_CHECKING:
    from whalebuild.bakefile.request import BakeRequest
    from whalebuild.bakefile.target import Target
    from whalebuild.cli.session import Session
    from whalebuild.plan.plan import Plan


@dataclass(frozen=True)
class Override:
    """A compose override, made and not written.

    Attributes:
        path: Where it belongs; None for standard output.
        text: What is to be in it.
        before: What is in it now; None where it is not there.
        given: What each service that is built is given.
        unbuilt: Services that are not built.
        sent_to: Services whose build would take the file in.
    """

    path: Path | None
    text: str
    before: str | None
    given: tuple[Given, ...]
    unbuilt: tuple[str, ...] = ()
    sent_to: tuple[str, ...] = ()

    @property
    def fresh(self) -> bool:
        """Whether it need not be written."""
        return self.text == self.before

    @property
    def lost(self) -> tuple[Given, ...]:
        """Services that are built, and that are in it now and would not be any more."""
        now = services_of(self.before or "")
        return tuple(each for each in self.given if each.left_out and each.service in now)


def make_override(
    session: Session, request: BakeRequest, files: ComposeFiles, path: Path | None
) -> Override:
    """Read the project and what is published, and make the override.

    Args:
        session: Its planner reads bake file, Dockerfiles and registry.
        request: What is asked of the bake file.
        files: The files of the compose project.
        path: Where the override belongs; None for standard output.

    Raises:
        WhalebuildError: Something of that cannot be read.
    """
    with ComposeProject(files=files.arguments(), profiles=["*"]) as project:
        builds, unbuilt = builds_of(project.model())
    # Nothing is published, so that no platform has to be named.
    plan = session.planner(ask=True).plan(request, BuildOptions(read_only=True))
    given = give(builds, plan, os.path.realpath, lambda target: _stages(session, target))
    text = override_text(given, request.targets)
    before = read_own(path) if path else None
    sent = _sent_to(given, plan, path) if path else ()
    return Override(path, text, before, given, unbuilt, sent)


def _stages(session: Session, target: Target) -> frozenset[str]:
    dockerfile = session.tree.dockerfile(target)
    return frozenset(s.name for s in dockerfile.stages if s.name) if dockerfile else frozenset()


def _sent_to(given: tuple[Given, ...], plan: Plan, path: Path) -> tuple[str, ...]:
    targets = {app.image.name: app.image.target for app in plan.apps}
    root = Path.cwd()
    return tuple(
        each.service
        for each in given
        if each.target and not each.left_out and is_sent(root, path, targets[each.target])
    )
