"""``whalebuild builder``, and ``--builder auto``, on real engines."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.pairs import Pair
from tests.integration.sandbox import ROOT, SHARED_ENGINE, Sandbox
from tests.integration.tls_bridge import over_tls
from tests.support.marks import extended, rarely

AMD64, ARM64 = "linux/amd64", "linux/arm64"
FARM = ROOT / "examples/farm"
USAGE, ENGINE = 2, 3
# Nothing runs for a platform, so that no emulator is needed.
COPIES = (
    "FROM scratch AS dependencies\nCOPY requirements.txt /\n"
    "FROM dependencies AS final\nCOPY --link app.sh /\n"
)
NOBODY = "tcp://127.0.0.1:9"


@pytest.fixture(scope="module")
def farther(sandbox: Sandbox) -> Iterator[str]:
    """A second engine: another node."""
    with sandbox.fresh_engine("farther") as engine:
        yield engine


@pytest.fixture(scope="module")
def classic(sandbox: Sandbox) -> Iterator[str]:
    """An engine without the containerd image store."""
    with sandbox.fresh_engine("classic", "--image-store", "graphdriver") as engine:
        yield engine


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the farm's own script makes."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates")
    folder = tmp_path_factory.mktemp("farm")
    shutil.copy(FARM / "certificates", folder)
    subprocess.run([folder / "certificates", "127.0.0.1"], check=True, capture_output=True)
    return folder / "certificates.d"


class Verbs:
    """``whalebuild builder`` in a folder, with one engine's client."""

    def __init__(self, sandbox: Sandbox, folder: Path, engine: str = SHARED_ENGINE) -> None:
        self.sandbox, self.folder, self.engine = sandbox, folder, engine

    def __call__(self, *words: str, code: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
        done = self.sandbox.whalebuild(
            "builder", *words, cwd=self.folder, engine=self.engine, env=env
        )
        assert "Traceback" not in done.stderr
        assert done.returncode == code, f"{words}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self(*words, "--format", "json").stdout)
        return shown

    def names(self) -> list[str]:
        return [each["name"] for each in self.json("ls")["builders"]]

    @contextmanager
    def made(self, name: str, *words: str) -> Iterator[str]:
        self("create", name, *words)
        try:
            yield name
        finally:
            self("rm", name)
            assert name not in self.names()


@pytest.fixture
def verbs(sandbox: Sandbox, tmp_path: Path) -> Verbs:
    return Verbs(sandbox, tmp_path)


def _address(sandbox: Sandbox, engine: str = SHARED_ENGINE) -> str:
    return sandbox.env(engine)["WHALEBUILD_SANDBOX_BUILDKIT"]


@pytest.mark.extended
def test_a_farm_of_two_nodes_from_its_making_to_its_end(
    sandbox: Sandbox, verbs: Verbs, farther: str, pair: Pair
) -> None:
    pair.write(COPIES)
    first = f"{_address(sandbox)}={AMD64}"
    second = f"{_address(sandbox, farther)}={ARM64}"
    nodes = ("--driver", "remote", "--node", first, "--node", second)
    with verbs.made("farm", *nodes):
        (farm,) = [b for b in verbs.json("ls")["builders"] if b["name"] == "farm"]
        where = {each["platform"]: each["node"] for each in farm["platforms"]}
        assert where == {AMD64: "farm0", ARM64: "farm1"}
        assert "2 of 2 nodes running" in verbs("ls").stdout

        inspected = verbs.json("inspect", "farm")["builder"]
        assert all(node["cache_bytes"] is not None for node in inspected["nodes"])
        assert {node["own"] for node in inspected["nodes"]} == {AMD64}, "asked, not assumed"
        able = {feature["name"]: feature["able"] for feature in inspected["features"]}
        assert able["export a cache"]
        assert able["build several platforms at once"]
        assert not able["entitlement security.insecure"]
        text = verbs("inspect", "farm", "--no-test").stdout
        assert f"farm1 was given {ARM64}, and its machine is {AMD64}" in text

        pair.bake("--builder", "farm", "--platform", f"{AMD64},{ARM64}")
        assert pair.images("latest").keys() == {"amd64", "arm64"}
        assert pair.tags() == ["deps", "latest"]
        taken = verbs("create", "farm", *nodes, code=USAGE)
        assert 'there is already a builder "farm"' in taken.stderr
        held = {
            n["name"]: n["cache_bytes"] for n in verbs.json("inspect", "farm")["builder"]["nodes"]
        }
        assert held["farm1"] > 0, "the second node has built something"


@pytest.mark.extended
def test_a_node_behind_tls_is_reached_with_the_certificates_of_the_farm(
    sandbox: Sandbox, verbs: Verbs, farther: str, certificates: Path, pair: Pair
) -> None:
    pair.write(COPIES)
    client = certificates / "client"
    named = {"cacert": "ca.pem", "cert": "cert.pem", "key": "key.pem"}
    options = [w for k, v in named.items() for w in ("--driver-opt", f"{k}={client / v}")]
    with over_tls(_address(sandbox, farther), certificates / "127.0.0.1") as address:
        remote = ("--driver", "remote", "--node", address)
        with verbs.made("secure", *remote, *options):
            pair.bake("--builder", "secure")
            assert pair.tags() == ["deps", "latest"]
        done = verbs(
            "create", "secure", *remote, "--driver-opt", f"cacert={client}/ca.pem", code=ENGINE
        )
        assert f"node secure0 at {address} does not answer" in done.stderr
        assert "cause: " in done.stderr
        verbs("create", "secure", *remote, code=ENGINE)
        gone = verbs("create", "secure", *remote, "--driver-opt", "cacert=none.pem", code=USAGE)
        assert "--driver-opt cacert: there is no readable file none.pem" in gone.stderr
    assert "secure" not in verbs.names()


@pytest.mark.extended
def test_all_nodes_or_none(sandbox: Sandbox, verbs: Verbs) -> None:
    nodes = ("--node", f"{_address(sandbox)}={AMD64}", "--node", f"{NOBODY}={ARM64}")
    done = verbs("create", "half", "--driver", "remote", *nodes, code=ENGINE)
    assert f"node half1 at {NOBODY} does not answer" in done.stderr
    assert "connection refused" in done.stderr
    assert "half" not in verbs.names()


NO_CLUSTER = (
    "cannot determine Kubernetes namespace, specify manually: invalid configuration: no "
    "configuration has been provided"
)


# Words that are checked before docker is asked: tests/builder/test_spec.py.
@pytest.mark.parametrize(
    ("words", "code", "what", "more"),
    [
        (["create", "x", "--driver", "remot"], USAGE, '"remot" is not a driver', 'mean "remote"?'),
        extended(
            ["create", "x", "--driver", "kubernetes"], ENGINE, "there is no cluster", NO_CLUSTER
        ),
        extended(
            ["create", "x", "--driver-opt", "image=127.0.0.1:9/no/buildkit:1"],
            ENGINE,
            'builder "x" cannot be started',
            "127.0.0.1:9",
        ),
        rarely(
            ["create", "x", "--node", "nowhere.invalid"], ENGINE, '"x" was not made', "no such host"
        ),
        rarely(["inspect", "defalt"], ENGINE, 'there is no builder "defalt"', 'mean "default"?'),
        (["rm", "nope"], ENGINE, 'there is no builder "nope"', "builder ls"),
        (["rm", "default"], USAGE, 'builder "default" cannot be removed', "docker context"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_says_why(
    verbs: Verbs, words: list[str], code: int, what: str, more: str
) -> None:
    done = verbs(*words, code=code, KUBECONFIG="")
    assert what in done.stderr
    assert more in done.stderr
    assert "next:" in done.stderr
    if words[0] == "create":
        assert "x" not in verbs.names(), "nothing is left of it"


@pytest.mark.extended
def test_an_inspection_tells_why_a_node_does_not_answer(verbs: Verbs) -> None:
    nodes = ("--driver", "remote", "--node", NOBODY, "--no-bootstrap")
    with verbs.made("down", *nodes):
        text = verbs("inspect", "down").stdout
    assert "connect: connection refused" in text
    assert "more was not tested: not all of it runs" in text


@pytest.mark.soak  # buildx waits for 20 s
def test_a_bake_says_that_its_builder_is_down(verbs: Verbs, pair: Pair) -> None:
    nodes = ("--driver", "remote", "--node", NOBODY, "--no-bootstrap")
    with verbs.made("down", *nodes):
        done = pair.whalebuild("bake", "--builder", "down")
    assert done.returncode == ENGINE
    assert 'builder "down" does not answer' in done.stderr
    assert NOBODY in done.stderr
    assert "platform local" not in done.stderr


@pytest.mark.soak  # the same wait
def test_a_bake_needs_only_the_nodes_of_its_platforms(
    sandbox: Sandbox, verbs: Verbs, pair: Pair
) -> None:
    pair.write(COPIES)
    nodes = ("--node", f"{_address(sandbox)}={AMD64}", "--node", f"{NOBODY}={ARM64}")
    with verbs.made("half", "--driver", "remote", *nodes, "--no-bootstrap"):
        assert "1 of 2 nodes running" in verbs("ls").stdout
        pair.bake("--builder", "half", "--platform", AMD64)
        before = pair.digest("latest")
        done = pair.whalebuild("bake", "--builder", "half", "--platform", f"{AMD64},{ARM64}")
        inspected = verbs("inspect", "half").stdout
    assert done.returncode == ENGINE
    assert f"node half1 at {NOBODY} does not answer" in done.stderr
    assert "connection refused" in done.stderr
    assert pair.digest("latest") == before
    assert "export a cache                 yes  (tested)" in inspected
    assert "several platforms" not in inspected, "that would wait for the other node"


@pytest.mark.extended
def test_inspect_of_an_engine_tells_what_its_image_store_lacks(
    sandbox: Sandbox, tmp_path: Path, classic: str
) -> None:
    def able(engine: str) -> dict[str, bool]:
        shown = Verbs(sandbox, tmp_path, engine).json("inspect")
        return {feature["name"]: feature["able"] for feature in shown["builder"]["features"]}

    missing = {"export a cache", "build several platforms at once"}
    now, old = able(SHARED_ENGINE), able(classic)
    assert {name for name in now if now[name] and not old[name]} == missing
    assert not now["push by digest"]
    assert now["entitlement network.host"]


@pytest.mark.extended
@pytest.mark.parametrize("given", ["", AMD64])
def test_a_plan_says_which_node_builds_a_platform(
    sandbox: Sandbox, pair: Pair, farther: str, given: str
) -> None:
    """Where a platform was given to no node, buildx has the first that can run each build it."""

    def built_there() -> int:
        words = ("docker", "buildx", "history", "ls")
        return len(sandbox.run(*words, cwd=pair.folder, engine=farther).stdout.splitlines())

    pair.write(COPIES)
    nodes = {SHARED_ENGINE: given, farther: ARM64}
    with sandbox.remote_builder("placing", nodes) as builder:
        words = ("--builder", builder, "--platform", f"{AMD64},{ARM64}", "--format", "json")
        planned = json.loads(pair.whalebuild("plan", *words, check=True).stdout)
        before = built_there()
        pair.whalebuild("bake", *words, check=True)
    sites = {site["platform"]: site["node"] for site in planned["targets"][0]["sites"]}
    first, second = (f"placing-{engine}" for engine in nodes)
    emulates = not given and _emulates(sandbox, pair.folder)
    assert sites == {AMD64: first, ARM64: first if emulates else second}
    assert (built_there() > before) is not emulates


def _emulates(sandbox: Sandbox, folder: Path) -> bool:
    """Whether the shared engine runs the other platform."""
    return ARM64 in sandbox.run("docker", "buildx", "inspect", cwd=folder, check=True).stdout


@pytest.mark.extended
def test_auto_keeps_a_builder_that_will_do(sandbox: Sandbox, pair: Pair, verbs: Verbs) -> None:
    pair.write(COPIES)
    # One that was the current one, and is no more.
    with verbs.made("past", "--driver", "remote", "--node", _address(sandbox), "--use"):
        assert verbs.json("inspect", "--no-test")["builder"]["name"] == "past"
    done = pair.whalebuild("bake", "--builder", "auto", check=True)
    assert "whalebuild" not in verbs.names()
    assert "cannot do this" not in done.stderr


@pytest.mark.extended
def test_auto_uses_whalebuild_where_the_current_builder_will_not_do(
    sandbox: Sandbox, tmp_path: Path, classic: str, farther: str, pair: Pair
) -> None:
    pair.write(COPIES)
    refused = pair.whalebuild("bake", engine=classic)
    assert refused.returncode == ENGINE
    assert "--builder auto" in refused.stderr
    verbs = Verbs(sandbox, tmp_path, classic)
    with verbs.made("whalebuild", "--driver", "remote", "--node", _address(sandbox, farther)):
        done = pair.whalebuild(
            "bake", engine=classic, env={"WHALEBUILD_BUILDER": "auto"}, check=True
        )
    assert 'builder "default" cannot do this' in done.stderr
    assert 'using builder "whalebuild" (--builder auto)' in done.stderr
    assert pair.tags() == ["deps", "latest"]


@pytest.mark.extended
def test_auto_makes_whalebuild_once_even_if_two_bakes_do(
    sandbox: Sandbox, tmp_path: Path, classic: str, pair: Pair
) -> None:
    """Where BuildKit's image cannot be pulled it cannot be started, and both say so."""
    pull = ("docker", "pull", "--quiet", "moby/buildkit:buildx-stable-1")
    if sandbox.run(*pull, cwd=tmp_path, engine=classic).returncode == 0:
        pytest.skip("BuildKit's image can be pulled here")
    verbs = Verbs(sandbox, tmp_path, classic)

    def bake(_: int) -> subprocess.CompletedProcess[str]:
        return pair.whalebuild("bake", "--builder", "auto", engine=classic)

    planned = pair.whalebuild("plan", "--builder", "auto", engine=classic, check=True)
    assert "builder whalebuild (driver docker-container" in planned.stdout
    assert "whalebuild" not in verbs.names(), "a plan makes nothing"
    try:
        with ThreadPoolExecutor(2) as both:
            runs = list(both.map(bake, range(2)))
        (made,) = [b for b in verbs.json("ls")["builders"] if b["name"] == "whalebuild"]
        again = bake(0)
    finally:
        verbs("rm", "whalebuild")
    assert made["driver"] == "docker-container"
    assert len(made["nodes"]) == 1
    for done in (*runs, again):
        assert done.returncode == ENGINE
        assert 'builder "whalebuild" cannot be started' in done.stderr
        assert "moby/buildkit" in done.stderr or "registry-1.docker.io" in done.stderr
        assert "retry" not in done.stderr
    assert any('making builder "whalebuild"' in done.stderr for done in runs)


def test_the_farms_compose_file_is_one(sandbox: Sandbox) -> None:
    shown = sandbox.run("docker", "compose", "config", "--format", "json", cwd=FARM, check=True)
    (service,) = json.loads(shown.stdout)["services"].values()
    assert service["image"].startswith("moby/buildkit:")
    flags = {word.partition("=")[0]: word.partition("=")[2] for word in service["command"]}
    mounted = {volume["target"] for volume in service["volumes"]}
    for flag in ("--tlscacert", "--tlscert", "--tlskey", "--config"):
        assert str(Path(flags[flag]).parent) in mounted or flags[flag] in mounted
