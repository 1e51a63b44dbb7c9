"""Several services in one bake file and on one registry: what goes there, and how often."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import published
from tests.integration.proxy import Exchange, Proxy, faulty_registry
from tests.integration.sandbox import Sandbox

_NAMES = ("web", "worker", "cron")
_DOCKERFILE = """\
FROM {base} AS dependencies
COPY requirements.txt /requirements.txt
RUN cp /requirements.txt /installed
FROM dependencies AS final
COPY --link app.sh /app.sh
CMD ["sh", "/app.sh"]
"""


@pytest.fixture
def proxy(sandbox: Sandbox) -> Iterator[Proxy]:
    with faulty_registry(sandbox.registry) as counted:
        yield counted


def _write(folder: Path, prefix: str, base: str) -> Path:
    targets: dict[str, dict[str, object]] = {}
    for name in _NAMES:
        own = folder / name
        own.mkdir(parents=True)
        (own / "Dockerfile").write_text(_DOCKERFILE.replace("{base}", base))
        (own / "requirements.txt").write_text(f"{prefix}/{name}\n")
        (own / "app.sh").write_text(f"echo {name}\n")
        deps = {"context": name, "target": "dependencies", "tags": [f"{prefix}/{name}:deps"]}
        targets |= {f"{name}-deps": deps, name: {"context": name, "tags": [f"{prefix}/{name}:1"]}}
    group = {"default": {"targets": list(targets)}}
    (folder / "docker-bake.json").write_text(json.dumps({"group": group, "target": targets}))
    return folder


def _sent(exchanges: list[Exchange]) -> int:
    return sum(each.up for each in exchanges)


def _layers(sandbox: Sandbox, repository: str) -> dict[str, int]:
    """Digests and sizes of the layers of all services."""
    found: dict[str, int] = {}
    for name in _NAMES:
        where = f"{repository}/{name}"
        for child in published.manifest(sandbox.registry, where, "1")["manifests"]:
            image = published.manifest(sandbox.registry, where, child["digest"])
            found |= {layer["digest"]: layer["size"] for layer in image["layers"]}
    return found


@pytest.mark.extended
def test_a_base_on_the_same_registry_is_not_sent_at_all(
    sandbox: Sandbox, tmp_path: Path, repository: str, proxy: Proxy, tiny_base: str
) -> None:
    base = tiny_base.replace(sandbox.registry, proxy.address)
    folder = _write(tmp_path / "services", f"{proxy.address}/{repository}", base)
    sandbox.whalebuild("bake", cwd=folder, check=True)
    sizes = _layers(sandbox, repository)
    of_base = max(sizes.values())
    assert of_base > 1_000_000
    assert _sent(proxy.exchanges) < of_base / 10
    mounts = [e for e in proxy.exchanges if "mount=" in e.path and e.status == 201]
    assert len(mounts) >= len(_NAMES)
    for name in _NAMES:
        assert published.check_whole(sandbox.registry, f"{repository}/{name}", "1") > 1

    proxy.begin()
    sandbox.whalebuild("bake", cwd=folder, check=True)
    assert len(proxy.exchanges) == 2 * len(_NAMES), "nothing has changed"


@pytest.mark.extended
@pytest.mark.parametrize("driver", ["docker", "remote"])
def test_a_base_from_elsewhere_is_sent_once(
    sandbox: Sandbox, tmp_path: Path, repository: str, proxy: Proxy, fresh: str, driver: str
) -> None:
    prefix = f"{proxy.address}/{repository}"
    folder = _write(tmp_path / "services", prefix, sandbox.python_image)
    if driver == "docker":
        sandbox.whalebuild("bake", cwd=folder, engine=fresh, check=True)
    else:
        with sandbox.remote_builder(f"many-{fresh}", {fresh: ""}, client=fresh) as builder:
            words = ("bake", "--builder", builder)
            sandbox.whalebuild(*words, cwd=folder, engine=fresh, check=True)
    distinct = sum(_layers(sandbox, repository).values())
    assert distinct > 10_000_000
    assert _sent(proxy.exchanges) < 1.1 * distinct
    for name in _NAMES:
        assert published.check_whole(sandbox.registry, f"{repository}/{name}", "1") > 1
