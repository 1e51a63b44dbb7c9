"""Configuration is part of a deployment: found, said, deployed and gone back from, on an engine.

What docker compose would do (``up --dry-run``) is the oracle of what is found.
"""

from __future__ import annotations

import gzip
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


@pytest.mark.extended
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
    assert "configured: environment: DEBUG, TOKEN" in shown.stdout
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


PROXY = """\
services:
  proxy:
    image: ${IMAGE}:latest
    stop_grace_period: 0s
    ports: ["127.0.0.1:${PORT}:8000"]
    configs: [{source: routes, target: /etc/routes.conf}]
    volumes: ["./tuning.conf:/etc/tuning.conf:ro"]
configs:
  routes: {file: ./routes.conf}
"""


@pytest.mark.extended
def test_files_that_compose_does_not_compare(web: Web, host: Host) -> None:
    """A proxy's config and a file that is mounted: replaced with them; configs are put back."""
    web.publish("1")
    host.write(PROXY)
    routes, tuning = host.folder / "routes.conf", host.folder / "tuning.conf"
    routes.write_text("to web $1\n")
    tuning.write_text("workers 1\n")
    host.result("deploy")
    [first] = host.containers()

    routes.write_text("to api $1\n")
    assert compose_would_replace(host) == set()  # it does not see it
    assert configured(host.result("deploy", "--dry-run")) == {"proxy": ["config routes"]}
    host.result("deploy")
    [second] = host.containers()
    assert second.id != first.id
    assert host.result("deploy")["done"] == "unchanged"

    back = host.whalebuild("rollback", check=True)
    [third] = host.containers()
    shown = host.run("docker", "exec", third.id, "cat", "/etc/routes.conf").stdout
    assert (shown, routes.read_text()) == ("to web $1\n", "to api $1\n")
    said = f"the later configuration of proxy is in compose.yaml, {routes}: change that, or `docker"
    assert said in back.stderr
    # The label names a file that is there, and is the project as it runs.
    file = third.labels["com.docker.compose.project.config_files"]
    assert host.compose("-f", file, "config", "--quiet").returncode == 0

    tuning.write_text("workers 2\n")
    words = configured(host.result("deploy"))["proxy"]
    assert set(words) == {"config routes", f"file {tuning}"}
    [fourth] = host.containers()
    assert fourth.labels["com.docker.compose.project.config_files"].endswith("/compose.yaml")


DJANGO = """\
x-app: &app
  image: ${IMAGE}:${TAG}
  stop_grace_period: 0s
  environment: {MODE: "${MODE}"}
  secrets: [key]
services:
  web:
    <<: *app
    ports: ["127.0.0.1:${PORT}:8000"]
    healthcheck: {test: ["CMD", "test", "${MODE}", "!=", "broken"], interval: 300ms, retries: 1}
  worker:
    <<: *app
    command: [sleep, infinity]
    healthcheck: {disable: true}
secrets:
  key: {file: ./key.txt}
"""


@pytest.mark.extended
def test_two_services_with_a_secret_and_a_tag(web: Web, host: Host) -> None:
    """A configuration that does not work is gone back from; a secret's value is kept nowhere."""
    web.publish("1", tag="v1")
    host.write(DJANGO)
    env, key = host.folder / ".env", host.folder / "key.txt"
    env.write_text("MODE=one\nTAG=v1\n")
    key.write_text(f"{PLANTED}-1\n")
    host.result("deploy")
    assert configured(host.result("deploy", "--dry-run")) == {}

    env.write_text("MODE=broken\nTAG=v1\n")
    broken = host.whalebuild("deploy", "--timeout", "30")
    assert broken.returncode == 8, broken.stderr
    assert "rolled back" in broken.stderr
    assert {environment(host, s)["MODE"] for s in ("web", "worker")} == {"one"}

    env.write_text("MODE=one\nTAG=v1\n")
    key.write_text(f"{PLANTED}-2\n")
    done = host.result("deploy")
    assert configured(done) == {"web": ["secret key"], "worker": ["secret key"]}

    web.publish("2", tag="v2")
    env.write_text("MODE=two\nTAG=v2\n")
    done = host.result("deploy")
    assert configured(done) == {
        "web": ["environment: MODE", "healthcheck"],
        "worker": ["environment: MODE"],
    }
    assert any("line 2 of .env (TAG) names" in each for each in done["notes"]), done["notes"]
    back = host.whalebuild("rollback", check=True)
    assert {environment(host, s)["MODE"] for s in ("web", "worker")} == {"one"}
    assert f"line 2 of .env (TAG) names {web.image}:v2" in back.stderr
    found = [gzip.decompress(each.read_bytes()).decode() for each in host.state.rglob("*.gz")]
    assert found
    said = [broken.stdout, broken.stderr, back.stdout, back.stderr, json.dumps(done)]
    assert PLANTED not in "".join([*said, kept_texts(host), *found])
