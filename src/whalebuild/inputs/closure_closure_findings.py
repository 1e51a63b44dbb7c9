"""What the search for a stage's inputs collects."""

from __future__ import annotations

from dataclasses import dataclass, field

from whalebuild.dockerfile.parser import Stage
from whalebuild.inputs.build_args import Environment, empty_environment
from whalebuild.inputs.values import BaseImage, ContextRead, NamedContext, Remote, StagePart


@dataclass
class Origin:
    """Where FROM, ``COPY --from`` or a mount takes its files from.

    Attributes:
        token: What it is, in an instruction's canonical form.
        stage: The local stage.
        context: The named context.
        environment: The variables that a stage made from it sees, before they are inherited.
        triggers: Instructions that an image from elsewhere leaves to its children (ONBUILD).
    """

    token: list[str]
    stage: Stage | None = None
    context: NamedContext | None = None
    environment: Environment = field(default_factory=empty_environment)
    triggers: tuple[str, ...] = ()


@dataclass
class Findings:
    """What has been found so far; dictionaries keep the order and drop doubles."""

    stages: dict[int, StagePart] = field(default_factory=dict)
    reads: dict[ContextRead, None] = field(default_factory=dict)
    bases: dict[BaseImage, None] = field(default_factory=dict)
    contexts: dict[NamedContext, None] = field(default_factory=dict)
    remotes: dict[Remote, None] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, None] = field(default_factory=dict)
    caches: dict[str, None] = field(default_factory=dict)
    runs: bool = False
