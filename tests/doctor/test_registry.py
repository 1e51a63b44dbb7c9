"""What is said of registries."""

from __future__ import annotations

import pytest

from whalebuild.doctor.facts import LoginFacts, Ping
from whalebuild.doctor.finding import Status
from whalebuild.doctor.registry import (
    judge_login,
    judge_ping,
    judge_push,
    judge_read,
    login_command,
)
from whalebuild.errors import ExitCode
from whalebuild.failures.classify_http import NoAnswer, from_answer, no_answer

HOST, REPOSITORY = "ghcr.io", "ghcr.io/acme/web"
POST = f"POST https://{HOST}/v2/acme/web/blobs/uploads/"


@pytest.mark.parametrize(
    ("registry", "why", "said"),
    [
        (HOST, NoAnswer.CERTIFICATE, "get the certificate of its authority"),
        ("r.test:5000", NoAnswer.PLAIN_HTTP, '{"insecure-registries": ["r.test:5000"]}'),
        ("localhost:5000", NoAnswer.REFUSED, "start it: it is on this machine"),
        (HOST, NoAnswer.NAME, "check its address, its state and the way there"),
    ],
)
def test_registries_that_are_not_reached(registry: str, why: NoAnswer, said: str) -> None:
    found = judge_ping(registry, no_answer(f"GET https://{registry}/v2/", why))
    assert (found.status, found.exit_code) == (Status.FAILURE, ExitCode.UNREACHABLE)
    assert found.what == f"{registry} cannot be reached: {why.reason}"
    assert said in str(found.next_step)


def test_answers_to_the_first_request() -> None:
    assert judge_ping(HOST, Ping(401, "https://ghcr.io/v2")).status is Status.OK
    assert judge_ping(HOST, Ping(404, "https://ghcr.io/v2")).exit_code == ExitCode.UNREACHABLE


def test_logins() -> None:
    good = judge_login(HOST, LoginFacts("docker-credential-osxkeychain"), asked=True)
    assert good.what == "ghcr.io: docker-credential-osxkeychain"
    none = judge_login(HOST, LoginFacts(""), asked=True)
    assert (none.status, none.command) == (Status.WARNING, "docker login ghcr.io")
    assert (
        judge_login(HOST, LoginFacts(""), asked=False).what == "ghcr.io: none, and it asks for none"
    )
    assert judge_login(HOST, LoginFacts(""), asked=None).what == "ghcr.io: none"
    lost = judge_login(HOST, LoginFacts("", "docker-credential-x is not on PATH"), asked=False)
    assert lost.status is Status.WARNING


@pytest.mark.parametrize(
    ("registry", "command"),
    [
        ("docker.io", "docker login"),
        (HOST, "docker login ghcr.io"),
        ("acme.azurecr.io", "az acr login --name acme"),
        ("europe-docker.pkg.dev", "gcloud auth configure-docker europe-docker.pkg.dev"),
        (
            "1.dkr.ecr.eu-west-1.amazonaws.com",
            (
                "aws ecr get-login-password | docker login --username AWS --password-stdin "
                "1.dkr.ecr.eu-west-1.amazonaws.com"
            ),
        ),
    ],
)
def test_commands_that_log_in(registry: str, command: str) -> None:
    assert login_command(registry) == command


def test_a_push_that_is_refused() -> None:
    body = b'{"errors": [{"code": "DENIED", "message": "no write access"}]}'
    found = judge_push(REPOSITORY, HOST, from_answer(POST, 403, {}, body))
    assert (found.status, found.exit_code) == (Status.FAILURE, ExitCode.REFUSED)
    assert found.what.startswith("ghcr.io/acme/web takes no push: denied: no write access")
    assert "--read-only" in str(found.next_step)


def test_a_repository_that_is_to_be_made_first() -> None:
    host = "1.dkr.ecr.eu-west-1.amazonaws.com"
    found = judge_push(f"{host}/acme/web", host, from_answer(POST, 404, {}, b""))
    assert found.command == "aws ecr create-repository --repository-name acme/web"
    other = judge_push(REPOSITORY, HOST, from_answer(POST, 404, {}, b""))
    assert other.command is None
    assert "make the repository first" in str(other.next_step)


def test_a_registry_that_is_down_is_not_one_that_refuses() -> None:
    found = judge_push(REPOSITORY, HOST, from_answer(POST, 503, {}, b""))
    assert (found.exit_code, found.command) == (ExitCode.UNREACHABLE, None)


def test_reading() -> None:
    assert judge_read(REPOSITORY, HOST, "sha256:1").what == REPOSITORY
    assert "nothing is published yet" in judge_read(REPOSITORY, HOST, None).what
    refused = from_answer("HEAD https://ghcr.io/v2/acme/web/manifests/latest", 401, {}, b"")
    assert judge_read(REPOSITORY, HOST, refused).command == "docker login ghcr.io"
