"""What several checks go by: asked once, all at the beginning."""

from __future__ import annotations

from functools import partial

from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.listing import Builder
from whalebuild.builder.ports import Builders
from whalebuild.doctor.asking import Asked, Questions
from whalebuild.doctor.facts import ClientFacts, EngineFacts
from whalebuild.doctor.ports import DockerQuestions, ProjectQuestions
from whalebuild.errors import WhalebuildError
from whalebuild.plan.plan import Plan
from whalebuild.settings import AUTO
from whalebuild.values import dataclass

DOCKER = "docker"  # the driver of a docker context's own builder


@dataclass(frozen=True)
class Choice:
    """Which builder is used.

    Attributes:
        setting: The setting ``builder``.
        name: The builder's name; None is the docker context's own.
        chosen_by: What chose it.
    """

    setting: str | None = None
    name: str | None = None
    chosen_by: str = "the docker context"

    @property
    def auto(self) -> bool:
        """Whether another one is used where that one cannot do the job."""
        return self.setting == AUTO


@dataclass(frozen=True)
class Answers:
    """Answers, as they come; every reading of one waits for it."""

    client: Asked[ClientFacts]
    buildx: Asked[str]
    compose: Asked[str]
    engine: Asked[EngineFacts]
    builder: Asked[Builder]
    plan: Asked[Plan | None]

    @property
    def no_client(self) -> bool:
        """Whether there is no docker client."""
        return isinstance(self.client.answer(), WhalebuildError)

    @property
    def no_buildx(self) -> str | None:
        """Why buildx cannot be asked at all; None where it can."""
        if isinstance(self.buildx.answer(), WhalebuildError):
            return "there is no docker client" if self.no_client else "there is no buildx"
        return None

    @property
    def no_builder(self) -> str | None:
        """Why no builder can be asked to do anything; None where one can."""
        found = self.builder.answer()
        if isinstance(found, WhalebuildError) or not found.runs:
            return self.no_buildx or "there is no builder that runs"
        down = isinstance(self.engine.answer(), WhalebuildError)
        return "the engine does not answer" if down and found.driver == DOCKER else None

    @property
    def driver(self) -> str | None:
        """The driver of the builder that is used; None where that is not known."""
        found = self.builder.answer()
        return None if isinstance(found, WhalebuildError) else found.driver or None

    @property
    def facts(self) -> BuilderFacts | None:
        """The builder that is used, as a plan sees it; None where it cannot be used as it is."""
        found, engine = self.builder.answer(), self.engine.answer()
        if isinstance(found, WhalebuildError) or self.no_builder:
            return None
        if found.driver != DOCKER or isinstance(engine, WhalebuildError):
            return BuilderFacts(found.name, found.driver, True, found.platform, found.nodes)  # noqa: FBT003
        store, platform = engine.containerd_store, engine.platform or found.platform
        return BuilderFacts(found.name, found.driver, store, platform, found.nodes)


def ask_all(
    ask: Questions,
    docker: DockerQuestions,
    builders: Builders,
    project: ProjectQuestions,
    choice: Choice,
) -> Answers:
    """Ask all of it side by side."""
    return Answers(
        client=ask.ask("the docker client", docker.client),
        buildx=ask.ask("docker buildx", partial(docker.plugin, "buildx")),
        compose=ask.ask("docker compose", partial(docker.plugin, "compose")),
        engine=ask.ask("the engine", docker.engine),
        builder=ask.ask("the builder", lambda: builders.look(choice.name)),
        plan=ask.ask("buildx", project.read),
    )
