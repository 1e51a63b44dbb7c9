"""A compose project over real processes: a shell script stands in for docker."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine_server import EngineServer, answer, chunked, engine_here, refused
from whalebuild.compose.model import read_model
from whalebuild.compose.pull_progress import PullLine
from whalebuild.compose.up import UpFlag
from whalebuild.docker.compose import ComposeProject
from whalebuild.docker.engine_containers import joined_output
from whalebuild.errors import EngineError, UsageError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference

Docker = Callable[[str], Path]
DIGEST = f"sha256:{'a' * 64}"
WEB = Reference("r.test/web", "latest", DIGEST)
MODEL = {
    "name": "shop",
    "services": {
        "web": {"image": "r.test/web:latest", "build": {"context": "."}, "platform": "linux/amd64"},
        "db": {"image": "db", "stdin_open": True},
    },
}
# Each call is noted, and the file that it names is kept; `config` prints the model.
SCRIPT = """
echo "$*" >>calls
case "$*" in *" config "*) cat model; exit 0 ;; esac
for word; do
  case "$word" in *.json) cp "$word" file; stat -c %%a "$word" >mode; echo "$word" >name ;; esac
done
env | grep ^COMPOSE_ >env
%s
"""


@pytest.fixture
def project(docker: Docker) -> Callable[..., Path]:
    def install(script: str = "", model: object = MODEL) -> Path:
        folder = docker(SCRIPT % script)
        (folder / "model").write_text(json.dumps(model))
        return folder

    return install


def calls(folder: Path) -> list[str]:
    scratch = ""
    if (folder / "name").exists():
        scratch = (folder / "name").read_text().strip()
    return (folder / "calls").read_text().replace(scratch or "\0", "FILE").splitlines()


def file(folder: Path) -> dict[str, Any]:
    """What the file had that was given; it was private, and is gone."""
    assert (folder / "mode").read_text() == "600\n"
    assert not Path((folder / "name").read_text().strip()).exists()
    found: dict[str, Any] = json.loads((folder / "file").read_text())
    return found


def test_the_model_is_read_once_with_all_options(project: Callable[..., Path]) -> None:
    folder = project()
    options: dict[str, Any] = {
        "files": ["a.yaml", "b.yaml"],
        "project_name": "p",
        "project_directory": "/d",
        "profiles": ["x"],
        "env_files": [".e"],
    }
    with ComposeProject(**options) as compose:
        assert compose.model() is compose.model()
    [call] = calls(folder)
    assert call == (
        "compose --file a.yaml --file b.yaml --profile x --env-file .e --project-name p "
        "--project-directory /d config --format json"
    )


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("no configuration file provided: not found", "no configuration file provided: not found"),
        (
            'time="t" level=warning msg="w"\nrequired variable FOO is missing a value',
            "required variable FOO is missing a value",
        ),
        ("validating: password=S3CRET", "validating: password=***"),
    ],
)
def test_files_that_cannot_be_read(docker: Docker, words: str, cause: str) -> None:
    docker(f"echo '{words}' >&2; exit 14")
    with ComposeProject() as compose, pytest.raises(UsageError) as caught:
        compose.model()
    assert caught.value.cause == cause
    assert "docker compose config" in str(caught.value.next_step)


@pytest.mark.parametrize(
    "words",
    [
        "docker: unknown command: docker compose",
        "docker: 'compose' is not a docker command.",
        "unknown flag: --format\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]",
    ],
)
def test_a_client_without_compose(docker: Docker, words: str) -> None:
    docker(f'echo "{words}" >&2; exit 1')
    with ComposeProject() as compose, pytest.raises(EngineError) as caught:
        compose.model()
    assert "install the compose plugin" in str(caught.value.next_step)


def test_an_engine_that_is_down_is_for_the_caller(docker: Docker) -> None:
    docker('echo "Cannot connect to the Docker daemon at tcp://x" >&2; exit 1')
    with ComposeProject() as compose, pytest.raises(CommandFailedError):
        compose.model()


def test_a_model_that_is_no_json(docker: Docker) -> None:
    docker("echo hello")
    with ComposeProject() as compose, pytest.raises(EngineError):
        compose.model()


def test_images_are_pulled_by_digest_from_a_file_of_its_own(
    project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES"):
        monkeypatch.setenv(name, "mine")
    lines = '{"id":"web","text":"Pulling"}\n{"id":"web","text":"Pulled"}'
    folder = project(f"printf '%s\\n' ' db Pulling ' '{lines}' >&2")
    with ComposeProject(files=["a.yaml"]) as compose:
        assert list(compose.pull({})) == []
        assert list(compose.pull({"web": WEB, "db": Reference("db")})) == [
            PullLine("web", "", "Pulling"),
            PullLine("web", "", "Pulled"),
        ]
    assert calls(folder)[1:] == ["compose --file FILE --project-name shop pull"]
    assert file(folder) == {
        "name": "shop",
        "services": {
            "web": {"image": f"r.test/web@{DIGEST}", "platform": "linux/amd64"},
            "db": {"image": "db"},
        },
    }
    env = dict(line.split("=") for line in (folder / "env").read_text().splitlines())
    assert env == {"COMPOSE_PROGRESS": "json", "COMPOSE_DISABLE_ENV_FILE": "true"}


def test_a_pull_that_fails_says_why_in_plain_text(project: Callable[..., Path]) -> None:
    folder = project("""echo '{"error":true,"message":"dial tcp: refused"}' >&2; exit 1""")
    with ComposeProject() as compose, pytest.raises(CommandFailedError) as caught:
        list(compose.pull({"web": WEB}))
    assert caught.value.stderr == "ERROR: dial tcp: refused"
    assert file(folder)


def test_up_with_the_files_as_they_are(project: Callable[..., Path]) -> None:
    folder = project("echo noise; echo noise >&2")
    with ComposeProject(files=["a.yaml"]) as compose:
        compose.up([], images={})
        compose.up(["db"], images={}, scales={"db": 2}, flags=[UpFlag.NO_RECREATE, UpFlag.NO_DEPS])
    assert calls(folder) == [
        "compose --file a.yaml up --detach",
        "compose --file a.yaml up --detach --scale db=2 --no-recreate --no-deps db",
    ]


def test_up_says_nothing_by_itself(
    project: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    project("echo noise; echo noise >&2")
    with ComposeProject() as compose:
        compose.up([], images={})
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "variable", "directory"),
    [
        ({"files": ["sub/a.yaml", "b.yaml"]}, "", "{}/sub"),
        ({"files": ["sub/a.yaml"], "project_directory": "/d"}, "", "/d"),
        ({}, "sub/a.yaml:b.yaml", "{}/sub"),
        ({}, "", "{}"),
    ],
)
def test_up_with_other_images(
    project: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    variable: str,
    directory: str,
) -> None:
    folder = project()
    (folder / "compose.yml").touch()
    (folder / "below").mkdir()
    if not (options or variable):
        # The files as the script has them are here and there.
        (folder / "below" / "model").write_text((folder / "model").read_text())
        monkeypatch.chdir(folder / "below")
    if variable:
        monkeypatch.setenv("COMPOSE_FILE", variable)
    with ComposeProject(**options) as compose:
        compose.up(["web"], images={"web": WEB})
    where = Path.cwd()
    _, call = calls(where)
    assert call == (
        f"compose --file FILE --project-name shop --project-directory {directory.format(folder)} "
        "up --detach web"
    )
    web = file(where)["services"]["web"]
    assert web == {"image": str(WEB), "platform": "linux/amd64", "pull_policy": "never"}
    assert "COMPOSE_REMOVE_ORPHANS=false" in (where / "env").read_text().splitlines()


@pytest.mark.parametrize(("service", "stdin"), [("web", "false"), ("db", "true")])
def test_a_trial(project: Callable[..., Path], service: str, stdin: str) -> None:
    folder = project("echo 0123")
    with ComposeProject() as compose:
        compose.start_trial(service, WEB)
        compose.start_trial(service, WEB)
    names = set()
    for call in calls(folder)[1:]:
        words = call.split()
        names.add(words[words.index("--name") + 1])
        assert words[words.index("run") :][:2] == ["run", "--detach"]
        assert {"--no-TTY", "--no-deps", f"--interactive={stdin}"} <= set(words)
        labels = ["--label", "dev.whalebuild.trial=1", "--label", "traefik.enable=false"]
        assert words[-5:] == [*labels, service]
    assert len(names) == 2, "two trials have two names"
    assert all(name.startswith(f"shop-{service}-trial-") for name in names)
    assert file(folder)["services"][service]["image"] == str(WEB)


LABEL = "com.docker.compose.project=shop"


@pytest.fixture
def here(
    project: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[EngineServer, ComposeProject]]:
    """A project whose engine answers on its socket."""
    with engine_here(tmp_path, monkeypatch) as server, ComposeProject() as compose:
        compose._model = read_model(MODEL)
        yield server, compose


Here = tuple[EngineServer, ComposeProject]


def test_containers_of_the_project(here: Here) -> None:
    server, compose = here
    listed = [{"Id": "one"}, {"Id": "two"}, {"Id": "gone"}]
    one = {"Id": "one", "Image": "sha256:1"}
    one |= {"Config": {"Labels": {"com.docker.compose.service": "web"}}}
    server.answers |= {
        "GET /containers/json": answer(listed),
        "GET /containers/one/json": answer(one),
        "GET /containers/two/json": answer({"Id": "two"}),
    }
    assert [each.service for each in compose.containers()] == ["web"]
    assert server.words == [
        f'GET /containers/json?all=1&filters={{"label":+["{LABEL}"]}}',
        "GET /containers/one/json",
        "GET /containers/two/json",
        "GET /containers/gone/json",
    ]


def test_names_of_images(here: Here) -> None:
    server, compose = here
    name = f"r.test/web:latest@{DIGEST}"
    server.answers |= {
        f"GET /images/{name}/json": answer({"Id": DIGEST}),
        f"POST /images/{name}/tag": answer(status=201),
        "DELETE /images/r.test/web:latest": answer([{"Untagged": "r.test/web:latest"}]),
    }
    assert compose.image_id(WEB) == DIGEST
    compose.tag(str(WEB), Reference("r.test/web", "latest"))
    assert compose.untag(Reference("r.test/web", "latest"))
    assert server.words[1] == f"POST /images/{name}/tag?repo=r.test/web&tag=latest"


@pytest.mark.parametrize(
    "said", [refused(404, "No such image: r.test/web"), refused(409, "conflict: unable to delete")]
)
def test_a_name_that_is_gone_or_in_use_is_no_error(here: Here, said: bytes) -> None:
    server, compose = here
    server.answers["DELETE /images/r.test/web:latest"] = said
    assert not compose.untag(Reference("r.test/web", "latest"))
    assert compose.image_id(WEB) is None


def test_other_trouble_with_an_image_is_an_error(here: Here) -> None:
    server, compose = here
    said = refused(500, "no space left on device")
    server.answers |= {"GET /images/r.test/web/json": said, "DELETE /images/r.test/web": said}
    for action in (compose.image_id, compose.untag):
        with pytest.raises(CommandFailedError, match="cannot be used") as caught:
            action(Reference("r.test/web"))
        assert caught.value.stderr == "Error response from daemon: no space left on device"


def test_containers_are_stopped_and_removed_with_a_trials_volumes(here: Here) -> None:
    server, compose = here
    both = threading.Barrier(2, timeout=10)
    server.answers |= {
        "GET /containers/json": answer([{"Id": "one"}]),
        "POST /containers/one/stop": lambda _: (both.wait(), answer(status=204))[1],
        "POST /containers/two/stop": lambda _: (both.wait(), answer(status=304))[1],
        "DELETE /containers/one": answer(status=204),
        "DELETE /containers/two": refused(409, "removal of container two is already in progress"),
    }
    compose.remove([])
    assert server.asked == []
    compose.remove(["one", "two", "gone"])
    labels = f'["{LABEL}",+"dev.whalebuild.trial"]'
    assert server.words[0] == f'GET /containers/json?all=1&filters={{"label":+{labels}}}'
    assert sorted(server.words[1:]) == [
        "DELETE /containers/gone?force=1&v=0",
        "DELETE /containers/one?force=1&v=1",
        "DELETE /containers/two?force=1&v=0",
        "POST /containers/gone/stop",
        "POST /containers/one/stop",
        "POST /containers/two/stop",
    ]


def test_one_that_cannot_be_removed_is_an_error(here: Here) -> None:
    """The others are."""
    server, compose = here
    server.answers |= {
        "GET /containers/json": answer([]),
        "POST /containers/one/stop": refused(500, "cannot stop container: one"),
    }
    with pytest.raises(CommandFailedError) as caught:
        compose.remove(["one", "two"])
    assert "cannot stop container: one" in caught.value.stderr
    assert "DELETE /containers/two?force=1&v=0" in server.words


def frame(stream: int, text: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(text).to_bytes(4, "big") + text


def test_logs_are_both_streams_without_secrets(here: Here) -> None:
    server, compose = here
    said = frame(1, b"out \377\n") + frame(2, b"token=S3C") + frame(2, b"RET\n")
    server.answers["GET /containers/one/logs"] = chunked(said)
    assert compose.logs("one", 20).splitlines() == ["out \ufffd", "token=***"]
    assert server.words == ["GET /containers/one/logs?stdout=1&stderr=1&tail=20"]


@pytest.mark.parametrize(
    "said", [b"plain\r\n", b"", b"\1\0\0", b"\1\0\0\0\0\0\0\5ab", b"\7\0\0\0\0\0\0\1a"]
)
def test_output_of_a_terminal_has_no_frames(said: bytes) -> None:
    whole = b"ab" if said.endswith(b"ab") else said
    assert joined_output(said) == whole


def test_rejoining(here: Here) -> None:
    server, compose = here
    for network in ("shop_default", "back"):
        for verb in ("connect", "disconnect"):
            server.answers[f"POST /networks/{network}/{verb}"] = answer()
    compose.rejoin("0123", {"shop_default": ("web", "shop-web-2"), "back": ()})
    gone = {"Container": "0123"}
    assert server.asked == [
        ("POST /networks/shop_default/disconnect", gone),
        (
            "POST /networks/shop_default/connect",
            {**gone, "EndpointConfig": {"Aliases": ["web", "shop-web-2"]}},
        ),
        ("POST /networks/back/disconnect", gone),
        ("POST /networks/back/connect", {**gone, "EndpointConfig": {"Aliases": []}}),
    ]


def test_a_trial_has_no_hostname(project: Callable[..., Path]) -> None:
    """Docker would make a name in the network of it."""
    web = {**MODEL["services"]["web"], "hostname": "shop"}  # type: ignore[index]
    folder = project("echo 0123", {"name": "shop", "services": {"web": web}})
    with ComposeProject() as compose:
        compose.start_trial("web", WEB)
    assert "hostname" not in file(folder)["services"]["web"]
