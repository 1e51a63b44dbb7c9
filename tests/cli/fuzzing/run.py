"""Runs cases, each in a process that is forked from this one, and says what is wrong with them."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pkgutil
import select
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import whalebuild
from tests.cli.fuzzing.cases import Case, make_case
from tests.cli.fuzzing.world import World, start_registry
from whalebuild.cli.run import main
from whalebuild.errors import ExitCode

#: Those of the table but for a fault of whalebuild's own; ``plan --check`` has one more.
ALLOWED = ({*map(int, ExitCode)} - {int(ExitCode.INTERNAL)}) | {10}
_SECONDS = 30.0
_PYTHONS = ("Traceback (most recent call last)", "Exception ignored in", "Exception in thread")


@dataclass(frozen=True)
class Outcome:
    """How a case ended.

    Attributes:
        code: The exit code; negative is a signal, None is that it had to be killed.
        escaped: The traceback of an exception that nobody caught.
    """

    code: int | None
    stdout: str
    stderr: str
    escaped: str


def campaign(
    seed: str, numbers: Iterable[int], heard: Callable[[int, Case, Outcome], None]
) -> Iterator[str]:
    """Run cases of a seed; what is wrong, each with what repeats it.

    Args:
        seed: Any text.
        numbers: Of the cases.
        heard: Takes each case, by its number, with its outcome.
    """
    _import_all()
    registry, process = start_registry()
    try:
        for number in numbers:
            case = make_case(seed, number)
            outcome = run_case(case, registry)
            wrong = faults_of(case, outcome)
            heard(number, case, outcome)
            for each in wrong:
                yield f"{each}\n  python -m tests.cli.fuzzing {seed} {number}"
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _import_all() -> None:
    """Import here, once, what verbs import."""
    for module in pkgutil.walk_packages(whalebuild.__path__, "whalebuild."):
        if module.name != "whalebuild.__main__":
            importlib.import_module(module.name)
    importlib.import_module("python_on_whales.utils")


def run_case(case: Case, registry: str) -> Outcome:
    """Run a case in a folder that is removed afterwards."""
    # Outside of the temporary folder of the case, which others would clear away.
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    world = World(folder, registry)
    try:
        world.make(case)
        child = os.fork()
        if child == 0:
            _be(case, world)
        code = _wait(child)
        said = [_read(folder / name) for name in ("stdout", "stderr", "escaped")]
        return Outcome(code, *said)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def faults_of(case: Case, outcome: Outcome) -> list[str]:
    """What is wrong with how a case ended."""
    said = f"whalebuild {' '.join(map(repr, case.words))} -> {outcome.code}"
    if outcome.code is None:
        return [f"{said}: does not end"]
    found = []
    if outcome.escaped:
        found.append(f"{said}: {outcome.escaped}")
    if any(words in outcome.stderr for words in _PYTHONS):
        found.append(f"{said}: {outcome.stderr}")
    if outcome.code not in ALLOWED:
        found.append(f"{said}: no exit code of the table; {outcome.stderr[-300:]}")
    heard = case.stderr == case.stdout == "file"
    if outcome.code and heard and not (outcome.stderr or outcome.stdout):
        found.append(f"{said}: fails without a word")
    if outcome.code == 0 and outcome.stderr.startswith("error:"):
        found.append(f"{said}: an error, and nothing says so to a script: {outcome.stderr[:300]}")
    return found + _json_faults(case, outcome, said)


def _json_faults(case: Case, outcome: Outcome, said: str) -> list[str]:
    """With ``--format json`` an error is a document on standard output as well."""
    wanted = wants_json(case.words)
    if not wanted or case.stdout != "file" or outcome.code in {0, 130, None}:
        return []
    try:
        json.loads(outcome.stdout)
    except ValueError:
        return [f"{said}: no JSON on standard output: {outcome.stdout[:300]!r}"]
    return []


def wants_json(words: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, beyond doubt."""
    given = [n for n, word in enumerate(words) if word.startswith("--format")]
    if len(given) != 1 or {"--", "--help"}.intersection(words):
        return False
    # After a word like an option it may be that option's value.
    return words[given[0]] == "--format=json" and not words[given[0] - 1].startswith("-")


def _wait(child: int) -> int | None:
    """The exit code of a child; None if it had to be killed. What it has started goes with it."""
    handle = os.pidfd_open(child)
    ended, _, _ = select.select([handle], [], [], _SECONDS)
    os.close(handle)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if ended else None


def _read(path: Path) -> str:
    return path.read_bytes().decode(errors="replace") if path.exists() else ""


def _be(case: Case, world: World) -> None:
    """Become the process of a case; never returns."""
    escaped = world.folder / "escaped"

    def note(text: str) -> None:
        with escaped.open("a") as file:
            file.write(text)

    code = 70
    try:
        os.setsid()
        os.chdir(world.project)
        if case.folder == "gone":
            shutil.rmtree(world.project)
        _open_streams(case, world)
        os.environb.clear()
        os.environb.update(world.env(case))
        tempfile.tempdir = None
        sys.argv = ["whalebuild", *(world.text(word) for word in case.words)]
        threading.excepthook = lambda args: note(f"in a thread: {args.exc_value!r}")
        sys.unraisablehook = lambda args: note(f"unraisable: {args.exc_value!r}")
        code = _exit_code(note)
    except BaseException:  # noqa: BLE001 - an error of the harness is a fault as well
        note(traceback.format_exc())
    finally:
        os._exit(code)


def _exit_code(note: Callable[[str], None]) -> int:
    """Run the program as the interpreter does: what it makes of exceptions, and of a last flush."""
    code: Any = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - that is what is looked for
        note(traceback.format_exc())
        code = 1
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError) as failed:
        note(f"at the last flush: {failed!r}")
    return code if isinstance(code, int) else 0 if code is None else 1


def _open_streams(case: Case, world: World) -> None:
    """Point the standard streams where the case has them, and have Python see them so."""
    devnull = os.open(os.devnull, os.O_RDWR)
    for number, how in enumerate((case.stdin, case.stdout, case.stderr)):
        name = ("stdin", "stdout", "stderr")[number]
        if how == "closed":
            os.close(number)
        elif how == "full":
            os.dup2(os.open("/dev/full", os.O_WRONLY), number)
        elif how == "pipe":
            reader, writer = os.pipe()
            os.close(reader)
            os.dup2(writer, number)
        elif number:
            os.dup2(os.open(world.folder / name, os.O_WRONLY | os.O_CREAT), number)
        else:
            os.dup2(devnull, number)
        stream = None
        if how != "closed":
            errors = "strict" if number < 2 else "backslashreplace"  # as Python has it
            raw = open(number, "wb" if number else "rb", closefd=False)  # noqa: SIM115
            stream = io.TextIOWrapper(
                raw, encoding="utf-8", errors=errors, line_buffering=number == 2
            )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
