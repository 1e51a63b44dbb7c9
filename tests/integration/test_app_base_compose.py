"""A compose file with services of different Dockerfiles: one command bakes all, with no setting."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration import published
from tests.integration.app_base_projects import SHORT, way_of
from tests.integration.pairs import KIB
from tests.integration.sandbox import SHARED_ENGINE, Sandbox, downloaded

SHOP = Path(__file__).parent / "projects/shop"
# A file of each service's code, and where it is in the image.
_CODE = {
    "api": ("api/main.py", "/app/main.py"),
    "worker": ("worker/src/worker.js", "/srv/src/worker.js"),
    "web": ("web/default.conf", "/etc/nginx/conf.d/default.conf"),
}


class Shop:
    """The project in a folder, and its repositories."""

    def __init__(self, sandbox: Sandbox, folder: Path, repository: str, stand_in: str) -> None:
        shutil.copytree(SHOP, folder)
        self._sandbox, self.folder, self.repository = sandbox, folder, repository
        self._env = {"REGISTRY": f"{sandbox.registry}/{repository}", "STAND_IN": stand_in}

    def run(self, *words: str, engine: str = SHARED_ENGINE) -> str:
        """Run a command, and have it succeed; what it prints."""
        return self._sandbox.run(
            *words, cwd=self.folder, engine=engine, env=self._env, check=True
        ).stdout

    def bake(self, **where: Any) -> dict[str, str]:
        """Bake; what became of each image."""
        made = json.loads(self.run("whalebuild", "bake", "--format", "json", **where))
        assert not made["others"], "nothing is built as buildx builds it"
        return {target["target"]: target["action"] for target in made["targets"]}

    def change(self, service: str) -> None:
        """Change the code of a service."""
        with (self.folder / _CODE[service][0]).open("a") as code:
            code.write("# two\n")

    def digest(self, service: str, tag: str) -> str:
        return published.digest(self._sandbox.registry, f"{self.repository}/{service}", tag)


@pytest.fixture
def shop(sandbox: Sandbox, tmp_path: Path, repository: str, stand_in: str) -> Shop:
    return Shop(sandbox, tmp_path / "shop", repository, stand_in)


@pytest.mark.extended
def test_all_services_are_baked_with_one_command(sandbox: Sandbox, shop: Shop) -> None:
    built = {name: "built" for each in _CODE for name in (each, f"{each}-deps")}
    assert shop.bake() == built
    registry = sandbox.registry
    for service in _CODE:
        repository = f"{shop.repository}/{service}"
        assert published.tags(registry, repository) == ["deps", "latest"]
        assert published.check_whole(registry, repository, "latest") > 1
        assert way_of(registry, repository) == SHORT
    config = json.loads(shop.run("docker", "compose", "config", "--format", "json"))
    for service, (source, path) in _CODE.items():
        image = config["services"][service]["image"]
        shown = shop.run("docker", "run", "--rm", "--pull=always", image, "cat", path)
        assert shown == (shop.folder / source).read_text()


@pytest.mark.extended
@pytest.mark.parametrize("changed", [("api",), ("api", "worker", "web")], ids="-".join)
def test_changed_services_alone_are_published(
    sandbox: Sandbox, shop: Shop, changed: tuple[str, ...]
) -> None:
    shop.bake()
    before = {each: shop.digest(each, "latest") for each in _CODE}
    for service in changed:
        shop.change(service)
    with sandbox.fresh_engine("fresh") as engine, sandbox.requests() as requests:
        made = shop.bake(engine=engine)
    print(f"{changed}: {downloaded(requests)} bytes down, {len(requests)} requests")
    for service in _CODE:
        assert made[f"{service}-deps"] == "reused"
        assert made[service] == ("built" if service in changed else "unchanged")
        assert (shop.digest(service, "latest") != before[service]) == (service in changed)
    assert downloaded(requests) <= 32 * KIB * len(_CODE)
