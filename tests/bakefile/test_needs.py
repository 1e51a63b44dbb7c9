from __future__ import annotations

from typing import Any

import pytest

from whalebuild.bakefile.needs import needs_of
from whalebuild.bakefile.target import Target


def needs(**attributes: Any) -> set[tuple[str, str, str]]:
    """Beside those of a context that is the current folder."""
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    found = {(n.right.value, n.subject, n.value) for n in needs_of(Target("app", named))}
    return found - {("fs.read", "its context", "."), ("fs.read", "its Dockerfile", "./Dockerfile")}


@pytest.mark.parametrize(
    ("attributes", "paths"),
    [
        ({"context": ".."}, {"its context": "..", "its Dockerfile": "../Dockerfile"}),
        ({"context": "cwd://.."}, {"its context": "..", "its Dockerfile": "../Dockerfile"}),
        ({"context": "a", "dockerfile": "../D"}, {"its context": "a", "its Dockerfile": "a/../D"}),
        (
            {"context": "a", "dockerfile": "/d/D"},
            {"its context": "a", "its Dockerfile": "/d/D"},
        ),
        ({"dockerfile": "cwd://../D"}, {"its Dockerfile": "../D"}),
        ({"context": "https://example.org/x.tar"}, {"its Dockerfile": "Dockerfile"}),
        (
            {"context": "https://example.org/x.git", "dockerfile": "../D"},
            {"its Dockerfile": "../D"},
        ),
        ({"context": "github.com/acme/web"}, {"its Dockerfile": "Dockerfile"}),
        ({"contexts": {"lib": "../lib"}}, {'context "lib"': "../lib"}),
        ({"contexts": {"a": "target:b", "c": "docker-image://d", "e": "https://f/g"}}, {}),
        ({"contexts": {"a": "oci-layout://../b"}}, {'context "a"': "oci-layout://../b"}),
        ({"secret": [{"id": "t", "src": "../t"}]}, {'secret "t"': "../t"}),
        ({"secret": ["id=t,src=../t"]}, {'secret "t"': "../t"}),
        ({"secret": ["type=file,id=t,source=../t"]}, {'secret "t"': "../t"}),
        ({"secret": [{"id": "t", "env": "T"}]}, {}),
        ({"secret": ["type=env,id=t,src=T"]}, {}),
        ({"secret": [{"id": "/etc/shadow"}]}, {'secret "/etc/shadow"': "/etc/shadow"}),
        ({"ssh": [{"id": "k", "paths": ["/k1", "k2"]}]}, {'ssh "k"': {"/k1", "k2"}}),
        ({"ssh": ["k=/k1"]}, {'ssh "k"': "/k1"}),
        ({"cache_from": [{"type": "local", "src": "../c"}]}, {"cache-from": "../c"}),
        ({"cache_from": ["type=local,src=../c", "acme/cache"]}, {"cache-from": "../c"}),
        ({"cache_from": [{"type": "registry", "ref": "../c"}]}, {}),
    ],
)
def test_what_is_read(attributes: dict[str, Any], paths: dict[str, Any]) -> None:
    expected = {
        ("fs.read", subject, path)
        for subject, given in paths.items()
        for path in (given if isinstance(given, set) else [given])
    }
    assert needs(**attributes) == expected


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"output": [{"type": "local", "dest": "../out"}]}, "../out"),
        ({"output": ["../out"]}, "../out"),
        ({"output": [{"type": "tar", "dest": "../out.tar"}]}, "../out.tar"),
        ({"output": [{"type": "oci", "dest": "../out", "tar": "false"}]}, "../out"),
        ({"output": [{"type": "docker", "dest": "/x.tar"}]}, "/x.tar"),
        (
            {"output": [{"type": "docker"}, {"type": "registry"}, {"type": "tar", "dest": "-"}]},
            None,
        ),
        ({"cache_to": [{"type": "local", "dest": "/c"}]}, "/c"),
        ({"cache_to": ["type=local,dest=/c,mode=max"]}, "/c"),
        ({"cache_to": [{"type": "registry", "ref": "acme/c"}, {"type": "inline"}]}, None),
    ],
)
def test_what_is_written(attributes: dict[str, Any], path: str | None) -> None:
    subject = next(iter(attributes)).replace("_", "-")
    assert needs(**attributes) == ({("fs.write", subject, path)} if path else set())


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ssh": [{"id": "default"}]}, {("ssh", 'ssh "default"', "")}),
        ({"ssh": ["default"]}, {("ssh", 'ssh "default"', "")}),
        ({"entitlements": ["network.host"]}, {("network.host", "its entitlements", "")}),
        ({"entitlements": ["security.insecure"]}, {("security.insecure", "its entitlements", "")}),
        ({"entitlements": ["device"]}, {("device", "its entitlements", "")}),
        ({"entitlements": ["device=a/b=c,x=1"]}, {("device", "its entitlements", "a/b=c")}),
        ({"entitlements": ["other"]}, set()),
    ],
)
def test_what_is_no_path(attributes: dict[str, Any], expected: set[Any]) -> None:
    assert needs(**attributes) == expected


@pytest.mark.parametrize("context", ["git@example.org:acme/web.git", "ssh://git@example.org/web"])
def test_a_repository_over_ssh_forwards_the_agent(context: str) -> None:
    assert ("ssh", 'ssh "default"', "") in needs(context=context)
    keys = needs(context=context, ssh=["default=key"])
    assert ("ssh", 'ssh "default"', "") not in keys
