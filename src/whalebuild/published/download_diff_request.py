"""What is to be compared: an image, what a host has of it, and what it is to pull."""

from __future__ import annotations

from dataclasses import dataclass

from whalebuild.oci.reference import Reference, is_tag, parse_reference
from whalebuild.published.download import Kind


@dataclass(frozen=True)
class Wanted:
    """What to compare.

    Attributes:
        name: What the image is called on a host.
        origin: Where A is; with ``REGISTRY``, ``start`` is its reference.
    """

    name: Reference
    to: Reference
    origin: Kind = Kind.LOCAL
    start: Reference | None = None


def wanted(name: Reference, start: str | None, end: str | None) -> Wanted:
    """Read what ``--from`` and ``--to`` say of an image.

    Args:
        name: The image, with its tag.
        start: ``local``, ``running`` or as ``end``.
        end: A reference; a tag or digest alone is one of the same repository.

    Raises:
        UsageError: One of them is none of these.
    """
    to = _reference(name, end, "--to") if end else name
    if start in {None, Kind.LOCAL, Kind.RUNNING}:
        return Wanted(name, to, Kind(start or Kind.LOCAL))
    return Wanted(name, to, Kind.REGISTRY, _reference(name, start or "", "--from"))


def _reference(name: Reference, text: str, where: str) -> Reference:
    if is_tag(text.removeprefix(":")):
        return name.tagged(text.removeprefix(":"))
    if text.startswith(("@", "sha256:")):
        text = f"{name.repository}@{text.removeprefix('@')}"
    return parse_reference(text, where=where)
