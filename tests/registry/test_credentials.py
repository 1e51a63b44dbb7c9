from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.registry_server import basic
from whalebuild.registry import credentials
from whalebuild.registry.credentials import CredentialStore, Login

HOST = "registry.test:5000"
HUB = "https://index.docker.io/v1/"
HELPER = """#!/bin/sh
echo "$1 $(cat)" >> "$LOG"
"""


def find(folder: Path, config: object, host: str = HOST, **env: str) -> Login:
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / "config.json").write_text(text)
    return CredentialStore({"DOCKER_CONFIG": str(folder), **env}).login(host)


def helper(folder: Path, name: str, script: str) -> dict[str, str]:
    """A real helper on a PATH of its own; its log has what it was asked."""
    program = folder / f"docker-credential-{name}"
    program.write_text(HELPER + script)
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin", "LOG": str(folder / "log")}


def says(username: str, secret: str) -> str:
    return f"echo '{json.dumps({'Username': username, 'Secret': secret})}'"


# The file


@pytest.mark.parametrize(
    ("entry", "login"),
    [
        ({"auth": basic("ada", "pass:word")}, Login("ada", "pass:word")),
        ({"username": "ada", "password": "x"}, Login("ada", "x")),
        ({"identitytoken": "t"}, Login(identity_token="t")),
        ({"registrytoken": "t"}, Login(registry_token="t")),
        ({"auth": basic("ada", "x"), "identitytoken": "t"}, Login("ada", "x", "t")),
        ({}, Login()),
    ],
)
def test_an_entry(tmp_path: Path, entry: dict[str, str], login: Login) -> None:
    assert find(tmp_path, {"auths": {HOST: entry}}) == login


@pytest.mark.parametrize("key", [f"https://{HOST}/v1/", f"http://{HOST}", f"{HOST}/v2"])
def test_keys_of_old_clients(tmp_path: Path, key: str) -> None:
    assert find(tmp_path, {"auths": {key: {"auth": basic("ada", "x")}}}) == Login("ada", "x")


@pytest.mark.parametrize("host", ["docker.io", "registry-1.docker.io", "dhi.io"])
def test_docker_hubs_key(tmp_path: Path, host: str) -> None:
    config = {"auths": {HUB: {"auth": basic("ada", "x")}}}
    assert find(tmp_path, config, host) == Login("ada", "x")


def test_another_registrys_login_is_not_used(tmp_path: Path) -> None:
    assert find(tmp_path, {"auths": {"other.test": {"auth": basic("ada", "x")}}}) == Login()


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("{", "config.json cannot be read"),
        ("[" * 200_000, "config.json cannot be read"),
        ("[]", "is no object"),
        ({"auths": {HOST: {"auth": "%%%"}}}, f"the login for {HOST}"),
        ({"auths": {HOST: {"auth": basic("", "x")}}}, f"the login for {HOST}"),
        ({"auths": []}, ""),
        ({"auths": {HOST: "x"}}, ""),
    ],
)
def test_a_broken_file_is_anonymous(tmp_path: Path, config: object, problem: str) -> None:
    login = find(tmp_path, config)
    assert not login.basic
    assert problem in login.problem


def test_no_file(tmp_path: Path) -> None:
    assert CredentialStore({"HOME": str(tmp_path)}).login(HOST) == Login()
    (tmp_path / ".docker").mkdir()
    config = {"auths": {HOST: {"auth": basic("ada", "x")}}}
    (tmp_path / ".docker" / "config.json").write_text(json.dumps(config))
    assert CredentialStore({"HOME": str(tmp_path)}).login(HOST) == Login("ada", "x")


def test_the_environment_goes_first(tmp_path: Path) -> None:
    config = {"auths": {HOST: {"auth": basic("file", "x")}}}
    given = json.dumps({"auths": {HOST: {"auth": basic("ci", "x")}}})
    assert find(tmp_path, config, DOCKER_AUTH_CONFIG=given) == Login("ci", "x")
    assert find(tmp_path, config, DOCKER_AUTH_CONFIG="{") == Login("file", "x")
    assert find(tmp_path, config, DOCKER_AUTH_CONFIG="[" * 100_000) == Login("file", "x")
    assert find(tmp_path, config, "other.test", DOCKER_AUTH_CONFIG=given) == Login()


# Helpers


def test_the_store_is_asked(tmp_path: Path) -> None:
    env = helper(tmp_path, "store", says("ada", "x"))
    config = {"credsStore": "store", "auths": {HOST: {"auth": basic("old", "x")}}}
    assert find(tmp_path, config, **env) == Login("ada", "x")
    assert (tmp_path / "log").read_text() == f"get {HOST}\n"


def test_a_registrys_own_helper_goes_before_the_store(tmp_path: Path) -> None:
    helper(tmp_path, "store", says("store", "x"))
    env = helper(tmp_path, "own", says("own", "x"))
    config = {"credsStore": "store", "credHelpers": {HOST: "own"}}
    assert find(tmp_path, config, **env) == Login("own", "x")
    assert find(tmp_path, config, "other.test", **env) == Login("store", "x")


def test_a_helper_is_asked_for_docker_hub_by_its_old_name(tmp_path: Path) -> None:
    env = helper(tmp_path, "store", says("ada", "x"))
    assert find(tmp_path, {"credsStore": "store"}, "docker.io", **env) == Login("ada", "x")
    assert (tmp_path / "log").read_text() == f"get {HUB}\n"


def test_a_helper_with_an_identity_token(tmp_path: Path) -> None:
    env = helper(tmp_path, "store", says("<token>", "t"))
    assert find(tmp_path, {"credsStore": "store"}, **env) == Login(identity_token="t")


def test_a_helper_that_has_none(tmp_path: Path) -> None:
    env = helper(tmp_path, "store", "echo credentials not found in native keychain; exit 1")
    config = {"credsStore": "store", "auths": {HOST: {"auth": basic("old", "x")}}}
    assert find(tmp_path, config, **env) == Login()


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo s3cret; echo s3cret >&2; exit 3", "docker-credential-store failed with status 3"),
        ("echo s3cret", "gave no credentials that can be read"),
        ('echo \'{"Username": "s3cret"}\'', "gave no credentials that can be read"),
        ("echo '[]'", "gave no credentials that can be read"),
    ],
)
def test_a_helper_that_fails(tmp_path: Path, script: str, problem: str) -> None:
    env = helper(tmp_path, "store", script)
    login = find(tmp_path, {"credsStore": "store"}, **env)
    assert not login.basic
    assert problem in login.problem
    assert "s3cret" not in repr(login)


def test_a_helper_that_is_missing_leaves_what_the_file_has(tmp_path: Path) -> None:
    config = {"credsStore": "nowhere", "auths": {HOST: {"auth": basic("ada", "x")}}}
    login = find(tmp_path, config, PATH=str(tmp_path))
    assert (login.username, login.password) == ("ada", "x")
    assert login.problem == "docker-credential-nowhere is not on PATH"


def test_a_helper_that_cannot_be_run(tmp_path: Path) -> None:
    program = tmp_path / "docker-credential-broken"
    program.write_text("#!/nowhere\n")
    program.chmod(0o755)
    login = find(tmp_path, {"credsStore": "broken"}, PATH=str(tmp_path))
    assert "docker-credential-broken cannot be run" in login.problem


def test_a_helper_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_HELPER_SECONDS", 0.1)
    env = helper(tmp_path, "store", "exec sleep 20")
    login = find(tmp_path, {"credsStore": "store"}, **env)
    assert "took over" in login.problem


def test_a_helper_is_asked_again_after_five_minutes(tmp_path: Path) -> None:
    env = helper(tmp_path, "store", says("ada", "x"))
    (tmp_path / "config.json").write_text('{"credsStore": "store"}')
    now = [0.0]
    store = CredentialStore({"DOCKER_CONFIG": str(tmp_path), **env}, clock=lambda: now[0])
    for moment in (0.0, 280.0, 300.0):
        now[0] = moment
        assert store.login(HOST) == Login("ada", "x")
    assert (tmp_path / "log").read_text().count("get") == 2
