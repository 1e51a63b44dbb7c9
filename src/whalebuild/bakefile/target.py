"""What ``docker buildx bake --print`` says, as values.

The bake file itself (HCL, JSON or compose) is never parsed here: buildx resolves variables,
functions, groups, matrices and inheritance, and prints plain targets.
https://docs.docker.com/build/bake/reference/
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from whalebuild.bakefile.fields import fields_of, output_fields
from whalebuild.bakefile.templates import unescape_printed
from whalebuild.errors import EngineError
from whalebuild.values import dataclass

# Target attributes that decide what its stages are made of; the rest says where results go.
_MADE_OF = ("context", "dockerfile", "dockerfile-inline", "args", "contexts", "secret", "ssh")
# Attributes of which two targets may have different ones, and be one image.
_ASIDE = frozenset(
    {
        *("tags", "platforms", "output", "cache-from", "cache-to", "description", "matrix", "name"),
        *("no-cache", "no-cache-filter", "pull", "call", "entitlements"),
    }
)
_DEFAULTS = (("context", "."), ("dockerfile", "Dockerfile"))
# The build argument that sets the dates of an image: https://reproducible-builds.org/specs/source-date-epoch/
EPOCH = "SOURCE_DATE_EPOCH"
TARGET_CONTEXT = "target:"
DEFAULT_GROUP = "default"


@dataclass(frozen=True)
class Target:
    """One bake target. ``attributes`` is all that buildx printed of it, without its escapes."""

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
    def dockerfile_path(self) -> str | None:
        """Its path, relative to the current directory; None where the context is not here."""
        if "://" in self.context or self.context == "-":
            return None
        return posixpath.normpath(posixpath.join(self.context, self.dockerfile))

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
    def call(self) -> str | None:
        """What the Dockerfile frontend is asked for in place of a build, say ``check``.

        https://docs.docker.com/build/bake/reference/#targetcall
        """
        name = str(self.attributes.get("call") or "").partition(",")[0]
        return name if name not in {"", "build"} else None

    @property
    def outputs(self) -> tuple[Mapping[str, str], ...]:
        """What is made of the result, one mapping (``type``, ``dest``, …) for each; may be none."""
        written = (output_fields(each) for each in self.attributes.get("output") or ())
        return tuple({key: str(value or "") for key, value in each.items()} for each in written)

    @property
    def exported_caches(self) -> list[Any]:
        """The caches that are exported, as they are written."""
        return list(self.attributes.get("cache-to") or ())

    @property
    def local_caches(self) -> list[Any]:
        """Those of them that are exported into folders of this machine."""
        return [each for each in self.exported_caches if fields_of(each).get("type") == "local"]

    @property
    def args(self) -> Mapping[str, str]:
        """Build arguments."""
        return self.attributes.get("args") or {}

    @property
    def contexts(self) -> Mapping[str, str]:
        """Named contexts."""
        return self.attributes.get("contexts") or {}

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of the image, beside those of its stages."""
        given = self.attributes.get("labels") or {}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def linked(self) -> tuple[str, ...]:
        """Names of the targets that this one uses as named contexts."""
        contexts = self.contexts.values()
        return tuple(c.removeprefix(TARGET_CONTEXT) for c in contexts if _links(c))

    @property
    def made_of(self) -> Mapping[str, Any]:
        """The attributes that decide what a stage of this target contains."""
        return {name: self.attributes[name] for name in _MADE_OF if self.attributes.get(name)}

    def differs(self, other: Target) -> str | None:
        """Name an attribute that makes the other target's image another one; None if there is none.

        Caches and names decide nothing, nor do outputs that are no image.
        """
        own, others = self._deciding, other._deciding
        names = dict.fromkeys([*own, *others])
        return next((name for name in names if own.get(name) != others.get(name)), None)

    @property
    def _deciding(self) -> Mapping[str, Any]:
        """The attributes that decide about the image, but for its platforms."""
        kept = {
            name: value
            for name, value in self.attributes.items()
            if value and name not in _ASIDE and (name, value) not in _DEFAULTS
        }
        images = [dict(o) for o in self.outputs if o.get("type") in {"image", "registry"}]
        options = [{k: v for k, v in o.items() if k not in {"type", "push"}} for o in images]
        return {**kept, "output": [each for each in options if each]}

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
    """Targets by name, and those asked for.

    Attributes:
        requested: Names of targets, groups resolved, in order.
        chosen: Whether they were named, and are not what the default group has.
    """

    targets: Mapping[str, Target]
    requested: tuple[str, ...]
    chosen: bool = False


def parse_print(printed: object, asked: Sequence[str] = (), *, escaped: bool = False) -> BakeFile:
    """Read the output of ``bake --print``.

    Args:
        printed: The parsed output.
        asked: The targets, groups and patterns that buildx was given; none is the default group.
        escaped: Whether the buildx that printed it escapes, see ``templates``.

    Raises:
        EngineError: It is not what buildx prints.
    """
    match printed:
        case {"target": dict() as targets, **rest} if _well_formed(targets, rest.get("group")):
            groups: Mapping[str, Any] = rest.get("group") or {}  # type: ignore[assignment]
            read = unescape_printed if escaped else dict
            parsed = {name: Target(name, read(attributes)) for name, attributes in targets.items()}
            leaves = [leaf for leaf in _leaves(DEFAULT_GROUP, groups) if leaf in parsed]
            # buildx prints the requested ones as the group "default", and leaves a target of that
            # name out of it (``ReadTargets`` in ``bake/bake.go``).
            if DEFAULT_GROUP in parsed and any(fnmatchcase(DEFAULT_GROUP, word) for word in asked):
                leaves.append(DEFAULT_GROUP)
            requested = tuple(dict.fromkeys(leaves))
            return BakeFile(parsed, requested, chosen=bool(asked) and [*asked] != [DEFAULT_GROUP])
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
