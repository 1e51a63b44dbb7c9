"""On the stub: stages built beside what is copied, dependencies stages, further repositories."""

from __future__ import annotations

import pytest

from tests.integration import published
from tests.integration.report_project import Project
from tests.integration.sandbox import Sandbox, downloaded

KIB = 1024
ASSETS = (
    "FROM $PYTHON AS assets\nWORKDIR /build\nCOPY package.json .\n"
    "RUN head -c 2000000 /dev/urandom > node_modules\n"
    "COPY web web\nRUN cat web/* > bundle.js && wc -c < node_modules > size\n"
)
FINAL = (
    "FROM $PYTHON\nWORKDIR /srv/app\nCOPY requirements.txt .\n"
    "RUN mkdir -p /opt/venv && head -c 3000000 /dev/urandom > /opt/venv/packages\n"
    "COPY --from=assets /build/bundle.js /build/size static/\nCOPY app app\n"
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


@pytest.mark.extended
@pytest.mark.parametrize("changed", ["app/main.py", "web/main.js"])
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
    installed = published.manifest(sandbox.registry, f"{reported.repository}/app", _image(reported))
    assert not any(installed["layers"][-1]["digest"] in r.path for r in own), "the app base's"
    if changed == "app/main.py":  # what is copied from stage assets is in the cache
        assert second["app"]["steps_run"] == 1
        assert downloaded(own) < 64 * KIB, [(r.path, r.bytes) for r in own]
        assert reported.run("$REPO/app") == "two\none\n2000000\n"
    else:  # its install is in the cache, and is downloaded for the commands after it
        assert second["app"]["steps_run"] == 4
        assert reported.run("$REPO/app") == "one\ntwo\n2000000\n"
    assert reported.bake()["app"]["action"] == "unchanged"


def _image(reported: Project) -> str:
    """The digest of the app base."""
    index = published.manifest(reported.sandbox.registry, f"{reported.repository}/app", "deps")
    return str(index["manifests"][0]["digest"])


ON_DEPENDENCIES = (
    "FROM $PYTHON AS dependencies\nWORKDIR /srv/app\nCOPY requirements.txt .\n"
    "RUN mkdir -p /opt/venv && head -c 3000000 /dev/urandom > /opt/venv/packages\n"
    'FROM dependencies\nCOPY . .\nUSER 1000\nCMD ["cat", "app/main.py"]\n'
)


@pytest.mark.extended
@pytest.mark.parametrize("pushed", ["one repository", "two repositories"])
def test_plain_copies_on_a_dependencies_stage(
    sandbox: Sandbox, reported: Project, pushed: str
) -> None:
    tags = ["$REPO/app", "$REPO/other:v1"] if pushed == "two repositories" else ["$REPO/app"]
    named = ", ".join(f'"{tag}"' for tag in tags)
    reported.put("docker-bake.hcl", f'target "default" {{ tags = [{named}] }}\n')
    reported.put("Dockerfile", ON_DEPENDENCIES)
    reported.put("requirements.txt", reported.repository)
    reported.put("app/main.py", "one\n")
    reported.bake()
    assert reported.tags("app") == ["deps", "latest"]
    reported.put("app/main.py", "two\n")
    with sandbox.fresh_engine("fresh") as engine, sandbox.requests() as requests:
        second = reported.bake(engine=engine)
    own = [r for r in requests if f"/{reported.repository}/" in r.path]
    assert second["default-deps"]["action"] == "reused"
    assert second["default"]["steps_run"] == 1
    assert downloaded(own) < 32 * KIB, [(r.path, r.bytes) for r in own]
    assert [reported.run(tag) for tag in tags] == ["two\n"] * len(tags)
