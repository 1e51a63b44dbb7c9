"""Docker's logins: its configuration file, credential store and credential helpers.

Follows ``cli/config`` of https://github.com/docker/cli: a helper named for the registry, else the
store, else the file. Nothing here shows a secret in a ``repr`` or in an error.
"""

from __future__ import annotations

import base64
import binascii
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from whalebuild.docker.config import config_folder
from whalebuild.values import dataclass

_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HUB_KEY = "https://index.docker.io/v1/"
# buildx looks there with Docker Hub's login: util/dockerutil/dockerconfig/configprovider.go
_HUB_BACKED = frozenset({"dhi.io", "registry.scout.docker.com"})
_TOKEN_USER = "<token>"  # noqa: S105 - a marker: the helper's secret is an identity token
_NOT_FOUND = "credentials not found in native keychain"
_HELPER_SECONDS = 60.0  # it may ask the user to unlock something
# Helpers hand out tokens that end after 5 minutes; buildx asks again after as long.
_KEEP_SECONDS = 290.0


@dataclass(frozen=True)
class Login:
    """The login for one registry; all empty is anonymous.

    Attributes:
        problem: Why there may be no login although one was set up.
        source: Where it comes from; no secret.
    """

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    problem: str = ""
    source: str = field(default="", compare=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        secrets = (self.password, self.identity_token, self.registry_token)
        return tuple(secret for secret in secrets if secret)

    @property
    def basic(self) -> str:
        """The value of a Basic ``Authorization`` header; empty without name and password."""
        if not (self.username and self.password):
            return ""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


class CredentialStore:
    """Finds logins; thread-safe, and asks a helper at most once in five minutes."""

    def __init__(
        self, env: Mapping[str, str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._env = env
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Login]] = {}

    def login(self, host: str) -> Login:
        """Return the login for a registry's host; never fails (see ``Login.problem``)."""
        with self._lock:  # one helper at a time: two prompts at once confuse the user
            known = self._known.get(host)
            if known and self._clock() - known[0] < _KEEP_SECONDS:
                return known[1]
            login = self._find(_HUB_KEY if host in _HUB else host)
            if host in _HUB_BACKED and login == Login():
                login = self._find(_HUB_KEY)
            self._known[host] = (self._clock(), login)
            return login

    def read_anew(self, host: str) -> bool:
        """Read a login again that was refused; tell whether it is another one now."""
        with self._lock:
            _, refused = self._known.pop(host, (0.0, None))
        return refused is not None and self.login(host) != refused

    def _find(self, key: str) -> Login:
        config, problem = _read_config(config_folder(self._env) / "config.json")
        given = _from_environment(self._env, key)
        if given:
            return given
        written = _from_file(_table(config, "auths"), key, problem)
        helper = _table(config, "credHelpers").get(key) or config.get("credsStore")
        if not helper:
            return written
        return self._ask_helper(f"docker-credential-{helper}", key, written)

    def _ask_helper(self, program: str, key: str, written: Login) -> Login:  # noqa: PLR0911 - one return a way
        """The helper's login; the file's if the helper fails (as the docker client does)."""
        path = shutil.which(program, path=self._env.get("PATH"))
        if path is None:
            return _with_problem(written, f"{program} is not on PATH")
        try:
            done = subprocess.run(  # noqa: S603 - the user's own helper
                [path, "get"],
                input=key.encode(),
                capture_output=True,
                timeout=_HELPER_SECONDS,
                env=dict(self._env),
                check=False,
            )
        except subprocess.TimeoutExpired:
            return _with_problem(written, f"{program} took over {_HELPER_SECONDS:.0f} s")
        except OSError as error:
            return _with_problem(written, f"{program} cannot be run: {error.strerror}")
        said = done.stdout.decode("utf-8", "replace").strip()
        if done.returncode != 0:
            if said == _NOT_FOUND:
                token = written.registry_token
                return Login(registry_token=token, source=written.source if token else "")
            # What it said may hold a secret; its status cannot.
            return _with_problem(written, f"{program} failed with status {done.returncode}")
        try:
            parsed = json.loads(said)
            username, secret = str(parsed["Username"]), str(parsed["Secret"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return _with_problem(written, f"{program} gave no credentials that can be read")
        if username == _TOKEN_USER:
            return Login(
                identity_token=secret, registry_token=written.registry_token, source=program
            )
        return Login(username, secret, registry_token=written.registry_token, source=program)


def _read_config(path: Path) -> tuple[dict[str, Any], str]:
    try:
        config = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, RecursionError):
        return {}, "docker's config.json cannot be read"
    return (config, "") if isinstance(config, dict) else ({}, "docker's config.json is no object")


def _table(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _from_environment(env: Mapping[str, str], key: str) -> Login | None:
    """``DOCKER_AUTH_CONFIG``, which CI systems set; a broken one is passed over, as in docker."""
    try:
        entry = json.loads(env.get("DOCKER_AUTH_CONFIG") or "{}")["auths"][key]
        return Login(*_decode(entry["auth"]), source="DOCKER_AUTH_CONFIG")
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _from_file(auths: Mapping[str, Any], key: str, problem: str) -> Login:
    entry = auths.get(key)
    if not isinstance(entry, dict):
        legacy = (auths[name] for name in auths if _hostname(name) == key)
        entry = next((found for found in legacy if isinstance(found, dict)), {})
    username, password = str(entry.get("username", "")), str(entry.get("password", ""))
    if entry.get("auth"):
        try:
            username, password = _decode(entry["auth"])
        except ValueError:
            problem = f"the login for {key} in docker's config.json cannot be read"
    return Login(
        username,
        password,
        str(entry.get("identitytoken", "")),
        str(entry.get("registrytoken", "")),
        problem,
        "docker's config.json" if any(entry.values()) else "",
    )


def _decode(auth: str) -> tuple[str, str]:
    try:
        pair = base64.b64decode(str(auth), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("not base64") from None
    username, colon, password = pair.partition(":")
    if not (colon and username):
        raise ValueError("no user name")
    return username, password.strip("\0")


def _hostname(key: str) -> str:
    """The host of a key that an old client wrote as a URL."""
    return key.partition("://")[2].partition("/")[0] if "://" in key else key.partition("/")[0]


def _with_problem(login: Login, problem: str) -> Login:
    return replace(login, problem=problem)
