"""The hash by which compose compares containers, as docker compose 2.40.3 computed it."""

from __future__ import annotations

from typing import Any

import pytest

from whalebuild.compose.containers import Container
from whalebuild.compose.hashes import containers_used, is_as_configured, service_hash
from whalebuild.oci.reference import Reference

# Printed by `docker compose config --format json`, and by `docker compose config --hash '*'`.
WEB: dict[str, Any] = {
    "build": {"context": "/srv/shop", "dockerfile": "Dockerfile"},
    "command": ["sh", "-c", "echo $$HOME <&> ü ☃"],
    "depends_on": {"db": {"condition": "service_started", "required": True}},
    "deploy": {
        "replicas": 3,
        "resources": {"limits": {"cpus": 0.5, "memory": "104857600"}},
        "placement": {},
    },
    "entrypoint": None,
    "environment": {"DEBUG": "0", "PRICE": "5$$"},
    "healthcheck": {"test": ["CMD", "true"], "interval": "5s"},
    "image": "registry.test/acme/web:v1",
    "labels": {"traefik.enable": "true"},
    "networks": {"default": None},
    "pull_policy": "always",
}
WEB_HASH = "6e879fba777f40a90519241a1492c647e68f83ac823a65842403235b556d503f"
DB: dict[str, Any] = {
    "command": None,
    "entrypoint": None,
    "image": "postgres:17",
    "networks": {"default": None},
    "volumes": [
        {"type": "volume", "source": "data", "target": "/var/lib/postgresql/data", "volume": {}}
    ],
}
DB_HASH = "4139bea4cc7a04b53b604eef4517bcb5eacb532411cb8c8aa08cb36eb8eacf67"
#: Of the service above with `network_mode: container:abc`.
SHARING_HASH = "3eba385ae7644653573b3301c9b45b2d0086baaf13ca8704f30ee9d08458d56e"


def sharing(mode: str) -> dict[str, Any]:
    found = {key: value for key, value in WEB.items() if key != "networks"}
    order = [*list(found)[:10], "network_mode", *list(found)[10:]]
    return {key: {**found, "network_mode": mode}[key] for key in order}


def container(name: str, service: str, config_hash: str, image: Reference | None = None) -> Any:
    return Container(name, name, service, "sha256:1", config_hash=config_hash, image_name=image)


def test_what_compose_prints() -> None:
    assert (service_hash(WEB), service_hash(DB)) == (WEB_HASH, DB_HASH)
    assert service_hash(sharing("container:abc")) == SHARING_HASH


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("build", {"context": "/elsewhere"}),
        ("depends_on", {}),
        ("pull_policy", "never"),
        ("profiles", ["debug"]),
        ("scale", 2),
        ("deploy", {**WEB["deploy"], "replicas": 5}),
    ],
)
def test_what_is_no_part_of_it(key: str, value: object) -> None:
    assert service_hash({**WEB, key: value}) == WEB_HASH


def test_of_a_service_whose_container_it_uses_it_is_the_first_container() -> None:
    containers = [
        container("zzz", "proxy", ""),
        container("abc", "proxy", ""),
        container("aaa", "web", ""),
    ]
    assert service_hash(sharing("service:proxy"), containers) == SHARING_HASH
    raw = {"volumes_from": ["proxy:ro", "container:abc"]}
    assert service_hash(raw, containers) == service_hash({"volumes_from": ["container:abc"] * 2})
    assert containers_used({**sharing("service:proxy"), "volumes_from": ["db:ro"]}) == (
        "proxy",
        "db",
    )


def test_a_container_may_have_been_started_by_another_name() -> None:
    """A rollback has started it by a tag that the file does not have any more."""
    v1 = Reference("registry.test/acme/web", "v1")
    newer = {**WEB, "image": "registry.test/acme/web:v2"}
    running = container("web", "web", WEB_HASH, v1)
    assert is_as_configured(newer, running, [running])
    assert not is_as_configured({**newer, "environment": {}}, running, [running])
    assert not is_as_configured(newer, container("web", "web", WEB_HASH), [])
