"""Situations of public bug reports that take several commands: what images are made from."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.integration import published
from tests.integration.report_project import Project

_GIT = ("git", "-c", "user.name=n", "-c", "user.email=e@example.org")
_CODE = "print('two')\n"


@pytest.mark.extended
def test_an_inline_dockerfile_of_a_compose_file_has_a_key(reported: Project) -> None:
    inline = (
        "ARG PYTHON_IMAGE\nFROM $${PYTHON_IMAGE} AS dependencies\nARG WHO\n"
        'COPY requirements.txt /deps/\nRUN echo "hello $${WHO}" > /deps/greeting\n'
        'FROM dependencies AS final\nCOPY --link app.py /srv/\nCMD ["cat", "/deps/greeting"]\n'
    )
    build = {
        "context": ".",
        "args": {"PYTHON_IMAGE": "$PYTHON", "WHO": "world"},
        "dockerfile_inline": inline,
    }
    web = {"image": "$REPO/app:latest", "build": build}
    reported.put("compose.yaml", json.dumps({"services": {"web": web}}))
    reported.buildx("--push")
    assert reported.run("$REPO/app") == "hello world\n"
    reported.bake()
    assert reported.run("$REPO/app") == "hello world\n"
    reported.put("app.py", _CODE)
    assert "web-deps: reuse" in reported.plan()
    second = reported.bake()
    assert second["web-deps"]["action"] == "reused"
    assert reported.run("$REPO/app") == "hello world\n"
    build["args"] = {"PYTHON_IMAGE": "$PYTHON", "WHO": "you"}
    reported.put("compose.yaml", json.dumps({"services": {"web": web}}))
    assert "web-deps: rebuild because arg WHO changed" in reported.plan()
    reported.bake()
    assert reported.run("$REPO/app") == "hello you\n"


@pytest.mark.extended
def test_a_source_date_of_the_environment_is_in_the_keys(reported: Project) -> None:
    reported.put(
        "Dockerfile",
        "FROM $PYTHON AS dependencies\nARG SOURCE_DATE_EPOCH\nCOPY requirements.txt /\n"
        'RUN echo "built at $SOURCE_DATE_EPOCH" > /stamp\n'
        "FROM dependencies AS final\nARG SOURCE_DATE_EPOCH\nCOPY --link app.py /\n"
        'RUN echo "app built at $SOURCE_DATE_EPOCH" > /appstamp\n'
        'CMD ["cat", "/stamp", "/appstamp"]\n',
    )
    reported.put("docker-bake.hcl", 'target "default" { tags = ["$REPO/app"] }\n')
    for epoch in ("1111", "2222"):
        env = {"SOURCE_DATE_EPOCH": epoch}
        stamps = f"built at {epoch}\napp built at {epoch}\n"
        reported.buildx("--push", "--set", "default.tags=$REPO/theirs", env=env)
        assert reported.run("$REPO/theirs") == stamps
        reported.bake(env=env)
        assert reported.run("$REPO/app") == stamps
    reported.put(
        "docker-bake.hcl",
        'variable "SOURCE_DATE_EPOCH" { default = "" }\ntarget "default" {\n'
        '  tags = ["$REPO/app"]\n  args = { SOURCE_DATE_EPOCH = SOURCE_DATE_EPOCH }\n}\n',
    )
    said = reported.plan(env={"SOURCE_DATE_EPOCH": "2222"})
    assert "default-deps: reuse" in said, "the same value, said in the bake file"


@pytest.mark.extended
def test_a_commit_in_a_worktree_changes_the_labels_that_buildx_adds(
    reported: Project, tmp_path: Path
) -> None:
    reported.put("docker-bake.hcl", 'target "default" { tags = ["$REPO/app"] }\n')
    tree = tmp_path / "tree"
    for words in (
        ("git", "init", "-q", "."),
        ("git", "add", "-A"),
        (*_GIT, "commit", "-qm", "one"),
        ("git", "worktree", "add", "-q", str(tree)),
    ):
        reported.sandbox.run(*words, cwd=reported.folder, check=True)
    there = Project(reported.sandbox, tree, reported.repository, {"BUILDX_GIT_LABELS": "full"})
    name = "org.opencontainers.image.revision"
    for words in ((), (*_GIT, "commit", "-q", "--allow-empty", "-m", "two")):
        if words:
            there.sandbox.run(*words, cwd=tree, check=True)
        head = there.sandbox.run("git", "rev-parse", "HEAD", cwd=tree).stdout.strip()
        there.bake()
        assert there.labels("$REPO/app")[name] == head
        there.buildx("--push", "--set", "default.tags=$REPO/theirs")
        assert there.labels("$REPO/theirs")[name] == head
    assert "default: nothing to do" in there.plan()


@pytest.mark.extended
def test_a_stage_of_one_architecture_changes(reported: Project) -> None:
    reported.put(
        "Dockerfile",
        "FROM $PYTHON AS base-amd64\nENV FLAVOUR=amd\nFROM $PYTHON AS base-arm64\nENV FLAVOUR=arm\n"
        "FROM base-${TARGETARCH} AS dependencies\nCOPY requirements.txt /deps/\n"
        "FROM dependencies AS final\nCOPY --link app.py /srv/\n",
    )
    reported.put(
        "docker-bake.hcl",
        'target "default" {\n  tags = ["$REPO/app"]\n'
        '  platforms = ["linux/amd64", "linux/arm64"]\n}\n',
    )
    reported.bake()
    reported.put("app.py", _CODE)
    assert reported.bake()["default-deps"]["action"] == "reused"
    dockerfile = reported.folder / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("FLAVOUR=arm\n", "FLAVOUR=ARM64\n"))
    assert "default-deps: rebuild" in reported.plan()
    reported.bake()
    index = published.manifest(reported.sandbox.registry, f"{reported.repository}/app", "latest")
    flavours = {}
    for each in index["manifests"]:
        if each["platform"]["os"] != "unknown":
            where = reported.sandbox.registry, f"{reported.repository}/app"
            manifest = published.manifest(*where, each["digest"])
            config = json.loads(published.blob(*where, manifest["config"]["digest"]))
            variables = dict(v.partition("=")[::2] for v in config["config"]["Env"])
            flavours[each["platform"]["architecture"]] = variables["FLAVOUR"]
    assert flavours == {"amd64": "amd", "arm64": "ARM64"}


@pytest.mark.extended
def test_output_that_is_not_utf_8_in_every_form(reported: Project) -> None:
    reported.put(
        "speak.py",
        "import sys\no = sys.stdout.buffer\n"
        "o.write(bytes([0x67, 0xfc, 0xdf, 10, 0xe2, 0x9e, 10]) + b'x' * 3000 + bytes([0xe2, 10]))\n"
        "o.write(bytes([27]) + b'[31mred' + bytes([27]) + b'[0m' + bytes([13, 0, 10]))\n"
        "o.flush()\n",
    )
    reported.put(
        "Dockerfile",
        "FROM $PYTHON AS dependencies\nCOPY speak.py /\nRUN python /speak.py\n"
        "FROM dependencies AS final\nCOPY app.py /srv/\n"
        "RUN python /speak.py >&2; grep one /srv/app.py\n",
    )
    reported.put("docker-bake.hcl", 'target "default" { tags = ["$REPO/app"] }\n')
    done = reported.whalebuild("bake", "--progress", "plain")
    assert done.returncode == 0, done.stderr
    reported.put("app.py", _CODE)
    ascii_only = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    for words, env in (
        (("--progress", "plain"), {}),
        (("--progress", "plain"), ascii_only),
        (("--progress", "quiet", "--format", "json"), {}),
    ):
        failed = reported.whalebuild("bake", *words, env=env)
        assert failed.returncode == 4, failed.stderr
        assert "Traceback" not in failed.stderr
        assert "did not complete successfully" in failed.stdout + failed.stderr
        if "json" in words:
            assert json.loads(failed.stdout)["schema"] == "whalebuild.error/1"


@pytest.mark.extended
def test_a_bake_file_with_null_lists_functions_and_validation(reported: Project) -> None:
    dockerfile = (reported.folder / "Dockerfile").read_text()
    shown = 'ARG INDEX=default-index\nARG EMPTY=was-set\nRUN echo "$INDEX [$EMPTY]" > /args\n'
    reported.put(
        "Dockerfile",
        dockerfile.replace("AS dependencies\n", f"AS dependencies\n{shown}").replace(
            '["python", "/app.py"]', '["cat", "/args"]'
        ),
    )
    reported.put(
        "docker-bake.hcl",
        'variable "INDEX" { default = null }\n'
        'variable "TAGS" {\n  type = list(string)\n  default = ["latest"]\n  validation {\n'
        '    condition = length(TAGS) > 0\n    error_message = "give at least one tag"\n  }\n}\n'
        'function "ref" {\n  params = [t]\n  result = "$REPO/app:${t}"\n}\n'
        'target "_common" {\n  args = { INDEX = INDEX, EMPTY = "" }\n'
        '  labels = { "x.null" = null, "x.empty" = "", "x.esc" = "$${HOME} %%{if}" }\n}\n'
        'target "default" {\n  inherits = ["_common"]\n  tags = [for t in TAGS : ref(t)]\n}\n',
    )
    reported.buildx("--push")
    theirs = reported.run("$REPO/app"), reported.labels("$REPO/app")
    assert theirs == ("default-index []\n", {"x.empty": "", "x.esc": "${HOME} %{if}"})
    reported.bake()
    assert (reported.run("$REPO/app"), reported.labels("$REPO/app")) == theirs
    reported.bake(env={"INDEX": "mine", "TAGS": "latest,v2"})
    assert reported.run("$REPO/app:v2") == "mine []\n"
    reported.bake("--var", "TAGS=latest,v3", "--var", "INDEX=mine")
    assert reported.tags("app") == ["deps", "latest", "v2", "v3"]
    wrong = reported.whalebuild("plan", "--var", "NOPE=1")
    assert wrong.returncode == 2
    assert "NOPE" in wrong.stderr


@pytest.mark.extended
def test_windows_line_ends_come_and_go(reported: Project) -> None:
    text = (
        "# escape=`\n# check=skip=all\nFROM $PYTHON AS dependencies\n"
        "COPY requirements.txt `\n     /deps/\n"
        'COPY <<"CONF" <<-LIST /etc/app/\nindex = $HOME\nCONF\n\ttabbed\n\tLIST\n'
        "RUN <<EOS\ncp /deps/requirements.txt /deps/installed\nEOS\n"
        "FROM dependencies AS final\nCOPY --link app.py /srv/\n"
        'CMD ["cat", "/etc/app/CONF", "/etc/app/LIST"]\n'
    )
    reported.put("docker-bake.hcl", 'target "default" { tags = ["$REPO/app"] }\n')
    for line_end in ("\n", "\r\n"):
        (reported.folder / "Dockerfile").write_bytes(
            reported.fill(text).replace("\n", line_end).encode()
        )
        reported.buildx("--push", "--set", "default.tags=$REPO/theirs")
        reported.bake()
        assert reported.run("$REPO/app") == reported.run("$REPO/theirs")
        again = reported.bake()
        assert again["default"]["action"] == "unchanged"


@pytest.mark.extended
def test_a_name_that_is_not_utf_8_is_what_is_blamed(reported: Project) -> None:
    """BuildKit cannot be told of such a name: it is named before, and no cache is suspected."""
    dockerfile = (reported.folder / "Dockerfile").read_text()
    reported.put(
        "Dockerfile",
        dockerfile.replace(
            "COPY requirements.txt /requirements.txt",
            "COPY . /in/\nCOPY requirements.txt /requirements.txt",
        ),
    )
    reported.put("docker-bake.hcl", 'target "default" { tags = ["$REPO/app"] }\n')
    reported.bake()
    Path(os.fsdecode(os.fsencode(reported.folder / "caf") + b"\xe9.txt")).write_text("x")
    reported.buildx("--push", exits=100)
    refused = reported.whalebuild("bake")
    assert refused.returncode == 2, refused.stderr
    assert "caf\\xe9.txt" in refused.stderr
    assert "cache" not in refused.stderr.partition("error:")[2]
