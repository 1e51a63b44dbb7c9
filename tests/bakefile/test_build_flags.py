"""Flags that are said of every target, as values of ``--set``."""

from __future__ import annotations

import pytest

from whalebuild.bakefile.build_flags import BuildFlags, attest_parameters, call_name


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
