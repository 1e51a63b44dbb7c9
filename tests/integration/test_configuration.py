"""Configuration is part of a deployment: found, said, deployed and gone back from, on an engine.

What docker compose would do (``up --dry-run``) is the oracle of what is found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.deploys import Host, Web
from tests.integration.sandbox import Sandbox

PLANTED = "planted-value-that-nobody-may-see"
WEB = """\
x-common: &common
  image: ${IMAGE}:latest
  restart: unless-stopped
  stop_grace_period: 0s
services:
  web:
    <<: *common
    ports: ["127.0.0.1:${PORT}:8000"]
    env_file: [web.env]
    environment: {DEBUG: "${DEBUG}"}
"""


@pytest.fixture(scope="module")
def engine(sandbox: Sandbox) -> Iterator[str]:
    """A production host's engine; tests have repositories and records of their own."""
    with sandbox.fresh_engine("host") as engine:
        yield engine


def configured(result: dict[str, Any]) -> dict[str, list[str]]:
    """What is said to become another of each service."""
    return {s["service"]: s["configured"] for s in result["services"] if s["configured"]}


def environment(host: Host, service: str = "web") -> dict[str, str]:
    """The environment of a service's container."""
    [container] = [each for each in host.containers() if each.service == service]
    shown = host.run("docker", "inspect", "--format", "{{json .Config.Env}}", container.id).stdout
    return dict(each.split("=", 1) for each in json.loads(shown))


def compose_would_replace(host: Host) -> set[str]:
    """The services of which ``docker compose up`` would replace containers."""
    done = host.compose("--ansi", "never", "up", "--detach", "--dry-run")
    found = re.findall(r"Container (\S+)-\d+\s+Recreate\b", done.stderr + done.stdout)
    return {name.removeprefix(f"{host.env['COMPOSE_PROJECT_NAME']}-") for name in found}


def kept_texts(host: Host) -> str:
    """All that is in the record, and the labels of what is on the engine."""
    lines = "\n".join(file.read_text() for file in host.state.rglob("*.jsonl"))
    labels = [
        host.run("docker", *words, "--format", "{{json .Labels}}").stdout
        for words in (("ps", "-a"), ("volume", "ls"), ("network", "ls"))
    ]
    return lines + "\n".join(labels)


def test_the_environment(web: Web, host: Host) -> None:
    """From ``.env`` and an ``env_file``: shown by name, deployed, and gone back from."""
    web.publish("1")
    host.write(WEB)
    (host.folder / ".env").write_text("DEBUG=0\n")
    (host.folder / "web.env").write_text(f"TOKEN={PLANTED}-1\nSAME=1\n")
    assert configured(host.result("deploy")) == {}
    before = environment(host)
    assert host.result("deploy")["done"] == "unchanged"

    (host.folder / ".env").write_text("DEBUG=1\n")
    (host.folder / "web.env").write_text(f"TOKEN={PLANTED}-2\nSAME=1\n")
    plan = host.result("deploy", "--dry-run")
    assert configured(plan) == {"web": ["environment: DEBUG, TOKEN"]}
    assert compose_would_replace(host) == {"web"}
    shown = host.whalebuild("deploy", check=True)
    assert "configured; environment: DEBUG, TOKEN" in shown.stdout
    assert (environment(host)["DEBUG"], environment(host)["TOKEN"]) == ("1", f"{PLANTED}-2")
    assert compose_would_replace(host) == set()
    assert host.result("deploy")["done"] == "unchanged"

    back = host.whalebuild("rollback", check=True)
    assert environment(host) == before
    # By hand, the files would start the new configuration: that is said.
    assert compose_would_replace(host) == {"web"}
    again = host.result("deploy")
    assert configured(again) == {"web": ["environment: DEBUG, TOKEN"]}
    said = [json.dumps(each) for each in (plan, again)] + [shown.stdout + shown.stderr]
    assert PLANTED not in "".join([*said, back.stdout, back.stderr, kept_texts(host)])
