"""A token server for registries that want signed tokens, and logins for docker clients.

    with token_server(tmp_path) as tokens:
        with own_registry(sandbox.env(), tmp_path, auth=tokens.auth) as registry:
            env = docker_config(sandbox.env(), tmp_path / "docker", {registry.address: LOGIN})

The registry's challenge names the token server itself, also to those who come through a proxy.
"""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

from tests.integration.registries import PASSWORD, USER
from tests.support.registry_server import Asked, Reply, basic, document, serve

LOGIN = (USER, PASSWORD)
#: For so many seconds the registry takes a token that has expired.
_LEEWAY = 60


@dataclass
class TokenServer:
    """Signs tokens. All but its files can be changed while it runs.

    Attributes:
        folder: Has its key and certificate.
        users: Who gets tokens, and with which password.
        readers: Who gets tokens that are good for pulling alone, likewise.
        expires_in: How many seconds a client is told that a token is good for; None tells nothing.
        lifetime: For how many seconds the registry takes it.
        failures: Statuses that the next fetches get, in this order.
        asked: All fetches, the failed ones as well.
        issued: All tokens.
    """

    folder: Path
    realm: str = ""
    users: dict[str, str] = field(default_factory=lambda: {USER: PASSWORD})
    readers: dict[str, str] = field(default_factory=dict)
    expires_in: int | None = 300
    lifetime: int = 300
    failures: list[int] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    issued: list[str] = field(default_factory=list)

    @property
    def auth(self) -> dict[str, object]:
        """The auth of a registry that takes these tokens."""
        certificate = str(self._certificate)
        settings = {"service": "s", "issuer": "test", "rootcertbundle": certificate}
        return {"token": {"realm": self.realm, **settings}}

    @property
    def fetches(self) -> int:
        """How often it was asked."""
        return len(self.asked)

    def make_key(self) -> None:
        """Make the key, and the certificate that the registry trusts."""
        options = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test"
        files = ("-keyout", self._key, "-out", self._certificate)
        # On every machine that has a sandbox: ca-certificates depends on it.
        subprocess.run(["openssl", *options.split(), *files], check=True, capture_output=True)

    def answer(self, asked: Asked) -> Reply:
        """A token for those who may have one."""
        self.asked.append(asked)
        if self.failures:
            return Reply(self.failures.pop(0), b'{"details": "said so"}')
        # BuildKit asks with GET and, when that is refused, with a form (OAuth 2).
        form = asked.query if asked.method == "GET" else parse_qs(asked.body.decode())
        user = self._user(asked, form)
        if user is None:
            return Reply(401, b'{"details": "incorrect username or password"}')
        scopes = [scope for value in form.get("scope", []) for scope in value.split()]
        token = self._signed(user, form["service"][0], scopes)
        self.issued.append(token)
        told = {} if self.expires_in is None else {"expires_in": self.expires_in}
        return document({"token": token, "access_token": token, **told})

    def _user(self, asked: Asked, form: Mapping[str, list[str]]) -> str | None:
        for user, password in {**self.users, **self.readers}.items():
            if asked.authorization == f"Basic {basic(user, password)}":
                return user
            if form.get("username") == [user] and form.get("password") == [password]:
                return user
        return None

    def _signed(self, user: str, service: str, scopes: list[str]) -> str:
        now = int(time.time())
        claims = {
            "iss": "test",
            "sub": user,
            "aud": service,
            "exp": now + self.lifetime - _LEEWAY,
            "nbf": now - 10,
            "iat": now,
            "jti": str(self.fetches),
            "access": [_access(scope, only_pull=user in self.readers) for scope in scopes],
        }
        chain = "".join(self._certificate.read_text().splitlines()[1:-1])
        header = {"typ": "JWT", "alg": "RS256", "x5c": [chain]}
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self._key],
            input=signed.encode(),
            check=True,
            capture_output=True,
        ).stdout
        return f"{signed}.{_encoded(signature)}"

    @property
    def _key(self) -> Path:
        return self.folder / "token-key.pem"

    @property
    def _certificate(self) -> Path:
        return self.folder / "token-cert.pem"


@contextmanager
def token_server(folder: Path) -> Iterator[TokenServer]:
    """A token server on a loopback port of its own."""
    tokens = TokenServer(folder)
    tokens.make_key()
    with serve(tokens.answer) as server:
        tokens.realm = f"http://{server.address}/token"
        yield tokens


def _access(scope: str, *, only_pull: bool) -> dict[str, object]:
    kind, name, actions = scope.split(":")
    granted = [each for each in actions.split(",") if each == "pull" or not only_pull]
    return {"type": kind, "name": name, "actions": granted}


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def docker_config(
    env: Mapping[str, str],
    folder: Path,
    logins: Mapping[str, tuple[str, str]],
    *,
    helper: bool = False,
) -> dict[str, str]:
    """A docker client's configuration with logins, by registry; the variables that select it.

    It can be written again while it is in use: the login has changed.

    Args:
        env: The environment of the engine. Its client's plugins and builders are kept.
        folder: For the configuration.
        logins: User and password for each registry's address.
        helper: Whether the logins are with a credential helper, as on a developer's machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for kept in ("cli-plugins", "buildx"):
        theirs, link = Path(env["DOCKER_CONFIG"], kept), folder / kept
        theirs.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(theirs)
    config: dict[str, object] = {"credsStore": "test"}
    if helper:
        _write_helper(folder / "docker-credential-test", logins)
    else:
        config = {"auths": {address: {"auth": basic(*login)} for address, login in logins.items()}}
    (folder / "config.json").write_text(json.dumps(config))
    return {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:{env['PATH']}"}


def _write_helper(program: Path, logins: Mapping[str, tuple[str, str]]) -> None:
    """The protocol of https://github.com/docker/docker-credential-helpers, its "get" alone."""
    answers = ""
    for address, (user, password) in logins.items():
        login = json.dumps({"ServerURL": address, "Username": user, "Secret": password})
        answers += f"{address}) echo {shlex.quote(login)};;\n"
    program.write_text(
        f'#!/bin/sh\ncase "$(cat)" in\n{answers}'
        "*) echo credentials not found in native keychain; exit 1;;\nesac\n"
    )
    program.chmod(0o755)
