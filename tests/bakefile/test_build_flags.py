"""Flags that are said of every target, as values of ``--set``."""

from __future__ import annotations

import pytest

from whalebuild.bakefile.build_flags import BuildFlags, attest_parameters, call_name, names_secret


@pytest.mark.parametrize(
    ("given", "parameters"),
    [
        ("true", "type=sbom,disabled=false"),
        ("1", "type=sbom,disabled=false"),
        ("FALSE", "type=sbom,disabled=true"),
        ("generator=image", "type=sbom,generator=image"),
        ("yes", "type=sbom,yes"),  # of which buildx says that it is none
    ],
)
def test_a_switch_or_parameters(given: str, parameters: str) -> None:
    assert attest_parameters("sbom", given) == parameters


def test_each_flag_is_an_override_of_every_target() -> None:
    flags = BuildFlags(
        push=True,
        sbom="false",
        provenance="mode=max",
        attest=["type=sbom"],
        annotation=["index:a=b=c"],
        label=["org.x=y=z", "empty"],
        secret=["id=one,env=ONE", "id=two,src=two"],
        ssh=["default"],
        call="check,format=json",
    )
    assert flags.overrides == (
        "*.push=true",
        "*.attest=type=sbom",
        "*.attest=type=sbom,disabled=true",
        "*.attest=type=provenance,mode=max",
        "*.annotations=index:a=b=c",
        "*.labels.org.x=y=z",
        "*.labels.empty=",
        "*.secrets+=id=one,env=ONE",
        "*.secrets+=id=two,src=two",
        "*.ssh+=default",
        "*.call=check",
    )
    assert BuildFlags().overrides == ()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("check", "check"),
        ("lint", "check"),
        ("outline,format=json", "outline"),
        ("format=json,targets", "targets"),
        ("build", "build"),
        ("", "build"),
    ],
)
def test_the_name_of_a_call(given: str, name: str) -> None:
    assert call_name(given) == name
    assert BuildFlags(call=given).method == (None if name == "build" else name)


# Recorded with buildx 0.29.1.
@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("id=s,src=/nope", "failed to stat /nope: stat /nope: no such file or directory"),
        ("id=s", "failed to stat s: stat s: no such file or directory"),
        ("WORD", "invalid value for outputs: invalid field 'WORD' must be a key=value pair"),
        ("env=X,foo=bar", "invalid value for outputs: unexpected key 'foo' in 'foo=bar'"),
    ],
)
def test_what_buildx_says_of_a_secret(secret: str, words: str) -> None:
    assert names_secret(words, BuildFlags(secret=[secret]).overrides)
    assert not names_secret(words, BuildFlags(secret=["id=t,src=/there"]).overrides)
    assert not names_secret(words, ["app.args.x=id=s,src=/nope,WORD"])
    assert not names_secret("docker-bake.hcl:1,12-13: Unclosed", [f"*.secrets+={secret}"])
