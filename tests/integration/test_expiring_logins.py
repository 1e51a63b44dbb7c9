"""Long builds: what was good when a bake began is not good any more when it pushes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.integration.held import HOLD, Held, held
from tests.integration.pairs import CODE, ON_DEPS, RAN, Pair
from tests.integration.registries import USER, OwnRegistry, own_registry
from tests.integration.sandbox import Sandbox
from tests.integration.tokens import LOGIN, TokenServer, docker_config, token_server
from tests.support.marks import rarely

_HELD = ON_DEPS.replace("RUN mkdir", f"{HOLD}RUN mkdir", 1)
_NEW = "another-password-by-now"


@dataclass(frozen=True)
class Guarded:
    """A pair in a registry that wants tokens."""

    pair: Pair
    registry: OwnRegistry
    tokens: TokenServer
    folder: Path

    def login(self, password: str = LOGIN[1]) -> dict[str, str]:
        """Log in (again), with a credential helper."""
        env = self.pair.sandbox.env(self.pair.engine)
        login = {self.registry.address: (USER, password)}
        return docker_config(env, self.folder / "docker", login, helper=True)

    def check(self, bake: Held) -> None:
        """Both tags are whole, and what took time was done once."""
        assert bake.process.returncode == 0, bake.stderr
        assert bake.stderr.count(RAN) == 1, bake.stderr
        assert json.loads(bake.stdout)["published"] is True
        self.registry.auth = None
        self.registry.restart()
        self.pair.check_whole()
        assert self.pair.tags() == ["deps", "latest"]


@pytest.fixture
def guarded(pair: Pair, tmp_path: Path) -> Iterator[Guarded]:
    folder = tmp_path / "guarded"
    folder.mkdir()
    with (
        token_server(folder) as tokens,
        own_registry(pair.sandbox.env(), folder, auth=tokens.auth) as registry,
    ):
        pair.write(_HELD + CODE)
        yield Guarded(replace(pair, host=registry.address), registry, tokens, folder)


@contextmanager
def builder(sandbox: Sandbox, driver: str, engine: str) -> Iterator[tuple[str, ...]]:
    nodes = {engine: ""} if driver == "remote" else {}
    with sandbox.remote_builder("expiring", nodes) as name:
        yield ("--builder", name) if nodes else ()


@pytest.mark.extended
@pytest.mark.parametrize(
    ("driver", "told"),
    [rarely("docker", 300), rarely("docker", 2), rarely("remote", 300), ("remote", 2)],
)
def test_tokens_that_expire_while_it_builds(
    sandbox: Sandbox, guarded: Guarded, fresh: str, driver: str, told: int
) -> None:
    """Clients are told how long a token lasts; a registry may refuse it before."""
    guarded.tokens.lifetime, guarded.tokens.expires_in = 2, told
    with builder(sandbox, driver, fresh) as words:
        with held(guarded.pair, *words, env=guarded.login()) as bake:
            before = guarded.tokens.fetches
            time.sleep(4)
            guarded.tokens.lifetime = 300
        guarded.check(bake)
    assert guarded.tokens.fetches > before, "new tokens were asked for"


@pytest.mark.extended
@pytest.mark.parametrize("driver", ["docker", rarely("remote")])
def test_a_password_that_is_replaced_while_it_builds(
    sandbox: Sandbox, guarded: Guarded, fresh: str, driver: str
) -> None:
    """As the hourly login of a cloud registry: the helper has the new one by then."""
    guarded.tokens.lifetime = guarded.tokens.expires_in = 2
    with builder(sandbox, driver, fresh) as words:
        with held(guarded.pair, *words, env=guarded.login()) as bake:
            time.sleep(4)
            guarded.tokens.users[USER] = _NEW
            guarded.login(_NEW)
            guarded.tokens.lifetime = 300
        guarded.check(bake)


@pytest.mark.extended
def test_a_password_that_was_replaced_and_nobody_told_is_a_refusal(guarded: Guarded) -> None:
    guarded.tokens.lifetime = guarded.tokens.expires_in = 2
    with held(guarded.pair, env=guarded.login()) as bake:
        time.sleep(4)
        guarded.tokens.users[USER] = _NEW
    assert bake.process.returncode == 5, bake.stderr
    assert "docker login" in bake.stderr
    assert bake.stderr.count("retry ") <= 1
