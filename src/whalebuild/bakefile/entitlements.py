"""What a bake needs the user's consent for, and which of it has none.

These are buildx's entitlements: ``bake/entitlements.go`` of docker/buildx, and
https://docs.docker.com/reference/cli/docker/buildx/bake/#allow. A bake may read and write below the
current folder; it needs consent (``--allow``, or ``--set``, which names it on the command line) for
other paths, for the host's network, for privileged steps, for devices and for the ssh agent.

Two things are stricter here, as the documentation has them and that file has not: ``/src/app`` does
not stand for ``/src/app-secrets``, and the paths of every target count, not those of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from posixpath import join, relpath

from whalebuild.bakefile.fields import fields_of, output_fields, ssh_fields
from whalebuild.values import dataclass

HERE = "."
_ANYWHERE = "*"
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


class Right(StrEnum):
    """What consent is given for, as ``--allow`` calls it."""

    READ = "fs.read"
    WRITE = "fs.write"
    NETWORK = "network.host"
    INSECURE = "security.insecure"
    DEVICE = "device"
    SSH = "ssh"


_OF_FILES = frozenset({Right.READ, Right.WRITE, Right.SSH})


@dataclass(frozen=True)
class Need:
    """Something that a target needs consent for.

    Attributes:
        target: The target's name.
        subject: What of the target it is, such as ``its context``.
        value: The path as it is written, or the device's name; empty where there is neither.
    """

    target: str
    right: Right
    subject: str
    value: str = ""


@dataclass(frozen=True)
class RealPath:
    """A path without links.

    Attributes:
        existing: The part of it that exists; absolute.
        missing: The rest, relative to that; empty where all of it exists.
    """

    existing: str
    missing: str = ""


@dataclass(frozen=True)
class Consent:
    """What the user has consented to.

    Attributes:
        allow: In the form of ``--allow``.
        check_files: Whether paths and the ssh agent need consent at all.
    """

    allow: tuple[str, ...] = ()
    check_files: bool = True

    def paths(self, right: Right) -> tuple[str, ...]:
        """The paths for which a right is given, as they are written."""
        keys = (right.value, "fs")
        found = (each.partition("=") for each in self.allow)
        return (HERE, *(path or HERE for key, _, path in found if key in keys))

    def has(self, need: Need) -> bool:
        """Whether there is consent to what is no path."""
        if need.right is Right.DEVICE:
            named = {device_name(each.partition("=")[2]) for each in self.allow if is_device(each)}
            return "" in named or need.value in named
        return need.right.value in self.allow


@dataclass(frozen=True)
class Missing:
    """A need without consent, and the value of ``--allow`` that gives it."""

    need: Need
    allow: str


def consent_of(
    allow: Sequence[str], overrides: Iterable[str], check_files: str | None = None
) -> Consent:
    """Read what a command line consents to.

    Args:
        allow: The values of ``--allow``.
        overrides: The values of ``--set``.
        check_files: The variable ``BUILDX_BAKE_ENTITLEMENTS_FS``; None where it is not set.
    """
    named = tuple(each for override in overrides for each in _named_in(override))
    return Consent(tuple(dict.fromkeys((*allow, *named))), check_files not in _FALSE)


def paths_in(needs: Iterable[Need], consent: Consent) -> frozenset[str]:
    """The paths that :func:`missing` has to know the real ones of."""
    found = {need.value for need in needs if _is_path(need)}
    given = {path for right in (Right.READ, Right.WRITE) for path in consent.paths(right)}
    return frozenset((found | given) - {_ANYWHERE})


def missing(
    needs: Iterable[Need], consent: Consent, real: Mapping[str, RealPath]
) -> tuple[Missing, ...]:
    """The needs without consent, each target's path only once if others lie below it.

    Args:
        needs: Of all targets that are built.
        consent: What there is consent to.
        real: For each of :func:`paths_in` the real path.
    """
    found = []
    for need in dict.fromkeys(needs):
        if need.right in _OF_FILES and not consent.check_files:
            continue
        if not _is_path(need):
            if not consent.has(need):
                found.append(Missing(need, "=".join(filter(None, (need.right, need.value)))))
            continue
        given = consent.paths(need.right)
        path = real[need.value].existing
        if _ANYWHERE in given or any(_is_below(path, _whole(real[each])) for each in given):
            continue
        found.append(Missing(need, f"{need.right}={_shown(path, real[HERE].existing)}"))
    return tuple(each for each in found if not _is_covered(each, found, real))


def _named_in(override: str) -> Iterator[str]:
    """What ``--set`` consents to, in the form of ``--allow`` (``AddOverrides`` of ``bake.go``)."""
    left, _, value = override.partition("=")
    key = left.removesuffix("+").split(".", 2)[1:2]
    match key:
        case ["cache-from"] if fields_of(value).get("type") == "local":
            yield from _allow(Right.READ, fields_of(value).get("src"))
        case ["cache-to"] if fields_of(value).get("type") == "local":
            yield from _allow(Right.WRITE, fields_of(value).get("dest"))
        case ["output"]:
            yield from _allow(Right.WRITE, output_fields(value).get("dest"))
        case ["secret" | "secrets"]:
            fields = fields_of(value)
            yield from _allow(Right.READ, fields.get("src") or fields.get("source"))
        case ["ssh"]:
            for path in ssh_fields(value)[1]:
                yield from _allow(Right.READ, path)
        case ["entitlements"] if value in {Right.NETWORK, Right.INSECURE}:
            yield value


def _allow(right: Right, path: str | None) -> Iterator[str]:
    if path:
        yield f"{right}={path}"


def is_device(entitlement: str) -> bool:
    """Whether an entitlement is of devices, ``device`` or ``device=NAME``."""
    return entitlement.partition("=")[0] == Right.DEVICE


def device_name(written: str) -> str:
    """A device's name; it may have options after it."""
    return written.partition(",")[0]


def _is_path(need: Need) -> bool:
    return need.right in {Right.READ, Right.WRITE}


def _whole(path: RealPath) -> str:
    return join(path.existing, path.missing) if path.missing else path.existing


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _is_covered(one: Missing, found: Iterable[Missing], real: Mapping[str, RealPath]) -> bool:
    """Whether another path of the same target has to be allowed, and this one lies below it."""
    if not _is_path(one.need):
        return False
    own = real[one.need.value].existing
    others = (o.need for o in found if o.need != one.need)
    same = (o for o in others if (o.target, o.right) == (one.need.target, one.need.right))
    above = (real[other.value].existing for other in same)
    return any(path != own and _is_below(own, path) for path in above)


def _shown(path: str, here: str) -> str:
    """A path as ``--allow`` is given it: relative where that is short."""
    relative = relpath(path, here)
    return path if relative.startswith("../..") else relative
