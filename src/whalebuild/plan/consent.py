"""Refuses a bake that needs consent which the user has not given, before anything of it runs.

buildx asks the same (``bake.entitlements`` here), but not in the progress mode that whalebuild
reads, and only when it begins to build.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from whalebuild.bakefile.entitlements import (
    HERE,
    Consent,
    Missing,
    RealPath,
    Right,
    missing,
    paths_in,
)
from whalebuild.bakefile.needs import needs_of
from whalebuild.bakefile.target import Target
from whalebuild.failures.messages import privileges_error
from whalebuild.settings import Settings

_DOES = {
    Right.READ: "reads",
    Right.WRITE: "writes",
    Right.NETWORK: "runs steps in the host's network",
    Right.INSECURE: "runs privileged steps",
    Right.DEVICE: "uses devices of the builder",
    Right.SSH: "forwards the ssh agent",
}


def check_consent(
    targets: Iterable[Target], consent: Consent, real_path: Callable[[str], RealPath]
) -> None:
    """Refuse what there is no consent to.

    Args:
        targets: All that is built.
        consent: What the user has consented to.
        real_path: See ``plan.ports.SourceTree``.

    Raises:
        UsageError: Something needs consent; names all of it, and the flags to give.
    """
    needs = [need for target in targets for need in needs_of(target)]
    real = {path: real_path(path) for path in (HERE, *paths_in(needs, consent))}
    found = missing(needs, consent, real)
    if not found:
        return
    off = any(each.need.right in {Right.READ, Right.WRITE} for each in found)
    raise privileges_error(
        (each.allow for each in found),
        "; ".join(_said(each, real) for each in found),
        more=" (BUILDX_BAKE_ENTITLEMENTS_FS=0 turns the check of paths off)" if off else "",
    )


def with_consent(settings: Settings, consent: Consent) -> Settings:
    """Settings with all that there is consent to: ``--set`` does not reach buildx a second time."""
    if consent.allow == settings.allow:
        return settings
    given = f"{settings.origin('allow')}, --set" if settings.allow else "--set"
    return replace(settings, allow=consent.allow, origins={**settings.origins, "allow": given})


def _said(one: Missing, real: dict[str, RealPath]) -> str:
    need = one.need
    what = f'target "{need.target}" {_DOES[need.right]}'
    if need.value:
        what = f"{what} {need.value}"
    if need.right in {Right.READ, Right.WRITE}:
        allowed = one.allow.partition("=")[2]
        path = real[need.value]
        if allowed != need.value and not path.missing:
            what = f"{what}, which is {path.existing}"
        if path.missing:
            what = f"{what}, to be made in {path.existing}"
    return f"{what} ({need.subject})"
