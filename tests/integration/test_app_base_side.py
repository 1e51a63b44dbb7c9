"""Stages that are built beside what a Dockerfile copies from the context: on the stub, with caches."""

from __future__ import annotations

import pytest

from tests.integration.report_project import Project
from tests.integration.sandbox import Sandbox, downloaded
from tests.support.marks import extended

KIB = 1024
ASSETS = (
    "FROM $PYTHON AS assets\nWORKDIR /build\nCOPY package.json .\n"
    "RUN head -c 2000000 /dev/urandom > node_modules\n"
    "COPY web web\nRUN cat web/* > bundle.js && wc -c < node_modules > size\n"
)
FINAL = (
    "FROM $PYTHON\nWORKDIR /srv/app\nCOPY requirements.txt .\n"
    "RUN mkdir -p /opt/venv && head -c 3000000 /dev/urandom > /opt/venv/packages\n"
    "COPY app app\nCOPY --from=assets /build/bundle.js /build/size static/\n"
    'CMD ["cat", "app/main.py", "static/bundle.js", "static/size"]\n'
)
BAKE_FILE = 'target "app" { tags = ["$REPO/app"] }\ngroup "default" { targets = ["app"] }\n'


def _write(reported: Project) -> None:
    reported.put("docker-bake.hcl", BAKE_FILE)
    reported.put("Dockerfile", ASSETS + FINAL)
    reported.put("requirements.txt", reported.repository)
    reported.put("package.json", "{}\n")
    reported.put("web/main.js", "one\n")
    reported.put("app/main.py", "one\n")


@pytest.mark.parametrize("changed", ["app/main.py", extended("web/main.js")])
def test_a_change_on_an_empty_engine(sandbox: Sandbox, reported: Project, changed: str) -> None:
    _write(reported)
    reported.bake()
    assert reported.run("$REPO/app") == "one\none\n2000000\n"
    assert reported.tags("app") == ["deps", "latest"]
    reported.put(changed, "two\n")
    with sandbox.fresh_engine("fresh") as engine, sandbox.requests() as requests:
        second = reported.bake(engine=engine)
    assert second["app-deps"]["action"] == "reused"
    own = [r for r in requests if f"/{reported.repository}/" in r.path]
    moved = downloaded(own)
    if changed == "app/main.py":  # what stage assets makes is in the cache: both COPYs are run
        assert second["app"]["steps_run"] == 2
        assert moved < 64 * KIB, [(r.path, r.bytes) for r in own]
        assert reported.run("$REPO/app") == "two\none\n2000000\n"
    else:  # its install is in the cache, and is downloaded for the command after it
        assert second["app"]["steps_run"] <= 4, second["app"]
        assert moved < 2_500 * KIB
        assert reported.run("$REPO/app") == "one\ntwo\n2000000\n"
    assert reported.bake()["app"]["action"] == "unchanged"
