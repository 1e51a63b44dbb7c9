"""This machine: disks, the clock, proxies and authorities."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from whalebuild.doctor.facts import (
    LINUX,
    MACOS,
    AuthorityFacts,
    DiskFacts,
    Ping,
    ProxyFacts,
    Use,
)
from whalebuild.doctor.finding import Finding, failure, ok, skipped, warning
from whalebuild.errors import EngineError, UnreachableError
from whalebuild.text import human_bytes, human_seconds

#: Whose folder a :class:`DiskFacts` is, where it is the engine's.
ENGINE_DISK = "the engine's data"
_TIGHT_SHARE, _TIGHT_BYTES = 0.1, 2_000_000_000
_FULL_SHARE, _FULL_BYTES = 0.02, 100_000_000
# Shorter differences harm nobody: tokens are good for some seconds before they were made.
_SKEW_SECONDS = 30.0
_SET_CLOCK = {LINUX: "sudo timedatectl set-ntp true", MACOS: "sudo sntp -sS time.apple.com"}
_CACHE = "Build Cache"
_FREE = {
    "Images": "docker image prune",
    "Containers": "docker container prune",
    "Local Volumes": "docker volume prune",
    _CACHE: "docker buildx prune",
}


def is_tight(disk: DiskFacts) -> bool:
    """Whether there is little space left."""
    return _wanting(disk) > 0


def _wanting(disk: DiskFacts) -> float:
    """Bytes to be freed until it is not tight any more."""
    return min(_TIGHT_BYTES, disk.total * _TIGHT_SHARE) - disk.free


def judge_disks(disks: Sequence[DiskFacts], uses: Sequence[Use]) -> tuple[Finding, ...]:
    """The file systems that a bake writes to.

    Args:
        disks: Their space.
        uses: What takes the engine's, where that is tight.
    """
    found = [each for disk in disks for each in _disk(disk, uses)]
    if found:
        return tuple(found)
    least = min(disks, key=lambda disk: disk.free, default=None)
    return (ok(f"{human_bytes(least.free)} free at least ({least.path})" if least else "enough"),)


def judge_clock(
    pings: Mapping[str, Ping], engine_ahead: float | None, system: str
) -> tuple[Finding, ...]:
    """This machine's clock beside those of registries and of the engine."""
    known = {f"registry {name}": ping.ahead for name, ping in pings.items()}
    known["the engine"] = engine_ahead
    compared = {name: ahead for name, ahead in known.items() if ahead is not None}
    if not compared:
        return (skipped("there is no other clock to compare it with"),)
    off = {name: ahead for name, ahead in compared.items() if abs(ahead) > _SKEW_SECONDS}
    if not off:
        most = max(abs(ahead) for ahead in compared.values())
        return (ok(f"within {max(1, round(most))} s of {', '.join(compared)}"),)
    return tuple(_skewed(name, ahead, system) for name, ahead in off.items())


def judge_proxies(
    proxies: Sequence[ProxyFacts], used: Collection[str], authorities: Iterable[AuthorityFacts]
) -> tuple[Finding, ...]:
    """Proxies and authorities.

    Args:
        proxies: Those that are set.
        used: Addresses of those that requests to the registries go through.
        authorities: Variables that name certificates.
    """
    found = [_dead(proxy, needed=proxy.address in used) for proxy in proxies if proxy.problem]
    found += [_authority(each) for each in authorities if each.problem]
    if found:
        return tuple(found)
    named = [f"{proxy.address} ({proxy.where})" for proxy in proxies]
    named += [f"{each.path} ({each.variable})" for each in authorities]
    return (ok(", ".join(named) or "none are set"),)


def _disk(disk: DiskFacts, uses: Sequence[Use]) -> Iterator[Finding]:
    if not disk.writable:
        error = EngineError(
            f"{disk.what} cannot be written: {disk.path}",
            cause="this user may not write there",
            next_step="have it belong to this user, or name another folder",
        )
        yield failure(error, f'sudo chown -R "$USER" {disk.path}')
    if not is_tight(disk):
        return
    what = f"{disk.what}: {human_bytes(disk.free)} of {human_bytes(disk.total)} are free"
    cause, command = f"it is {disk.path}", None
    if disk.what == ENGINE_DISK:
        use = _to_free(disk, uses)
        if use:
            takes = "takes" if use.kind == _CACHE else "take"
            cause += (
                f"; the {use.kind.lower()} {takes} {use.size}, of which {use.reclaimable} can go"
            )
        command = _FREE.get(use.kind if use else "", "docker system df")
    step = "free some of it, or give it a larger disk"
    if disk.free < min(_FULL_BYTES, disk.total * _FULL_SHARE):
        yield failure(EngineError(what, cause=cause, next_step=step), command)
    else:
        yield warning(what, cause=cause, next_step=step, command=command)


def _to_free(disk: DiskFacts, uses: Sequence[Use]) -> Use | None:
    """What is to be freed: the build cache where that suffices, for it costs nothing but time."""
    cache = next((use for use in uses if use.kind == _CACHE), None)
    if cache and cache.reclaimable_bytes >= _wanting(disk):
        return cache
    return max(uses, key=lambda use: use.reclaimable_bytes, default=None)


def _skewed(name: str, ahead: float, system: str) -> Finding:
    side = "behind" if ahead > 0 else "ahead of"
    return warning(
        f"this machine's clock is {human_seconds(abs(ahead))} {side} that of {name}",
        cause="one of the two is wrong; where it is this one, tokens and certificates are refused "
        "as not valid yet, or any more",
        next_step="have the clock set by time servers",
        command=_SET_CLOCK.get(system),
    )


def _dead(proxy: ProxyFacts, *, needed: bool) -> Finding:
    what = f"nothing answers at the proxy {proxy.address} ({proxy.where})"
    is_variable = proxy.where.isupper() or proxy.where.endswith("_proxy")
    command = f"unset {proxy.where}" if is_variable else None
    step = f"correct it in {proxy.where}, or take it out"
    if needed:
        return failure(UnreachableError(what, cause=proxy.problem, next_step=step), command)
    cause = f"{proxy.problem}; the registries asked here are reached without it"
    return warning(what, cause=cause, next_step=step, command=command)


def _authority(found: AuthorityFacts) -> Finding:
    error = UnreachableError(
        f"{found.variable} names no certificates: {found.path}",
        cause=f"{found.problem}: no registry can prove who it is",
        next_step="name the file of the authorities, or take the variable out",
    )
    return failure(error, f"unset {found.variable}")
