"""What ``docker buildx bake --print`` says, as values.

The bake file itself (HCL, JSON or compose) is never parsed here: buildx resolves variables,
functions, groups, matrices and inheritance, and prints plain targets.
https://docs.docker.com/build/bake/reference/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from whalebuild.errors import EngineError

# Target attributes that decide what its stages are made of; the rest says where results go.
_MADE_OF = ("context", "dockerfile", "dockerfile-inline", "args", "contexts", "secret", "ssh")
# The build argument that sets the dates of an image: https://reproducible-builds.org/specs/source-date-epoch/
EPOCH = "SOURCE_DATE_EPOCH"
TARGET_CONTEXT = "target:"
DEFAULT_GROUP = "default"


@dataclass(frozen=True)
class Target:
    """One bake target. ``attributes`` is all that buildx printed of it, kept as it was."""

    name: str
    attributes: Mapping[str, Any]

    @property
    def context(self) -> str:
        """The build context: a path relative to the current directory, or a URL."""
        return str(self.attributes.get("context") or ".")

    @property
    def dockerfile(self) -> str:
        """The Dockerfile's path, relative to the context."""
        return str(self.attributes.get("dockerfile") or "Dockerfile")

    @property
    def dockerfile_inline(self) -> str | None:
        """The Dockerfile's text where the bake file itself holds it."""
        return self.attributes.get("dockerfile-inline")

    @property
    def stage(self) -> str | None:
        """The Dockerfile stage to build (bake's ``target``); None is the last one."""
        return self.attributes.get("target")

    @property
    def tags(self) -> tuple[str, ...]:
        """The references that the bake file names."""
        return tuple(self.attributes.get("tags") or ())

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that the bake file names; none is the builder's own."""
        return tuple(self.attributes.get("platforms") or ())

    @property
    def args(self) -> Mapping[str, str]:
        """Build arguments."""
        return self.attributes.get("args") or {}

    @property
    def linked(self) -> tuple[str, ...]:
        """Names of the targets that this one uses as named contexts."""
        contexts = (self.attributes.get("contexts") or {}).values()
        return tuple(c.removeprefix(TARGET_CONTEXT) for c in contexts if _links(c))

    @property
    def made_of(self) -> Mapping[str, Any]:
        """The attributes that decide what a stage of this target contains."""
        return {name: self.attributes[name] for name in _MADE_OF if self.attributes.get(name)}

    def same_dockerfile(self, other: Target) -> bool:
        """Tell whether both build from one Dockerfile in one context."""
        own = (self.context, self.dockerfile, self.dockerfile_inline)
        return own == (other.context, other.dockerfile, other.dockerfile_inline)

    def with_attributes(self, **changes: Any) -> Target:
        """Return a copy with attributes set, or removed where the value is None.

        Names are written with ``_`` for ``-``.
        """
        merged = {**self.attributes, **{k.replace("_", "-"): v for k, v in changes.items()}}
        return replace(self, attributes={k: v for k, v in merged.items() if v is not None})


@dataclass(frozen=True)
class BakeFile:
    """Targets by name, and the names of those asked for (groups resolved, in order)."""

    targets: Mapping[str, Target]
    requested: tuple[str, ...]


def parse_print(printed: object) -> BakeFile:
    """Read the output of ``bake --print``.

    Raises:
        EngineError: It is not what buildx prints.
    """
    match printed:
        case {"target": dict() as targets, **rest} if _well_formed(targets, rest.get("group")):
            groups: Mapping[str, Any] = rest.get("group") or {}  # type: ignore[assignment]
            parsed = {name: Target(name, attributes) for name, attributes in targets.items()}
            requested = (leaf for leaf in _leaves(DEFAULT_GROUP, groups) if leaf in parsed)
            return BakeFile(parsed, tuple(dict.fromkeys(requested)))
    raise EngineError(
        "buildx printed no targets",
        cause="`docker buildx bake --print` answered with something else than a bake definition",
        next_step="check `docker buildx version` (0.12 or later) and run the command by hand",
    )


def _well_formed(targets: Mapping[str, Any], groups: object) -> bool:
    if not all(isinstance(attributes, dict) for attributes in targets.values()):
        return False
    members = groups.values() if isinstance(groups, dict) else [] if groups is None else [None]
    return all(isinstance(m, dict) and isinstance(m.get("targets") or [], list) for m in members)


def _leaves(name: str, groups: Mapping[str, Any]) -> tuple[str, ...]:
    """Flatten groups to target names; buildx has already refused unknown names and cycles."""
    if name not in groups:
        return (name,)
    # A target may bear its group's name: `bake app` prints the group default = [app].
    rest = {other: group for other, group in groups.items() if other != name}
    return tuple(leaf for m in groups[name].get("targets") or () for leaf in _leaves(m, rest))


def _links(context: object) -> bool:
    return isinstance(context, str) and context.startswith(TARGET_CONTEXT)
