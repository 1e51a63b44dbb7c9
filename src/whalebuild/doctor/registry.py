"""Registries: reached, logged in to, read from, pushed to."""

from __future__ import annotations

from dataclasses import replace

from whalebuild.doctor.facts import LoginFacts, Ping
from whalebuild.doctor.finding import Finding, failure, ok, warning
from whalebuild.errors import UnreachableError
from whalebuild.failures.classify_http import HttpFailure
from whalebuild.failures.failure import Detail, Failure, FailureKind
from whalebuild.failures.messages import as_error
from whalebuild.oci.reference import is_loopback

_NOT_FOUND = 404
_HUB = "docker.io"


def judge_ping(registry: str, found: Ping | Failure) -> Finding:
    """Whether anybody is there who is a registry."""
    if isinstance(found, Failure):
        return _unreached(registry, found)
    if found.status == _NOT_FOUND:
        error = UnreachableError(
            f"{registry} answers, and is no registry",
            cause=f"GET {found.base}/: 404",
            next_step="check the image's name: its first part is the registry's host",
        )
        return failure(error)
    return ok(f"{registry} answers ({found.base.partition('://')[0]})")


def judge_login(registry: str, found: LoginFacts, *, asked: bool | None) -> Finding:
    """Where the login comes from.

    Args:
        registry: The registry.
        found: What docker's configuration has for it.
        asked: Whether it asks for one; None where it does not answer.
    """
    if found.problem:
        return warning(
            f"the login for {registry} cannot be had",
            cause=found.problem,
            next_step="correct ~/.docker/config.json, or log in anew",
            command=login_command(registry),
        )
    if found.source:
        return ok(f"{registry}: {found.source}")
    if asked:
        return warning(
            f"{registry}: there is no login",
            cause="neither docker's config.json, nor a credential helper, nor DOCKER_AUTH_CONFIG "
            "has one, and the registry asks for one",
            next_step="log in, unless anybody may read there",
            command=login_command(registry),
        )
    return ok(f"{registry}: none{', and it asks for none' if asked is False else ''}")


def judge_read(repository: str, registry: str, found: str | Failure | None) -> Finding:
    """Whether the repository may be read.

    Args:
        repository: The repository.
        registry: Its registry.
        found: A digest that it has, None for nothing, or why it could not be asked.
    """
    if isinstance(found, Failure):
        return _refused(f"{repository} cannot be read", registry, found)
    return ok(f"{repository}{'' if found else ', where nothing is published yet'}")


def judge_push(repository: str, registry: str, failed: Failure | None) -> Finding:
    """Whether the repository takes an upload; ``failed`` is why not."""
    if failed is None:
        return ok(f"{repository} takes an upload (begun, and cancelled)")
    if failed.kind is FailureKind.MISSING:
        return _no_repository(repository, registry, failed)
    found = _refused(f"{repository} takes no push", registry, failed)
    if not _denied(failed):
        return found
    return found.mended_by(
        None,
        "have the account be given push access, or log in as another one; a build that may not "
        "push reads only: `whalebuild bake --read-only`",
    )


def login_command(registry: str) -> str:
    """The command that logs in to a registry."""
    if registry.endswith(".azurecr.io"):
        return f"az acr login --name {registry.partition('.')[0]}"
    if registry.endswith((".pkg.dev", "gcr.io")):
        return f"gcloud auth configure-docker {registry}"
    if ".dkr.ecr." in registry:
        password = "aws ecr get-login-password"  # noqa: S105 - a command
        return f"{password} | docker login --username AWS --password-stdin {registry}"
    return "docker login" if registry == _HUB else f"docker login {registry}"


def _unreached(registry: str, found: Failure) -> Finding:
    error = UnreachableError(f"{registry} cannot be reached: {found.reason}", cause=found.evidence)
    command = None
    if found.detail is Detail.CERTIFICATE:
        folder = f"/etc/docker/certs.d/{registry}"
        command = f"sudo mkdir -p {folder} && sudo cp ca.crt {folder}/"
        step = (
            "get the certificate of its authority (ca.crt) from whoever runs the registry, and "
            "make it known to docker; a builder of another driver takes it from its buildkitd.toml"
        )
    elif found.detail is Detail.PLAIN_HTTP:
        step = (
            f'it speaks plain http: {{"insecure-registries": ["{registry}"]}} in the engine\'s '
            f'daemon.json, and [registry."{registry}"] http = true in the builder\'s buildkitd.toml'
        )
    elif is_loopback(registry):
        step = "start it: it is on this machine"
    else:
        step = "check its address, its state and the way there (proxy, VPN, firewall)"
    return failure(error, command).mended_by(None, step)


def _refused(what: str, registry: str, failed: Failure) -> Finding:
    if not _denied(failed):
        return failure(as_error(failed))
    found = failure(as_error(failed), login_command(registry))
    return replace(found, what=f"{what}: {failed.reason}")


def _denied(failed: Failure) -> bool:
    status = failed.status if isinstance(failed, HttpFailure) else None
    return status in {401, 403} or failed.kind in {FailureKind.CREDENTIAL, FailureKind.REFUSED}


def _no_repository(repository: str, registry: str, failed: Failure) -> Finding:
    path = repository.removeprefix(f"{registry}/")
    command = None
    if ".dkr.ecr." in registry:
        command = f"aws ecr create-repository --repository-name {path}"
    return failure(as_error(failed), command).mended_by(
        None, "make the repository first: this registry does not make one of a push"
    )
