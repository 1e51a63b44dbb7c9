"""What is read of a resolved compose project, and the project with other images."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whalebuild.compose.model import (
    Model,
    Service,
    UpdateOrder,
    read_model,
    resolved_with,
)
from whalebuild.errors import EngineError, UsageError
from whalebuild.oci.reference import Reference

DIGEST = f"sha256:{'a' * 64}"


def read(**service: Any) -> Service:
    model = read_model({"name": "shop", "services": {"web": service}})
    assert model.name == "shop"
    return model.services["web"]


def test_a_service_with_all_that_counts() -> None:
    assert read(
        image="r.test/web:latest",
        build={"context": "/shop"},
        pull_policy="always",
        platform="linux/arm64",
        deploy={"replicas": 3, "update_config": {"order": "start-first"}},
        ports=[{"target": 80, "mode": "ingress", "protocol": "tcp"}],
        networks={"default": None},
    ) == Service(
        "web",
        Reference("r.test/web", "latest"),
        built=True,
        pull_policy="always",
        order=UpdateOrder.START_FIRST,
        replicas=3,
        platform="linux/arm64",
        networks={"default": ()},
        publishes=True,
    )


def test_a_service_that_says_nothing() -> None:
    assert read(build={"context": "."}, command=None, deploy=None) == Service("web", None, True)
    assert read(image=DIGEST) == Service("web", None)
    assert read_model({"name": "none"}) == Model("none", {}, {"name": "none"})


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        ({"ports": [{"target": 80, "published": "8000"}]}, "it publishes port 8000"),
        ({"ports": [{"target": 81}, {"published": "80-80"}]}, "it publishes port 80-80"),
        ({"ports": [{"published": "8000-8005"}, {"published": "0"}, {"published": ""}]}, ""),
        ({"container_name": "db"}, "its container is called db"),
        ({"network_mode": "host"}, "it uses the host's network"),
        ({"network_mode": "service:proxy"}, "it uses the network of service proxy"),
        ({"network_mode": "container:vpn"}, "it uses the network of container vpn"),
        ({"network_mode": "none"}, ""),
        ({"networks": {"n": {"ipv4_address": "10.0.0.9"}}}, "its address is 10.0.0.9"),
        ({"networks": {"n": {"ipv6_address": "fd00::9"}}}, "its address is fd00::9"),
        ({"networks": {"a": None, "n": {"mac_address": "02:42"}}}, "its address is 02:42"),
        ({"networks": {"n": {"aliases": ["x"]}}}, ""),
        ({"mac_address": "02:42"}, "its address is 02:42"),
        ({"networks": {"n": {"gw_priority": 1}}}, "it has gw_priority in the network n"),
        ({"networks": {"n": {"driver_opts": {}, "priority": 0}}}, ""),
        ({"links": ["db:database"]}, "it has links"),
        ({"external_links": ["db"]}, "it has links"),
        ({"networks": {"n": None}, "hostname": "shop"}, "its hostname is shop"),
        ({"network_mode": "bridge", "hostname": "shop"}, ""),
    ],
)
def test_why_two_cannot_run_side_by_side(service: dict[str, Any], reason: str) -> None:
    found = read(image="web", **service)
    assert found.exclusive == reason
    assert found.on_host_network is reason.startswith("it uses the ")


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"links": ["web:shop"]}, "proxy links to it"),
        ({"volumes_from": ["web:ro"]}, "proxy uses its volumes"),
        ({"network_mode": "service:web"}, "proxy uses its network"),
        ({"pid": "service:web"}, "proxy uses its processes"),
        ({"ipc": "service:web"}, "proxy uses its memory"),
        ({"depends_on": {"web": {"restart": True}}}, "proxy is restarted with it"),
        ({"depends_on": {"web": {"condition": "service_started"}}}, ""),
    ],
)
def test_what_others_hold_on_to(other: dict[str, Any], reason: str) -> None:
    """Another container beside it would be none for them."""
    model = read_model({"name": "shop", "services": {"web": {"image": "web"}, "proxy": other}})
    assert model.services["web"].exclusive == reason
    assert model.services["proxy"].exclusive in {
        "it has links",
        "it uses the network of service web",
        "",
    }


def test_networks_go_by_the_names_that_the_engine_has() -> None:
    raw = {
        "name": "shop",
        "services": {"web": {"networks": {"default": None, "back": {"aliases": ["orders"]}}}},
        "networks": {
            "default": {"name": "shop_default"},
            "back": {"name": "own", "external": True},
        },
    }
    web = read_model(raw).services["web"]
    assert web.networks == {"shop_default": (), "own": ("orders",)}
    assert not web.publishes


@pytest.mark.parametrize(
    ("service", "replicas"),
    [({}, 1), ({"scale": 2}, 2), ({"scale": 0, "deploy": {"replicas": 3}}, 0)],
)
def test_how_many_containers(service: dict[str, Any], replicas: int) -> None:
    assert read(image="web", **service).replicas == replicas


def test_an_image_that_is_no_reference_is_the_users_mistake() -> None:
    with pytest.raises(UsageError) as caught:
        read(image="Web:latest")
    assert '"Web:latest" is not an image reference (image of service "web")' in caught.value.what


WRONG: list[Any] = [
    None,
    [],
    {},
    {"name": 3},
    {"name": "shop", "services": [3]},
    {"name": "shop", "services": {"web": None}},
    {"name": "shop", "services": {"web": {"image": 3}}},
    {"name": "shop", "services": {"web": {"scale": "many"}}},
    {"name": "shop", "services": {"web": {"scale": -1}}},
    {"name": "shop", "services": {"web": {"ports": ["80:80"]}}},
    {"name": "shop", "services": {"web": {"networks": ["default"]}}},
]


@pytest.mark.parametrize("found", WRONG)
def test_what_compose_does_not_print_is_an_error(found: object) -> None:
    with pytest.raises(EngineError) as caught:
        read_model(found)
    assert "docker compose config" in str(caught.value.next_step)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["image", "ports", "networks", "deploy", "scale", "published", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(values)
def test_nothing_gives_a_traceback(service: object) -> None:
    try:
        model = read_model({"name": "shop", "services": {"web": service}})
    except (UsageError, EngineError):
        return
    assert set(model.services) == {"web"}


def test_other_images_are_neither_pulled_nor_built() -> None:
    web = {"image": "web", "build": {"context": "."}, "profiles": ["a"], "environment": {"A": "$$"}}
    raw = {
        "name": "shop",
        "services": {"web": web, "db": {"image": "db", "pull_policy": "always"}},
        "volumes": {"v": {}},
    }
    model = read_model(raw)
    image = Reference("web", "latest", DIGEST)
    assert resolved_with(model, {"web": image}) == {
        "name": "shop",
        "services": {
            "web": {
                "image": f"web:latest@{DIGEST}",
                "pull_policy": "never",
                "environment": {"A": "$$"},
            },
            "db": {"image": "db", "pull_policy": "always"},
        },
        "volumes": {"v": {}},
    }
    assert model.raw["services"]["web"] is web
    assert "build" in web, "the model stays as it was"


def test_jobs_and_what_services_depend_on() -> None:
    found = read_model(
        {
            "name": "shop",
            "services": {
                "migrate": {"depends_on": {"db": {"condition": "service_healthy"}}},
                "web": {
                    "depends_on": {
                        "migrate": {"condition": "service_completed_successfully"},
                        "db": {},
                    }
                },
                "db": {},
            },
        }
    )
    services = found.services
    assert [name for name, each in services.items() if each.is_job] == ["migrate"]
    assert services["migrate"].depends_on == {"db": "service_healthy"}
    assert services["web"].depends_on == {
        "migrate": "service_completed_successfully",
        "db": "service_started",
    }


def test_what_a_service_may_write() -> None:
    volumes = [
        {"type": "volume", "source": "media", "target": "/media"},
        {"type": "bind", "source": "/srv/run", "target": "/run"},
        {"type": "bind", "source": "/etc/web", "target": "/etc/web", "read_only": True},
        {"type": "volume", "target": "/cache"},
        {"type": "tmpfs", "target": "/tmp"},
    ]
    found = read_model(
        {
            "name": "shop",
            "services": {"web": {"volumes": volumes}},
            "volumes": {"media": {"name": "shop_media"}},
        }
    )
    assert found.services["web"].writes == ("shop_media", "/srv/run")
