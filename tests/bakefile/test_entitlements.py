from __future__ import annotations

from posixpath import join, normpath

import pytest

from whalebuild.bakefile.entitlements import (
    HERE,
    Need,
    RealPath,
    Right,
    consent_of,
    missing,
    paths_in,
)

HOME = "/src/app"
#: Links, and what they lead to.
LINKS = {"/src/app/link": "/etc", "/src/app/inside": "/src/app/data"}
EXISTING = {"/", "/src", "/src/app", "/src/app/data", "/src/app-secrets", "/etc", "/etc/hostname"}


def real(path: str) -> RealPath:
    whole = normpath(join(HOME, path))
    for link, end in LINKS.items():
        whole = whole.replace(link, end)
    existing, missing_part = whole, []
    while existing not in EXISTING:
        existing, _, name = existing.rpartition("/")
        existing = existing or "/"
        missing_part.insert(0, name)
    return RealPath(existing, "/".join(missing_part))


def refused(
    *needs: tuple[str, str],
    allow: tuple[str, ...] = (),
    set_: tuple[str, ...] = (),
    check: str | None = None,
) -> list[str]:
    """The values of --allow that are missing for (right, path or name) of one target."""
    asked = [
        Need("app", Right(right), f"thing {n}", value) for n, (right, value) in enumerate(needs)
    ]
    consent = consent_of(allow, set_, check)
    known = {path: real(path) for path in (HERE, *paths_in(asked, consent))}
    return [each.allow for each in missing(asked, consent, known)]


@pytest.mark.parametrize(
    "path", [".", "data", "data/../x", "/src/app/new/deep", "inside", "../app"]
)
def test_the_current_folder_needs_no_consent(path: str) -> None:
    assert refused(("fs.read", path), ("fs.write", path)) == []


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("..", ".."),
        ("../other", ".."),  # it does not exist: its folder is what is written to
        ("../../etc/hostname", "/etc/hostname"),
        ("/etc/hostname", "/etc/hostname"),
        ("link/hostname", "/etc/hostname"),
        ("../app-secrets", "../app-secrets"),
        ("/", "/"),
    ],
)
def test_other_paths_need_it_and_the_flag_gives_it(path: str, allow: str) -> None:
    for right in ("fs.read", "fs.write"):
        assert refused((right, path)) == [f"{right}={allow}"]
        assert refused((right, path), allow=(f"{right}={allow}",)) == []
        assert refused((right, path), allow=(f"fs={allow}",)) == []


@pytest.mark.parametrize("allow", ["fs=*", "fs.read=*", "fs.read=..", "fs.read=/src", "fs.read=/"])
def test_consent_to_a_folder_is_to_all_below(allow: str) -> None:
    assert refused(("fs.read", "../app-secrets"), allow=(allow,)) == []


@pytest.mark.parametrize(
    "allow", ["fs", "fs.write=..", "fs.read=data", "fs.read=../app", "network.host"]
)
def test_consent_to_something_else_is_none(allow: str) -> None:
    assert refused(("fs.read", "../app-secrets"), allow=(allow,)) == ["fs.read=../app-secrets"]


def test_consent_to_a_path_that_does_not_exist_is_not_to_its_folder() -> None:
    assert refused(("fs.write", "../new"), allow=("fs.write=../new",)) == ["fs.write=.."]


@pytest.mark.parametrize("right", ["network.host", "security.insecure", "ssh"])
def test_what_is_no_path_is_allowed_by_its_name(right: str) -> None:
    assert refused((right, "")) == [right]
    assert refused((right, ""), allow=(right,)) == []
    assert refused((right, ""), allow=("fs=*",)) == [right]


def test_devices_are_allowed_one_by_one_or_all() -> None:
    assert refused(("device", "a/b=c")) == ["device=a/b=c"]
    assert refused(("device", "a/b=c"), allow=("device=a/b=c,x=1",)) == []
    assert refused(("device", "a/b=c"), allow=("device",)) == []
    assert refused(("device", ""), allow=("device=a/b=c",)) == ["device"]


@pytest.mark.parametrize(
    ("override", "given"),
    [
        ("app.output=type=local,dest=../app-secrets", "fs.write"),
        ("*.output+=../app-secrets", "fs.write"),
        ("app.cache-to=type=local,dest=../app-secrets", "fs.write"),
        ("app.cache-from=type=local,src=../app-secrets", "fs.read"),
        ("app.secrets=id=t,src=../app-secrets", "fs.read"),
        ("app.secret.t=src=../app-secrets", "fs.read"),
        ("app.ssh=k=../app-secrets", "fs.read"),
        ("app.context=../app-secrets", None),
        ("app.contexts.lib=../app-secrets", None),
        ("app.args.output=type=local,dest=../app-secrets", None),
        ("app.cache-to=type=registry,dest=../app-secrets", None),
        ("app", None),
    ],
)
def test_what_set_names_is_consented_to(override: str, given: str | None) -> None:
    asked = [(right, "../app-secrets") for right in ("fs.read", "fs.write")]
    left = [f"{right}={path}" for right, path in asked if right != given]
    assert refused(*asked, set_=(override,)) == left


def test_set_of_entitlements_is_consent() -> None:
    set_ = ("app.entitlements=network.host",)
    asked = (("network.host", ""), ("security.insecure", ""))
    assert refused(*asked, set_=set_) == ["security.insecure"]
    assert consent_of(("ssh",), set_).allow == ("ssh", "network.host")


@pytest.mark.parametrize(
    ("check", "checked"),
    [
        (None, True),
        ("1", True),
        ("true", True),
        ("", True),
        ("no", True),
        ("0", False),
        ("F", False),
    ],
)
def test_the_check_of_paths_and_of_the_agent_can_be_turned_off(
    check: str | None, checked: bool
) -> None:
    paths = (("fs.read", ".."), ("fs.write", "/etc"), ("ssh", ""))
    assert bool(refused(*paths, check=check)) is checked
    assert refused(("network.host", ""), check=check) == ["network.host"]


def test_what_lies_below_another_path_of_the_target_is_not_named_twice() -> None:
    assert refused(("fs.read", ".."), ("fs.read", "../app-secrets")) == ["fs.read=.."]
    assert refused(("fs.read", ".."), ("fs.write", "../app-secrets")) == [
        "fs.read=..",
        "fs.write=../app-secrets",
    ]
