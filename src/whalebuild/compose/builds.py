"""What the services of a compose project are built from, as ``docker compose config`` resolves it.

https://github.com/compose-spec/compose-spec/blob/main/build.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from whalebuild.compose.model import Model
from whalebuild.errors import EngineError
from whalebuild.jsonread import MalformedError, listed, maybe, table, text
from whalebuild.values import dataclass


@dataclass(frozen=True)
class ServiceBuild:
    """The ``build`` section of one service.

    Attributes:
        service: The service's name.
        context: A folder, absolute, or a URL.
        dockerfile: Its path, relative to the context or absolute.
        inline: The Dockerfile's text, where the compose file itself holds it.
        stage: The stage that is built (``build.target``); None is the last one.
        args: Build arguments; None is one that has its value from the environment.
        contexts: Named contexts (``additional_contexts``).
        platforms: Those that it names, for its build or for its containers; none is the builder's.
        image: The image's name, where it has one.
        uncached: Whether it wants every step to run in every build.
    """

    service: str
    context: str
    dockerfile: str = "Dockerfile"
    inline: str | None = None
    stage: str | None = None
    args: Mapping[str, str | None] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    image: str | None = None
    uncached: bool = False


def builds_of(model: Model) -> tuple[tuple[ServiceBuild, ...], tuple[str, ...]]:
    """The builds of a project, and the names of services that are not built.

    Raises:
        EngineError: It is nothing that compose prints.
    """
    services = model.raw.get("services") or {}
    try:
        read = {name: table(value).get("build") for name, value in services.items()}
        builds = [_build(name, table(b), services[name]) for name, b in read.items() if b]
    except MalformedError as malformed:
        raise EngineError(
            f"docker compose printed a build that cannot be read: {malformed}",
            next_step="check `docker compose config --format json` and `docker compose version`",
        ) from None
    return tuple(builds), tuple(name for name, build in read.items() if not build)


def _build(name: str, raw: Mapping[str, Any], service: Mapping[str, Any]) -> ServiceBuild:
    own = listed(raw.get("platforms") or [], text)
    platform = maybe(service.get("platform") or None, text)
    args = table(raw.get("args") or {})
    contexts = table(raw.get("additional_contexts") or {})
    return ServiceBuild(
        name,
        maybe(raw.get("context") or None, text) or ".",
        maybe(raw.get("dockerfile") or None, text) or "Dockerfile",
        maybe(raw.get("dockerfile_inline") or None, text),
        maybe(raw.get("target") or None, text),
        {key: None if value is None else str(value) for key, value in args.items()},
        {key: text(value) for key, value in contexts.items()},
        # For its containers one platform is built alone, whatever others the build names.
        (platform,) if platform else own,
        maybe(service.get("image") or None, text),
        bool(raw.get("no_cache")),
    )
