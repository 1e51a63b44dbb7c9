"""Platforms: ``os/architecture[/variant]``, as containerd and the OCI image index name them.

https://github.com/opencontainers/image-spec/blob/main/image-index.md#platform-variants
"""

from __future__ import annotations

from collections.abc import Iterable

from whalebuild.errors import UsageError
from whalebuild.text import did_you_mean

_LINUX = "386 amd64 amd64/v2 amd64/v3 amd64/v4 arm arm/v5 arm/v6 arm/v7 arm64 arm64/v8 loong64"
_LINUX += " mips64le ppc64le riscv64 s390x"
_OTHERS = ("windows", "freebsd", "darwin")
KNOWN = frozenset(f"linux/{architecture}" for architecture in _LINUX.split()) | frozenset(
    f"{system}/{architecture}" for system in _OTHERS for architecture in ("amd64", "arm64")
)
# buildx's word for the platform of the node that builds.
LOCAL = "local"
_DEFAULT_VARIANT = {"linux/arm64/v8": "linux/arm64", "linux/amd64/v1": "linux/amd64"}
_SYNONYMS = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    # From ``uname -m``, which ``docker info`` shows.
    "i686": "386",
    "armv6l": "arm/v6",
    "armv7l": "arm/v7",
}


def parse_platforms(values: Iterable[str], *, where: str) -> tuple[str, ...]:
    """Split at commas, normalise and check platforms; keep the order, drop duplicates.

    Raises:
        UsageError: One of them is not a platform.
    """
    words = (word.strip() for value in values for word in value.split(","))
    return tuple(dict.fromkeys(_platform(word, where) for word in words if word))


def parse_platform(text: str, *, where: str) -> str | None:
    """Read one platform; None for ``local``.

    Raises:
        UsageError: The text is not exactly one platform.
    """
    found = parse_platforms([text], where=where)
    if len(found) != 1:
        raise UsageError(f'"{text}" is not one platform ({where})', next_step="name one of them")
    return found[0] if found[0] != LOCAL else None


def resolve(platforms: Iterable[str], own: str) -> tuple[str, ...]:
    """Replace ``local`` by the builder's own platform."""
    return tuple(dict.fromkeys(own if platform == LOCAL else platform for platform in platforms))


def runnable(own: str) -> tuple[str, ...]:
    """Platforms that an engine runs natively, best first: of an image it takes the first one.

    ``platformVector`` in ``compare.go`` of https://github.com/containerd/platforms.
    """
    system, architecture, *variant = own.split("/")
    if architecture == "amd64":
        levels = range(int(variant[0][1:]) - 1 if variant else 0, 1, -1)
        older = [*(f"amd64/v{level}" for level in levels), *(["amd64"] if variant else []), "386"]
    elif architecture == "arm64":
        older = [f"arm/v{version}" for version in (8, 7, 6, 5)]
    elif architecture == "arm":
        older = [
            f"arm/v{version}" for version in range(int(variant[0][1:]) - 1 if variant else 6, 4, -1)
        ]
    else:
        older = []
    return (own, *(f"{system}/{each}" for each in older))


def _platform(word: str, where: str) -> str:
    system, *rest = word.lower().split("/")
    platform = "/".join([system, *(_SYNONYMS.get(part, part) for part in rest)])
    platform = _DEFAULT_VARIANT.get(platform, platform)
    if platform in KNOWN or platform == LOCAL:
        return platform
    whole = platform if "/" in platform else f"linux/{_SYNONYMS.get(system, system)}"
    raise UsageError(
        f'"{word}" is not a platform ({where})',
        cause=f'did you mean "{whole}"?' if whole in KNOWN else did_you_mean(whole, KNOWN),
        next_step="write os/architecture[/variant], such as linux/amd64 or linux/arm64",
    )
