"""``--verify``: what was built on a stub, beside the ordinary build of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.integration.published import digest, manifest
from tests.integration.registry_content import send
from tests.integration.report_project import Project
from tests.integration.sandbox import Sandbox
from tests.integration.test_app_base import BAKE_FILE, ONE_STAGE, PROJECTS
from whalebuild.errors import ExitCode

_DJANGO = PROJECTS["django"]


def _write(reported: Project, dockerfile: str, code: str = "one") -> None:
    reported.put("docker-bake.hcl", BAKE_FILE)
    reported.put("Dockerfile", dockerfile)
    reported.put("requirements.txt", reported.repository)
    reported.put(".dockerignore", "docker-bake.hcl\n")
    reported.put("app.py", f'print("{code}")\n')


def test_a_code_change_is_compared_with_the_ordinary_build(reported: Project) -> None:
    _write(reported, ONE_STAGE)
    reported.bake()
    reported.put("app.py", 'print("two")\n')
    done = reported.bake("--verify")
    assert done["app"]["verified"] == [
        {
            "platform": "linux/amd64",
            "against": "the ordinary build",
            "layers": 1,
            "entries": done["app"]["verified"][0]["entries"],
        }
    ]
    assert done["app"]["verified"][0]["entries"] >= 2
    assert reported.run("$REPO/app") == "two\n"


@pytest.mark.extended
def test_on_an_empty_engine_the_app_base_comes_from_its_cache(
    sandbox: Sandbox, reported: Project
) -> None:
    _write(reported, ONE_STAGE.replace("COPY . .", "COPY --chown=33 . .\nWORKDIR /made/here"))
    reported.bake("--verify")
    reported.put("app.py", 'print("two")\n')
    with sandbox.fresh_engine("fresh") as engine:
        done = reported.bake("--verify", engine=engine)
    (verified,) = done["app"]["verified"]
    assert verified["against"] == "the ordinary build"
    assert verified["layers"] == 2


@pytest.mark.extended
@pytest.mark.parametrize("compression", ["zstd", "uncompressed"])
def test_compressions(reported: Project, compression: str) -> None:
    _write(reported, ONE_STAGE)
    done = reported.bake("--verify", "--set", f"app.output=type=registry,compression={compression}")
    assert [each["against"] for each in done["app"]["verified"]] == ["the ordinary build"]


@pytest.mark.extended
def test_without_the_cache_it_is_compared_on_the_app_base(
    sandbox: Sandbox, reported: Project
) -> None:
    """The install step makes something else each time; its cache cannot be imported."""
    _write(reported, ONE_STAGE)
    reported.bake()
    where = f"http://{sandbox.registry}/v2/{reported.repository}/app/manifests"
    bundle = manifest(sandbox.registry, f"{reported.repository}/app", "deps")["manifests"]
    for child in bundle:
        if "dev.whalebuild.cache" in child.get("annotations", {}):
            send("DELETE", f"{where}/{child['digest']}")
    reported.put("app.py", 'print("two")\n')
    with sandbox.fresh_engine("fresh") as engine:
        done = reported.bake("--verify", engine=engine)
    (verified,) = done["app"]["verified"]
    assert verified["against"] == "a build on the whole app base"
    assert reported.run("$REPO/app") == "two\n"


@pytest.mark.extended
def test_what_runs_after_the_code_is_not_compared(reported: Project) -> None:
    _write(reported, _DJANGO)
    done = reported.bake("--verify")
    assert done["app"]["action"] == "built"
    assert done["app"]["verified"] == []
    assert "app is not compared with the ordinary build: a command runs " in done["stderr"]


@pytest.mark.extended
def test_a_difference_publishes_nothing(reported: Project, unsteady: str) -> None:
    _write(reported, ONE_STAGE.replace("COPY . .", f"COPY . .\nADD http://{unsteady}/x /srv/x"))
    reported.bake()
    registry, repository = reported.sandbox.registry, f"{reported.repository}/app"
    before = [digest(registry, repository, tag) for tag in ("deps", "latest")]
    reported.put("app.py", 'print("two")\n')
    failed = reported.whalebuild("bake", "--verify")
    assert failed.returncode == ExitCode.UNVERIFIED
    assert "app (linux/amd64) is not the same as the ordinary build" in failed.stderr
    assert "/srv/x: content is " in failed.stderr
    assert [digest(registry, repository, tag) for tag in ("deps", "latest")] == before


@pytest.fixture
def unsteady() -> Iterator[str]:
    """A server that has something else at each request."""
    numbers = itertools.count()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"{next(numbers):08}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
