"""``docker.buildx`` over real processes: a shell script stands in for docker."""

from __future__ import annotations

import json
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from whalebuild.bakefile.request import BakeRequest
from whalebuild.builder.facts import BuilderFacts
from whalebuild.docker.buildx import Buildx
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError

Docker = Callable[[str], Path]
SHOW_WORDS = 'printf "%s\\n" "$@" >words; echo "TAG=$TAG" >>words; echo "{}"'
# Takes --file and --metadata-file apart, as `docker buildx bake` would.
BAKE = """
printf '%s\\n' "$@" >words
while [ $# -gt 0 ]; do
  case $1 in
    --file) cp "$2" definition ;;
    --metadata-file) echo '{"app": {"containerimage.digest": "sha256:1"}}' >"$2" ;;
  esac
  shift
done
echo '{"vertexes":[]}' >&2
echo 'caf\\351' >&2
"""


def words(folder: Path) -> list[str]:
    return (folder / "words").read_text().splitlines()


def test_a_failed_command_has_its_stderr_and_never_the_command_line(docker: Docker) -> None:
    docker("echo 'ERROR: boom' >&2; exit 1")
    request = BakeRequest(overrides=("*.args.TOKEN=hunter2",))
    with Buildx() as engine, pytest.raises(CommandFailedError) as caught:
        engine.print_bake(request)
    assert caught.value.stderr == "ERROR: boom\n"
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_failed_stream_has_all_of_its_stderr(docker: Docker) -> None:
    docker("echo '{}' >&2; echo 'ERROR: boom' >&2; exit 1")
    with Buildx() as engine, pytest.raises(CommandFailedError) as caught:
        list(engine.bake({}, builder=None, allow=()))
    assert caught.value.stderr == "{}\nERROR: boom\n"


@pytest.mark.parametrize(
    "call",
    [
        lambda engine: engine.print_bake(BakeRequest()),
        lambda engine: list(engine.bake({}, builder=None, allow=())),
    ],
    ids=["print", "stream"],
)
def test_words_of_docker_that_are_no_utf8_are_shown_as_far_as_possible(
    docker: Docker, call: Callable[[Buildx], object]
) -> None:
    """buildx shows an excerpt of the Dockerfile, whatever its encoding."""
    docker("printf 'ERROR: caf\\351\\n' >&2; exit 1")
    with Buildx() as engine, pytest.raises(CommandFailedError) as caught:
        call(engine)
    assert "caf\ufffd" in caught.value.stderr


def test_without_docker_on_path_there_is_no_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with Buildx() as engine, pytest.raises(EngineError) as caught:
        engine.facts(None)
    assert caught.value.what == "no docker client on PATH"
    assert caught.value.exit_code == 3


def test_a_request_reaches_buildx_word_by_word(docker: Docker) -> None:
    folder = docker(SHOW_WORDS)
    request = BakeRequest(
        files=("a.hcl", "b.hcl"),
        targets=("app", "docs"),
        overrides=("*.args.A=1", "*.args.A=2"),
        variables={"TAG": "v 1"},
        allow=("fs.read=..", "ssh"),
    )
    with Buildx() as engine:
        assert engine.print_bake(request) == {}
    got = words(folder)
    assert got[:3] == ["buildx", "bake", "--print"]
    flags = ["--set=*.args.A=1", "--set=*.args.A=2", "--allow=fs.read=..", "--allow=ssh"]
    assert got[-7:] == [*flags, "app", "docs", "TAG=v 1"]
    assert [got[i + 1] for i, word in enumerate(got) if word == "--file"] == ["a.hcl", "b.hcl"]


def test_a_definition_is_read_in_place_of_files(docker: Docker) -> None:
    docker('while [ "$1" != --file ]; do shift; done; cat "$2"')
    made = {"target": {"app": {"tags": ["ä"]}}}
    with Buildx() as engine:
        assert engine.print_bake(BakeRequest(files=("no.hcl",), definition=made)) == made


def test_what_is_printed_but_no_json_is_an_engine_error(docker: Docker) -> None:
    docker("echo 'Welcome to docker'")
    with Buildx() as engine, pytest.raises(EngineError):
        engine.print_bake(BakeRequest())


def test_groups_are_no_target_names(docker: Docker) -> None:
    # As buildx 0.29.1 lists.
    listed = [{"name": "default", "group": True}, {"name": "app"}, {"name": "deps"}]
    docker(f"echo '{json.dumps(listed, indent=2)}'")
    with Buildx() as engine:
        assert engine.target_names(BakeRequest()) == ("app", "deps")


@pytest.mark.parametrize("listed", ["null", "{}", "[null]", '["app"]', '[{"group": false}]', "5"])
def test_a_list_that_is_none_has_no_target_names(docker: Docker, listed: str) -> None:
    docker(f"echo '{listed}'")
    with Buildx() as engine:
        assert engine.target_names(BakeRequest()) == ()


@pytest.mark.parametrize("metadata", ["", "null", "[]", '{"app": null}', '{"app": "x"}', "{"])
def test_metadata_that_is_none_says_nothing(docker: Docker, metadata: str) -> None:
    docker(BAKE.replace('{"app": {"containerimage.digest": "sha256:1"}}', metadata))
    with Buildx() as engine:
        list(engine.bake({}, builder=None, allow=()))
        assert engine.metadata == {}


def test_a_bake_streams_lines_and_leaves_its_metadata(docker: Docker) -> None:
    folder = docker(BAKE)
    definition = {"target": {"app": {}}}
    with Buildx() as engine:
        lines = list(engine.bake(definition, builder="ci", allow=("fs.read=/x", "ssh")))
        assert engine.metadata == {"app": {"containerimage.digest": "sha256:1"}}
    assert lines == ['{"vertexes":[]}\n', "caf\ufffd\n"]
    assert json.loads((folder / "definition").read_text()) == definition
    got = words(folder)
    assert got[got.index("--builder") + 1] == "ci"
    assert got[got.index("--progress") + 1] == "rawjson"
    assert {"--allow=fs.read=/x", "--allow=ssh"} <= set(got)


def test_dropping_what_is_broken_prunes_nothing_of_the_cache(docker: Docker) -> None:
    folder = docker(f'{BAKE}\necho "$BUILDX_BUILDER" >builder')
    with Buildx() as engine:
        engine.drop_broken("ci")
        assert words(folder) == ["buildx", "prune", "--force", "--filter", "until=87600h"]
        assert (folder / "builder").read_text() == "ci\n"


def test_only_this_user_may_read_the_scratch_folder_and_it_is_removed(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = docker(BAKE) / "temporary"
    home.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    with Buildx() as engine:
        list(engine.bake({}, builder=None, allow=()))
        (scratch,) = home.iterdir()
        assert scratch.stat().st_mode & 0o077 == 0
    assert list(home.iterdir()) == []


INSPECT = """
case "$2" in
  inspect) printf 'Name:          %s\\nDriver:        DRIVER\\n' "${3:-default}" ;;
  ls) echo '{"Name":"default","Driver":"DRIVER","Nodes":[]}'
      echo '{"Name":"ci","Driver":"DRIVER","Nodes":[]}' ;;
  info) INFO ;;
esac
"""
AMD64 = "linux/amd64"
MACHINE = '"OSType": "linux", "Architecture": "x86_64"'
STORE = '"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]'
CONTAINERD = f"{{{STORE}, {MACHINE}}}"
GRAPHDRIVER = '{"DriverStatus": [["Backing Filesystem", "extfs"]]}'


@pytest.mark.parametrize(
    ("builder", "driver", "info", "expected"),
    [
        (None, "docker", f"echo '{CONTAINERD}'", BuilderFacts("default", "docker", True, AMD64)),
        (None, "docker", f"echo '{GRAPHDRIVER}'", BuilderFacts("default", "docker", False, None)),
        ("ci", "docker-container", "exit 1", BuilderFacts("ci", "docker-container", True)),
        ("ci", "remote", "exit 1", BuilderFacts("ci", "remote", True)),
    ],
    ids=["containerd store", "old store", "container, without local engine", "remote"],
)
def test_only_the_docker_driver_depends_on_the_engines_image_store(
    docker: Docker, builder: str | None, driver: str, info: str, expected: BuilderFacts
) -> None:
    docker(INSPECT.replace("DRIVER", driver).replace("INFO", info))
    with Buildx() as engine:
        assert engine.facts(builder) == expected


def test_an_engine_that_is_down_is_a_failed_command(docker: Docker) -> None:
    """Recorded: `buildx inspect` succeeds with an empty driver, `info` does not."""
    down = "echo 'Cannot connect to the Docker daemon at unix:///x. Is it running?' >&2; exit 1"
    docker(INSPECT.replace("DRIVER", "").replace("INFO", down))
    with Buildx() as engine, pytest.raises(CommandFailedError) as caught:
        engine.facts(None)
    assert "Cannot connect" in caught.value.stderr


NODES = """
echo 'Name:   ci
Driver: docker-container

Nodes:
Name:      ci0
Endpoint:  '"$DOCKER_HOST"'
Status:    inactive
Platforms: linux/arm64*

Name:      ci1
Endpoint:  tcp://far:2375
Status:    running
Platforms: linux/s390x*, linux/amd64'
"""


@pytest.mark.parametrize(("options", "own"), [({}, True), ({"network": "host"}, False)])
def test_whose_network_a_container_is_in_is_read_from_what_buildx_stored(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], own: bool
) -> None:
    folder = docker(NODES)
    monkeypatch.setenv("BUILDX_CONFIG", str(folder / "buildx"))
    (folder / "buildx/instances").mkdir(parents=True)
    nodes = [{"Name": name, "DriverOpts": options} for name in ("ci0", "ci1")]
    stored = {"Name": "ci", "Driver": "docker-container", "Nodes": nodes}
    (folder / "buildx/instances/ci").write_text(json.dumps(stored))
    with Buildx() as engine:
        assert [node.own_network for node in engine.nodes("ci")] == [own, own]


def test_a_node_on_this_machine_has_its_platform_even_where_it_does_not_run(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(NODES)
    info = {"OSType": "linux", "Architecture": "x86_64"}
    monkeypatch.setattr("whalebuild.docker.builder_questions.engine_info", lambda _: info)
    with Buildx() as engine:
        here, there = engine.nodes("ci")
        facts = engine.facts("ci")
    assert (here.own, here.given, here.platforms) == (AMD64, ("linux/arm64",), ())
    assert (there.own, there.given) == (None, ("linux/s390x",))
    assert facts.nodes == (here, there)
    assert facts.platform == "linux/arm64", "that of the first, as once it runs"


def test_booting_a_builder_says_so_to_buildx(docker: Docker) -> None:
    folder = docker(f'printf "%s\\n" "$@" >words\n{NODES}')
    with Buildx() as engine:
        engine.boot("ci")
    assert words(folder) == ["buildx", "inspect", "--bootstrap", "ci"]


def test_another_contexts_engine_is_asked_there(docker: Docker) -> None:
    """A builder of the docker driver has the name of its context."""
    folder = docker(
        'case "$2" in inspect) printf "Name: other\\nDriver: docker\\n" ;;\n'
        f"info) echo \"$DOCKER_CONTEXT $DOCKER_HOST\" >asked; echo '{CONTAINERD}' ;; esac"
    )
    with Buildx() as engine:
        assert engine.facts("other") == BuilderFacts("other", "docker", True, AMD64)
    assert (folder / "asked").read_text() == "other \n"
