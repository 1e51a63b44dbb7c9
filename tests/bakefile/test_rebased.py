"""Paths of a command line that is given in a folder of the project."""

from __future__ import annotations

import pytest

from whalebuild.bakefile.rebased import rebased, rebased_allow, rebased_override


@pytest.mark.parametrize(
    ("written", "there"),
    [
        ("*.secrets+=id=x,src=./key", "*.secrets+=id=x,src=services/api/key"),
        ("app.secret.x=source=../key", "app.secret.x=source=services/key"),
        ("app.secrets=id=x,env=KEY", "app.secrets=id=x,env=KEY"),
        ("*.ssh+=default=a.pem,/b.pem", "*.ssh+=default=services/api/a.pem,/b.pem"),
        ("*.ssh+=default", "*.ssh+=default"),
        ("app.context=.", "app.context=services/api"),
        ("app.context=https://example.org/a.git", "app.context=https://example.org/a.git"),
        ("app.contexts.lib=../lib", "app.contexts.lib=services/lib"),
        ("app.contexts.lib=target:lib", "app.contexts.lib=target:lib"),
        ("app.contexts.lib=docker-image://lib", "app.contexts.lib=docker-image://lib"),
        ("app.contexts.lib=oci-layout://lib", "app.contexts.lib=oci-layout://services/api/lib"),
        ("app.output=out", "app.output=services/api/out"),
        ("app.output=-", "app.output=-"),
        ('app.output="type=tar","dest=a,b"', 'app.output=type=tar,"dest=services/api/a,b"'),
        ("app.output=type=registry", "app.output=type=registry"),
        ("app.cache-to=type=local,dest=c", "app.cache-to=type=local,dest=services/api/c"),
        ("app.cache-from=user/app:cache", "app.cache-from=user/app:cache"),
        ("app.args.PATH=./x", "app.args.PATH=./x"),
        ("app.dockerfile=web.Dockerfile", "app.dockerfile=web.Dockerfile"),  # of the context
    ],
)
def test_paths_in_overrides_start_where_the_user_stands(written: str, there: str) -> None:
    assert rebased_override(written, "services/api") == there


@pytest.mark.parametrize(
    ("written", "there"),
    [
        ("fs.read=..", "fs.read=services"),
        ("fs=/etc", "fs=/etc"),
        ("fs.write=*", "fs.write=*"),
        ("fs.read", "fs.read"),
        ("network.host", "network.host"),
        ("device=gpu", "device=gpu"),
    ],
)
def test_paths_in_consent_start_where_the_user_stands(written: str, there: str) -> None:
    assert rebased_allow(written, "services/api") == there


def test_a_path() -> None:
    assert rebased("../x", "a") == "x"
    assert rebased("/x", "a") == "/x"
