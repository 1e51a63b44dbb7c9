"""What is said to be another between two configurations of a service."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from whalebuild.compose.configuration import (
    Configuration,
    Contents,
    changed_files,
    changed_parts,
    changed_volumes,
    configuration_of,
    configuration_text,
    read_configuration,
)
from whalebuild.compose.model import read_model

RAW: dict[str, Any] = {
    "name": "shop",
    "services": {
        "web": {
            "image": "r.test/web:v1",
            "build": {"context": "/shop"},
            "environment": {"DEBUG": "0", "KEY": "secret"},
            "configs": [{"source": "nginx.conf", "target": "/etc/nginx.conf"}],
            "secrets": [{"source": "key"}],
            "volumes": [
                {"type": "volume", "source": "data", "target": "/data"},
                {"type": "bind", "source": "/srv/own.conf", "target": "/c", "read_only": True},
                {"type": "bind", "source": "/srv/written", "target": "/w"},
            ],
        },
        "db": {"image": "postgres:17", "network_mode": "none"},
    },
    "networks": {"default": {"name": "shop_default"}, "other": {}},
    "volumes": {"data": {"name": "shop_data"}, "unused": {}},
    "configs": {"nginx.conf": {"file": "/srv/nginx.conf"}, "unused": {}},
    "secrets": {"key": {"file": "/srv/key"}},
}
CONTENTS = Contents(
    {"config nginx.conf": "c1", "secret key": "s1", "file /srv/own.conf": "f1", "config x": "x"},
    {"config nginx.conf": "server {}"},
)


def web(**service: Any) -> Configuration:
    """The service with these fields."""
    services = {**RAW["services"], "web": {**RAW["services"]["web"], **service}}
    return configuration_of(read_model({**RAW, "services": services}), "web", CONTENTS)


def test_it_has_what_the_service_uses_and_nothing_else() -> None:
    found = web()
    assert found.resources == {
        "networks": {"default": {"name": "shop_default"}},
        "volumes": {"data": {"name": "shop_data"}},
        "configs": {"nginx.conf": {"file": "/srv/nginx.conf"}},
        "secrets": {"key": {"file": "/srv/key"}},
    }
    assert set(found.contents) == {"config nginx.conf", "secret key", "file /srv/own.conf"}
    assert found.texts == CONTENTS.texts
    assert configuration_of(read_model(RAW), "db", CONTENTS).resources == {}


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ({"environment": {"DEBUG": "1", "KEY": "other", "NEW": ""}},
         ("environment: DEBUG, KEY, NEW",)),
        ({"environment": {f"V{n}": "" for n in range(9)}},
         ("environment: DEBUG, KEY, V0, V1, V2, V3 and 5 more",)),
        ({"ports": [{"target": 80}], "command": ["x"]}, ("ports", "command")),
        # Compose replaces the containers of a service that gets a `deploy`.
        ({"deploy": {"replicas": 3}}, ("deploy",)),
        ({"deploy": {"replicas": 3, "resources": {}}}, ("deploy: resources",)),
        ({"image": "r.test/web:v2"}, ("image: r.test/web:v1 -> r.test/web:v2",)),
        ({"build": {"context": "/x"}, "depends_on": {"db": {}}, "pull_policy": "never"}, ()),
        ({"labels": {"a": "1"}}, ("labels: a",)),
    ],
)  # fmt: skip
def test_the_words(service: dict[str, Any], said: tuple[str, ...]) -> None:
    assert changed_parts(web(), web(**service)) == said
    assert "other" not in str(said)


def test_networks_and_volumes() -> None:
    old = web()
    net = replace(old, resources={**old.resources, "networks": {"default": {"driver": "x"}}})
    assert changed_parts(old, net) == ("network default",)
    renamed = replace(old, resources={**old.resources, "volumes": {"data": {"name": "other"}}})
    assert (changed_parts(old, renamed), changed_volumes(old, renamed)) == (("volume data",), ())
    defined = {"name": "shop_data", "driver_opts": {"type": "nfs"}}
    otherwise = replace(old, resources={**old.resources, "volumes": {"data": defined}})
    assert (changed_parts(old, otherwise), changed_volumes(old, otherwise)) == ((), ("data",))


def test_files_that_compose_does_not_compare() -> None:
    old = web()
    new = replace(old, contents={**old.contents, "secret key": "s2", "file /srv/own.conf": "f2"})
    assert (changed_parts(old, new), set(changed_files(old, new))) == (
        (),
        {"secret key", "file /srv/own.conf"},
    )
    inline = {"nginx.conf": {"content": "server {}"}}
    assert changed_files(old, replace(old, resources={**old.resources, "configs": inline})) == (
        "config nginx.conf",
    )
    # What could not be read then, or cannot now, is not compared.
    assert changed_files(replace(old, contents={}), old) == ()
    assert changed_files(old, replace(old, contents={})) == ()


def test_the_digest_is_that_of_all_but_the_image() -> None:
    assert web().digest == web(image="r.test/web:v2", build={"context": "/x"}).digest
    assert web().digest != web(environment={}).digest
    assert web().digest != replace(web(), contents={}).digest


def test_what_is_written_is_read() -> None:
    found = read_configuration(configuration_text(web()))
    assert found == web()
    assert found
    assert list(found.service) == list(web().service)  # compose's hash depends on the order


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": "whalebuild.configuration/2"}',
                                  '{"schema": "whalebuild.configuration/1", "service": []}',
                                  "[" * 100_000])  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    assert read_configuration(text) is None
