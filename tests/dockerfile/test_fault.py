"""The cases that BuildKit decides are compared with it in tests/integration/test_bad_input.py."""

from __future__ import annotations

import pytest

from whalebuild.dockerfile.fault import find_fault
from whalebuild.dockerfile.parser import parse_dockerfile

FROM = "FROM scratch\n"
DOCKER = "# syntax=docker/dockerfile:1\n"
OTHER = "# syntax=acme/earthly\n"


@pytest.mark.parametrize(
    ("text", "line", "what", "cause"),
    [
        ("", None, "it has no stage", "no instruction"),
        ("# a comment\n\n", None, "it has no stage", "no instruction"),
        ("ARG A=1\n", None, "it has no stage", "no FROM"),
        (f"{DOCKER}ARG A\n", None, "it has no stage", "no FROM"),
        ("FORM x\n", 1, "FORM is no instruction", 'did you mean "FROM"?'),
        (f"{DOCKER}form x\n", 2, "FORM is no instruction", 'did you mean "FROM"?'),
        ("\x00\udcff\udc88\n", 1, "what stands there is no instruction", "begins with FROM"),
        ("x" * 21, 1, "what stands there is no instruction", "begins with FROM"),
        ("hello world\n", 1, "HELLO is no instruction", "begins with FROM"),
        (f"RUN a\n{FROM}", 1, "RUN stands before the first FROM", "only ARG"),
        (f"{DOCKER}RUN a\n{FROM}", 2, "RUN stands before the first FROM", "only ARG"),
        (f"FORM x\n{FROM}", 1, "FORM is no instruction", "FROM"),
        (f"{FROM}RUN a\nCPOY . .\n", 3, "CPOY is no instruction", 'did you mean "COPY"?'),
        (f"{FROM}RUN a\n{FROM}RNU a\n", 4, "RNU is no instruction", 'did you mean "RUN"?'),
    ],
)
def test_what_no_buildkit_builds(text: str, line: int | None, what: str, cause: str) -> None:
    fault = find_fault(parse_dockerfile(text), "")
    assert fault is not None
    assert (fault.line, fault.what) == (line, what)
    assert cause in fault.cause


@pytest.mark.parametrize(
    "text",
    [
        FROM,
        f"\ufeffARG A\n# b\n{FROM}",
        "arg A=1 \\\n  B=2\nfrom scratch\ncopy . .\nmaintainer me\n",
        f"{FROM}RUN <<E\nFORM x\nCPOY y\nE\nCOPY <<E /f\nRNU\nE\n",
        "# escape=`\nFROM scratch\nRUN a `\n  FORM\n",
        f"{FROM}RUN a \\\n# why\n\nRNU\n",
        f"{FROM}TELEPORT it\n",  # a newer BuildKit may have it
        f"TELEPORT it\n{FROM}",
        f"{DOCKER}{FROM}CPOY it\n",  # so may the frontend that it names
        f"{OTHER}FORM x\n",
        f"{OTHER}",
        "// syntax=acme/other\nFORM\n",
        '{"syntax": "acme/json", "steps": []}\n',
        "#!/usr/bin/env build\n# syntax=acme/other\nFORM\n",
    ],
)
def test_what_may_be_built_is_left_to_buildkit(text: str) -> None:
    assert find_fault(parse_dockerfile(text), "") is None


@pytest.mark.parametrize("frontend", ["acme/other", "dockerfile.v0", None])
def test_an_argument_may_name_a_frontend(frontend: str | None) -> None:
    assert find_fault(parse_dockerfile("FORM x\n"), frontend) is None
    assert find_fault(parse_dockerfile(f"{OTHER}FORM x\n"), "docker/dockerfile:1") is not None
