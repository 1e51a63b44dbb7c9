"""The engine: whether it answers, and whether its image store will do."""

from __future__ import annotations

from whalebuild.doctor.facts import MACOS, EngineAddress, EngineFacts
from whalebuild.doctor.finding import Finding, failure, ok, skipped, warning
from whalebuild.errors import EngineError, WhalebuildError

_DOCKER = "docker"
_DENIED = "permission denied"
_OWN_ADDRESSES = ("", "unix:///var/run/docker.sock")
_TURN_ON = (
    'turn it on: {"features": {"containerd-snapshotter": true}} in the engine\'s daemon.json '
    "(Docker Desktop has a switch for it), and start it anew; or make a builder that does without"
)


def judge_engine(
    found: EngineFacts | WhalebuildError, address: EngineAddress, system: str, driver: str | None
) -> Finding:
    """The engine.

    Args:
        found: What it says, or why it says nothing.
        address: Where it is looked for.
        system: This machine's, as Python names it.
        driver: The driver of the builder that is used, where that is known.
    """
    if isinstance(found, EngineFacts):
        platform = f", {found.platform}" if found.platform else ""
        return ok(f"{found.version}{platform} ({address.endpoint or address.chosen_by})")
    if _DENIED in (found.cause or "").lower():
        return failure(found, 'sudo usermod -aG docker "$USER"').mended_by(
            None, "join the group docker, and log in again (or `newgrp docker`)"
        )
    where = f"{address.endpoint or 'the engine'} ({address.chosen_by})"
    if driver not in {None, _DOCKER}:
        return warning(
            f"no engine answers at {where}",
            cause=f'{found.cause}; the builder has the driver "{driver}" and does without',
            next_step="--load and `whalebuild deploy` need one",
            command=_start(address, system),
        )
    step = None if address.endpoint in _OWN_ADDRESSES else _point_elsewhere(address)
    return failure(found, _start(address, system)).mended_by(None, step)


def judge_store(
    engine: EngineFacts | WhalebuildError, driver: str | None, *, auto: bool = False
) -> Finding:
    """The image store, which only the docker driver depends on.

    Args:
        engine: What it says.
        driver: The driver of the builder that is used, where that is known.
        auto: Whether another builder is made where that one cannot do the job.
    """
    if isinstance(engine, WhalebuildError):
        return skipped("the engine does not answer")
    if engine.containerd_store:
        return ok("containerd")
    if driver not in {None, _DOCKER}:
        return ok(f'not containerd, which the driver "{driver}" does not depend on')
    if auto:
        return ok("not containerd; --builder auto makes a builder that does without")
    return failure(
        EngineError(
            "the engine does not keep images in containerd",
            cause="its docker driver can then export no cache to a registry, and build no more "
            "than one platform at once",
            next_step=_TURN_ON,
        ),
        "whalebuild builder create --use",
    )


def _start(address: EngineAddress, system: str) -> str | None:
    """The command that starts an engine on this machine."""
    if address.endpoint not in _OWN_ADDRESSES and address.chosen_by == "DOCKER_HOST":
        return "unset DOCKER_HOST"
    if system == MACOS:
        return "open -a Docker"
    return "sudo systemctl start docker" if address.endpoint in _OWN_ADDRESSES else None


def _point_elsewhere(address: EngineAddress) -> str:
    return (
        f"start it there, or use another one: {address.chosen_by} names {address.endpoint}; "
        "`docker context ls` lists others"
    )
