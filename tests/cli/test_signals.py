"""The first signal goes back, the second ends at once; a terminal that is gone is no error."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from whalebuild.cli.boundary import boundary
from whalebuild.cli.signals import SIGNALS, DeploySignals
from whalebuild.errors import AbandonedRunError, InterruptedRunError


@pytest.fixture
def signals() -> Iterator[DeploySignals]:
    before = {each: signal.getsignal(each) for each in SIGNALS}
    yield DeploySignals()
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_and_second(signals: DeploySignals, number: signal.Signals) -> None:
    with pytest.raises(InterruptedRunError) as first:
        signals.handle(number, None)
    assert not isinstance(first.value, AbandonedRunError)
    assert first.value.what == f"interrupted by {number.name}"
    assert signals.came
    with pytest.raises(AbandonedRunError) as second:
        signals.handle(signal.SIGTERM, None)
    assert "the second signal: what was changed was not put back" in second.value.what
    assert [signal.getsignal(each) for each in SIGNALS] == [signal.SIG_IGN] * 3


def test_the_first_is_noted_while_things_are_put_back(
    signals: DeploySignals, capfd: pytest.CaptureFixture[str]
) -> None:
    with signals.held():
        signals.handle(signal.SIGINT, None)
        assert "SIGINT: a second signal ends at once" in capfd.readouterr().err
    with pytest.raises(InterruptedRunError):
        signals.check()
    signals.check()
    with signals.held(), pytest.raises(AbandonedRunError):
        signals.handle(signal.SIGINT, None)


def test_a_boundary_takes_them_and_gives_them_back(signals: DeploySignals) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with boundary("text", signals):
        assert [signal.getsignal(each) for each in SIGNALS] == [signals.handle] * 3
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_nohup_is_respected(signals: DeploySignals) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with boundary("text", signals):
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


_ON_TERMINAL = """
import os, signal, sys, time
from whalebuild.cli.signals import DeploySignals
from whalebuild.errors import InterruptedRunError
signal.signal(signal.SIGHUP, DeploySignals().handle)
out = os.open(sys.argv[1], os.O_WRONLY)
try:
    print("waits", file=sys.stderr, flush=True)
    time.sleep(60)
except InterruptedRunError as stopped:
    print("this goes nowhere", file=sys.stderr, flush=True)
    os.write(out, stopped.what.encode())
"""


def test_a_terminal_that_is_gone(tmp_path: os.PathLike[str]) -> None:
    """Writing to it would be an error, in the middle of going back."""
    said = os.path.join(tmp_path, "said")  # noqa: PTH118
    open(said, "w").close()  # noqa: PTH123
    leader, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, said],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        os.close(terminal)
        assert b"waits" in os.read(leader, 100)
        os.close(leader)
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 0
    with open(said) as file:  # noqa: PTH123
        assert file.read() == "interrupted by SIGHUP"
