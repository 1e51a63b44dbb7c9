"""One bake publishes while another one of the same pair builds: what is said, and what is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.integration.held import HOLD, held, open_gate
from tests.integration.pairs import COPYING, ON_DEPS, Pair
from tests.integration.sandbox import Sandbox, own_name
from tests.support.marks import rarely

_DEPS, _FINAL = ON_DEPS.rsplit("FROM ", 1)
_CODE = 'COPY --link app.sh /app.sh\nCMD ["sh", "/app.sh"]\n'
HOLDING_DEPS = f"{_DEPS}{HOLD}FROM {_FINAL}{_CODE}"
HOLDING_APP = f"{ON_DEPS}{_CODE}{HOLD}"
CROWD = own_name("crowd")
MEANWHILE = "another bake has published"


@pytest.fixture(params=["docker", rarely("remote")])
def mine(request: pytest.FixtureRequest, sandbox: Sandbox, pair: Pair) -> Iterator[Pair]:
    """A pair that is published, on a builder that pushes by tag or by digest."""
    if request.param == "docker":
        yield pair
        return
    sandbox.up(CROWD)
    with sandbox.remote_builder("meanwhile", {CROWD: ""}) as builder:
        yield replace(pair, words=("--builder", builder))


@pytest.fixture(scope="module", autouse=True)
def _engine_goes(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.down(CROWD)


def publish(pair: Pair, dockerfile: str) -> Pair:
    """Publish the pair for the first time; another folder in which a second one works on it."""
    pair.write(dockerfile)
    open_gate(pair)
    pair.bake()
    other = replace(pair, folder=pair.folder.parent / "other")
    shutil.copytree(pair.folder, other.folder)
    return other


def shows(pair: Pair, tag: str) -> str:
    """What is installed in an image."""
    return pair.prints(tag, "cat", "/opt/venv/installed").splitlines()[-1]


@pytest.mark.extended
def test_dependencies_of_other_inputs_are_replaced_and_that_is_said_once(mine: Pair) -> None:
    other = publish(mine, HOLDING_DEPS)
    mine.change_requirements("mine")
    with held(mine) as bake:
        other.change_requirements("theirs")
        other.bake()
        theirs = mine.digest("deps")
    assert bake.process.returncode == 0, bake.stderr
    warning = f"{MEANWHILE} {mine.image}:deps meanwhile ({theirs[:19]}, made from other inputs ("
    (said,) = json.loads(bake.stdout)["warnings"]
    assert said.startswith(warning)
    assert "requirements.txt changed" in said
    assert said.endswith("): this bake's takes its place")
    assert bake.stderr.count(MEANWHILE) == 1
    assert [shows(mine, tag) for tag in ("deps", "latest")] == ["mine", "mine"]
    mine.check_whole()
    assert mine.tags() == ["deps", "latest"]


@pytest.mark.extended
def test_if_unchanged_leaves_what_another_bake_has_published(mine: Pair) -> None:
    other = publish(mine, HOLDING_DEPS)
    mine.change_requirements("mine")
    with held(mine, "--if-unchanged") as bake:
        other.change_requirements("theirs")
        other.bake()
        theirs = mine.digest("deps"), mine.digest("latest")
    assert bake.process.returncode == 7, bake.stderr
    assert f"{mine.image}:deps is not what it was when this bake began" in bake.stderr
    assert "run the bake again" in bake.stderr
    assert (mine.digest("deps"), mine.digest("latest")) == theirs
    mine.check_whole()
    # As it says: the next one begins with what is published now.
    open_gate(mine)
    mine.bake("--if-unchanged")
    assert shows(mine, "latest") == "mine"


@pytest.mark.extended
def test_if_unchanged_minds_an_application_that_alone_has_moved(mine: Pair) -> None:
    other = publish(mine, HOLDING_APP)
    before = mine.digest("deps")
    mine.change_code("mine")
    with held(mine, "--if-unchanged") as bake:
        other.change_code("theirs")
        other.bake()
        assert mine.digest("deps") == before
        theirs = mine.digest("latest")
    assert bake.process.returncode == 7, bake.stderr
    assert f"{mine.image}:latest is not what it was when this bake began" in bake.stderr
    assert (mine.digest("deps"), mine.digest("latest")) == (before, theirs)
    assert mine.prints() == "theirs"


@pytest.mark.extended
def test_if_unchanged_publishes_where_nothing_has_moved(mine: Pair) -> None:
    publish(mine, HOLDING_DEPS)
    mine.change_requirements("mine")
    mine.bake("--if-unchanged")
    assert shows(mine, "latest") == "mine"


def _two_applications(pair: Pair) -> None:
    """Two applications beside ``:deps``, and only that is published."""
    shared = COPYING.partition("FROM base AS final")[0]
    stage = "FROM dependencies AS {name}\n" + _CODE + HOLD + "ENV NAME={name}\n"
    pair.write(shared + stage.replace("{name}", "web") + stage.replace("{name}", "worker"))
    names = {"deps": "dependencies", "web": "web", "worker": "worker"}
    targets = {n: {"target": t, "tags": [f"{pair.image}:{n}"]} for n, t in names.items()}
    (pair.folder / "docker-bake.json").write_text(json.dumps({"target": targets}))
    open_gate(pair)
    pair.bake("deps")


def _second_folder(pair: Pair) -> Pair:
    other = replace(pair, folder=pair.folder.parent / "other")
    shutil.copytree(pair.folder, other.folder)
    return other


@pytest.mark.extended
def test_a_cache_that_another_bake_has_added_stays(mine: Pair) -> None:
    _two_applications(mine)
    other = _second_folder(mine)
    with held(mine, "deps", "web") as bake:
        other.bake("deps", "worker")
        assert [cache[:2] for cache in mine.caches()] == [("app", "worker"), ("deps", "")]
    assert bake.process.returncode == 0, bake.stderr
    assert MEANWHILE not in bake.stderr, "nobody's work is lost"
    assert [cache[:2] for cache in mine.caches()] == [
        ("app", "web"),
        ("app", "worker"),
        ("deps", ""),
    ]
    mine.check_whole("deps", "web", "worker")


@pytest.mark.extended
def test_a_cache_is_not_added_to_newer_dependencies_of_another_bake(mine: Pair) -> None:
    _two_applications(mine)
    other = _second_folder(mine)
    with held(mine, "deps", "web") as bake:
        other.change_requirements("theirs")
        other.bake("deps", "worker")
        theirs = mine.digest("deps")
    assert bake.process.returncode == 0, bake.stderr
    assert mine.digest("deps") == theirs
    assert shows(mine, "deps") == "theirs"
    assert shows(mine, "web") == "one", "it stands on the ones that it had read"
    assert bake.stderr.count(MEANWHILE) == 1
    assert "it is left as it is, and the application stands on the one that was read" in bake.stderr
    mine.check_whole("deps", "web", "worker")
