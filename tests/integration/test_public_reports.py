"""Situations of public bug reports that take several commands: which images are made, and whose.

Those that take one command are rows of docs/compatibility.md. buildx is run beside whalebuild where
its outcome says what is right.
"""

from __future__ import annotations

import json
import os

import pytest

from tests.integration.report_project import Project

_GIT = ("git", "-c", "user.name=n", "-c", "user.email=e@example.org")
_CODE = "print('two')\n"


@pytest.mark.extended
def test_checks_tests_and_files_leave_the_published_image_alone(reported: Project) -> None:
    with (reported.folder / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("FROM final AS test\nRUN python /app.py > /tests\nFROM final AS out\n")
    reported.put(
        "docker-bake.hcl",
        'target "app" {\n  target = "final"\n  tags = ["$REPO/app"]\n'
        '  output = ["type=registry"]\n}\n'
        'target "lint" {\n  inherits = ["app"]\n  call = "check"\n}\n'
        'target "test" {\n  inherits = ["app"]\n  target = "test"\n'
        '  output = ["type=cacheonly"]\n}\n'
        'target "files" {\n  inherits = ["app"]\n  output = ["type=local,dest=outdir"]\n}\n',
    )
    reported.bake("app")
    there = {tag: reported.digest("app", tag) for tag in reported.tags("app")}
    assert set(there) == {"deps", "latest"}
    said = reported.whalebuild("bake", "lint")
    assert said.returncode == 0, said.stderr
    assert "Check complete, no warnings found" in said.stdout
    reported.bake("test")
    reported.bake("files")
    assert (reported.folder / "outdir" / "app.py").read_text() == "print('one')\n"
    assert {tag: reported.digest("app", tag) for tag in reported.tags("app")} == there
    reported.buildx("--push", "test")
    assert reported.digest("app") == there["latest"]
    reported.bake("lint", "test", "app")
    assert reported.run("$REPO/app", "python", "/app.py") == "one\n"


@pytest.mark.extended
def test_one_target_is_pushed_for_two_platforms_the_other_one_of_its_tag_is_loaded(
    reported: Project,
) -> None:
    dockerfile = (reported.folder / "Dockerfile").read_text()
    reported.put("Dockerfile", "\n".join(x for x in dockerfile.split("\n") if "RUN" not in x))
    reported.put(
        "docker-bake.hcl",
        'group "default" { targets = ["app", "app-local"] }\n'
        'target "app-local" {\n  tags = ["$REPO/app"]\n  output = ["type=docker"]\n}\n'
        'target "app" {\n  inherits = ["app-local"]\n'
        '  platforms = ["linux/amd64", "linux/arm64"]\n  output = ["type=registry"]\n}\n',
    )
    for code in ("print('one')\n", _CODE):
        reported.put("app.py", code)
        done = reported.bake()
        assert "another bake" not in done["stderr"]
        assert reported.platforms("app") == ["amd64", "arm64"]
        assert reported.platforms("app", "deps") == ["amd64", "arm64"]
        # As it is in the engine, without a pull.
        loaded = reported.sandbox.run(
            *("docker", "run", "--rm", "--pull", "never", reported.fill("$REPO/app")),
            cwd=reported.folder,
        )
        assert loaded.stdout == code.split("'")[1] + "\n", loaded.stderr


@pytest.mark.extended
def test_bake_files_are_named_in_every_way(reported: Project) -> None:
    reported.put(
        "docker-bake.hcl",
        'target "meta" { tags = ["$REPO/app:dev"] }\ntarget "app" { inherits = ["meta"] }\n',
    )
    meta = {
        "tags": ["$REPO/app:1.2.3", "$REPO/app:latest"],
        "labels": {"title": "it $${is} 100%%{x}"},
        "args": {"V": "1.2.3"},
    }
    reported.put("meta.json", json.dumps({"target": {"meta": meta}}))
    both = ("-f", "docker-bake.hcl", "-f", "cwd://meta.json")
    reported.buildx(*both, "--push", "app")
    assert reported.labels("$REPO/app")["title"] == "it ${is} 100%{x}"
    reported.bake(*both, "app")
    assert reported.tags("app") == ["1.2.3", "deps", "latest"]
    assert reported.labels("$REPO/app")["title"] == "it ${is} 100%{x}"
    for env in (
        {"WHALEBUILD_FILE": "docker-bake.hcl,meta.json"},
        {"BUILDX_BAKE_FILE": f"docker-bake.hcl{os.pathsep}meta.json"},
        {"BUILDX_BAKE_FILE": "docker-bake.hcl;meta.json", "BUILDX_BAKE_PATH_SEPARATOR": ";"},
    ):
        assert "app: nothing to do" in reported.plan("app", env=env), env


@pytest.mark.extended
def test_a_tag_for_each_commit_reuses_the_dependencies(reported: Project, fresh: str) -> None:
    """docker/metadata-action: a template that the build inherits, and a file that overrides it."""
    reported.put(
        "docker-bake.hcl",
        'target "docker-metadata-action" {}\n'
        'target "build" { inherits = ["docker-metadata-action"] }\n',
    )
    words = ("-f", "docker-bake.hcl", "-f", "meta.json", "build")

    def commit(revision: str) -> None:
        meta = {
            "tags": [f"$REPO/app:sha-{revision}"],
            "labels": {"org.opencontainers.image.revision": revision},
            "args": {"DOCKER_META_VERSION": f"sha-{revision}"},
        }
        reported.put("meta.json", json.dumps({"target": {"docker-metadata-action": meta}}))

    commit("1111111")
    reported.bake(*words)
    assert reported.tags("app") == ["deps", "sha-1111111"]
    commit("2222222")
    reported.put("app.py", _CODE)
    second = reported.bake(*words, engine=fresh)
    assert second["build-deps"]["action"] == "reused"
    assert second["build"]["bytes_pulled"] == 0
    assert reported.tags("app") == ["deps", "sha-1111111", "sha-2222222"]


@pytest.mark.extended
def test_two_targets_share_one_dependencies_image(reported: Project) -> None:
    reported.put(
        "docker-bake.hcl",
        'group "default" { targets = ["deps", "test-deps", "app"] }\n'
        'target "deps" {\n  target = "dependencies"\n  tags = ["$REPO/app:deps"]\n}\n'
        'target "test-deps" {\n  target = "dependencies"\n  args = { EXTRA = "test" }\n'
        '  tags = ["$REPO/app:test-deps"]\n}\ntarget "app" { tags = ["$REPO/app"] }\n',
    )
    first = reported.bake()
    assert "another bake" not in first["stderr"]
    assert reported.tags("app") == ["deps", "latest", "test-deps"]
    again = reported.bake()
    assert "another bake" not in again["stderr"]
    reported.put("app.py", _CODE)
    changed = reported.bake()
    assert "another bake" not in changed["stderr"]
    assert changed["deps"]["action"] == "reused"
    assert reported.run("$REPO/app") == "two\n"


@pytest.mark.extended
@pytest.mark.parametrize("link", ["dependencies", "other"])
def test_a_stage_that_its_own_target_replaces_is_pinned(
    reported: Project, fresh: str, link: str
) -> None:
    """On an empty engine a code change downloads nothing of it."""
    reported.put(
        "Dockerfile",
        "FROM $PYTHON AS base\nFROM base AS dependencies\nCOPY requirements.txt /deps/\n"
        "RUN head -c 3000000 /dev/urandom > /deps/big\n"
        'FROM dependencies AS final\nCOPY --link app.py /srv/\nCMD ["python", "/srv/app.py"]\n',
    )
    reported.put(
        "docker-bake.hcl",
        'target "deps" { target = "dependencies" }\n'
        f'target "app" {{\n  contexts = {{ {link} = "target:deps" }}\n  tags = ["$REPO/app"]\n}}\n',
    )
    reported.bake("app")
    reported.put("app.py", _CODE)
    said = reported.plan("app", engine=fresh)
    assert "deps: reuse" in said
    assert "would build that stage" not in said
    second = reported.bake("app", engine=fresh)
    assert second["deps"]["action"] == "reused"
    assert (second["app"]["steps_run"], second["app"]["bytes_pulled"]) == (1, 0)
    assert reported.run("$REPO/app") == "two\n"


@pytest.mark.extended
def test_consent_is_asked_for_in_plan_and_for_a_printed_definition_too(reported: Project) -> None:
    reported.put(
        "deploy/docker-bake.hcl",
        'target "default" {\n  context = ".."\n  tags = ["$REPO/app"]\n}\n',
    )
    deploy = Project(reported.sandbox, reported.folder / "deploy", reported.repository)
    printed = deploy.buildx("--print")
    (deploy.folder / "elsewhere").mkdir()
    (deploy.folder / "elsewhere" / "printed.json").write_text(printed.stdout)
    for files in ((), ("-f", "elsewhere/printed.json")):
        assert "--allow=fs.read=.." in deploy.buildx(*files, "--push", exits=1).stderr
        for words in (("plan",), ("bake", "--format", "json")):
            refused = deploy.whalebuild(*words, *files)
            assert refused.returncode == 2, refused.stderr
            assert "give --allow fs.read=.." in refused.stdout + refused.stderr
    assert not deploy.tags("app")
    deploy.bake("--allow", "fs.read=..")
    assert deploy.run("$REPO/app") == "one\n"


@pytest.mark.extended
def test_a_stolen_secret_is_refused_before_anything_runs(reported: Project) -> None:
    (reported.folder.parent / "token.txt").write_text("s3cret\n")
    reported.put(
        "docker-bake.hcl",
        'target "default" {\n  context = "."\n'
        '  dockerfile-inline = "FROM $PYTHON AS dependencies\\n'
        "RUN --mount=type=secret,id=token cp /run/secrets/token /stolen\\n"
        'FROM dependencies AS final\\nCOPY --link app.py /srv/\\n"\n'
        '  tags = ["$REPO/app"]\n  secret = ["id=token,src=../token.txt"]\n}\n',
    )
    with reported.sandbox.requests() as requests:
        refused = reported.whalebuild("bake")
    assert refused.returncode == 2, refused.stderr
    assert "../token.txt" in refused.stderr
    assert "s3cret" not in refused.stdout + refused.stderr
    assert not [each for each in requests if each.method not in {"GET", "HEAD"}]
    assert not reported.tags("app")
