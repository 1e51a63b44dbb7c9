from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import typer

from tests.support.actions_log import read_log
from whalebuild import errors
from whalebuild.cli.boundary import boundary
from whalebuild.errors import Retry

FULL = {"cause": "why", "next_step": "do this"}


def run(error: BaseException, output: str = "text") -> int:
    """The exit code that an error inside of the boundary ends with."""
    with pytest.raises(typer.Exit) as caught, boundary(output):
        raise error
    return caught.value.exit_code


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.EngineError, 3),
        (errors.BuildError, 4),
        (errors.RefusedError, 5),
        (errors.UnreachableError, 6),
        (errors.InterruptedRunError, 130),
    ],
)
def test_an_error_ends_with_its_exit_code_and_a_message_on_standard_error(
    kind: type[errors.WhalebuildError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(kind("what", **FULL)) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: what\n  cause: why\n  next:  do this\n"


def test_json_output_has_the_error_in_an_envelope(capsys: pytest.CaptureFixture[str]) -> None:
    run(errors.BuildError("the build failed", cause="why", log="a\nb"), "json")
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "schema": "whalebuild.error/1",
        "error": {
            "what": "the build failed",
            "cause": "why",
            "next": None,
            "exit_code": 4,
            "retries": [],
        },
    }
    assert err.startswith("a\nb\n\nerror: the build failed\n")


def test_an_error_says_what_was_tried_before(capsys: pytest.CaptureFixture[str]) -> None:
    error = errors.UnreachableError("the registry could not be reached: 503", cause="PUT …: 503")
    error.retries = (Retry("publishing app", "503", 1, 0.5), Retry("publishing app", "503", 2, 1.5))
    run(error, "json")
    out, err = capsys.readouterr()
    assert "  after: 2 retries, 2.0 s waited (2 x 503)\n" in err
    assert json.loads(out)["error"]["retries"][1] == {
        "step": "publishing app",
        "reason": "503",
        "attempt": 2,
        "waited": 1.5,
    }


def test_a_slip_of_ours_is_a_message_that_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(ZeroDivisionError("by token=abc")) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: a fault in whalebuild ")
    assert "cause: ZeroDivisionError: by token=***" in err
    assert "WHALEBUILD_DEBUG=1" in err


@pytest.mark.parametrize("slip", [ZeroDivisionError, PermissionError])
def test_whoever_looks_for_a_fault_sees_where_it_was(
    slip: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHALEBUILD_DEBUG", "1")
    with pytest.raises(slip), boundary("text"):
        raise slip


def test_what_the_machine_does_not_allow_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(PermissionError(13, "Permission denied", "/x/y")) == 3
    assert "error: Permission denied: /x/y" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_unwinds_and_ends_with_130(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    unwound = []

    def work() -> None:
        with boundary("text"):
            try:
                os.kill(os.getpid(), number)
                signal.pause()
            finally:
                os.kill(os.getpid(), number)  # a second one has to wait until all is put away
                unwound.append(True)

    with pytest.raises(typer.Exit) as caught:
        work()
    assert caught.value.exit_code == 130
    assert unwound == [True]
    assert f"interrupted by {number.name}" in capsys.readouterr().err


def test_signal_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    run(errors.UsageError("x"))
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


class Actions:
    """A step of GitHub Actions: what its runner reads afterwards."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.output, self.summary = folder / "output", folder / "summary"
        monkeypatch.chdir(folder)
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_OUTPUT", str(self.output))
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(self.summary))


@pytest.fixture
def actions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Actions:
    return Actions(tmp_path, monkeypatch)


def test_actions_get_an_annotation_and_outputs_of_a_failure_too(
    actions: Actions, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(errors.BuildError("it *failed*", log="::error::x\n##[add-mask]y\n```", **FULL)) == 4
    out, err = capsys.readouterr()
    assert out == ""
    log = read_log(err.splitlines())
    assert log.stopped is None
    assert [(c.name, c.data) for c in log.commands] == [
        ("error", "it *failed*\nwhy\nnext: do this")
    ]
    assert log.shown[:3] == ["::error::x", "##[add-mask]y", "```"]
    name, _, value = actions.output.read_text().rstrip("\n").partition("=")
    assert name == "result"
    assert json.loads(value)["error"]["exit_code"] == 4
    assert actions.summary.read_text() == (
        "### whalebuild: it \\*failed\\*\n\n````text\n::error::x\n##[add-mask]y\n```\n\n"
        "error: it *failed*\n  cause: why\n  next:  do this\n````\n"
    )


def test_a_very_long_log_is_cut_in_the_summary(actions: Actions) -> None:
    run(errors.BuildError("what", log="x" * 2_000_000))
    summary = actions.summary.read_text()
    assert len(summary) < 1_000_000
    assert "error: what" in summary


def test_files_of_actions_that_cannot_be_written_are_said(
    actions: Actions, capsys: pytest.CaptureFixture[str]
) -> None:
    actions.output.mkdir()
    assert run(errors.BuildError("what")) == 4
    assert "warning: GITHUB_OUTPUT could not be written" in capsys.readouterr().err
    assert actions.summary.exists()
