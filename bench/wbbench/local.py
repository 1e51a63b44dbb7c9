"""A developer's machine with an empty disk: ``docker compose build``, with and without an override.

The override is written before, as a team has it from then on; that is not timed. What pip downloads
is not counted: it passes no registry.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from wbbench.errors import BenchError
from wbbench.samples import Sample
from wbbench.sandbox import Machine
from wbbench.selection import LOCAL, Selection
from wbbench.track import Track

SERVICE = "web"


def local(track: Track, selection: Selection, number: int) -> None:
    """Change the code after it was published, and build it on a fresh machine."""
    if not selection.wants(LOCAL, track.shape, track.way.name, number):
        return
    key = {"scenario": LOCAL, "shape": track.shape, "way": track.way.name, "round": number}
    machine = track.machine()
    try:
        track.change_code()
        command = ("docker", "compose", *_files(track, machine), "build", "--quiet", SERVICE)

        def build() -> None:
            machine.run(*command, cwd=track.project.folder)

        track.bench.add(track.bench.measure(key, build, lambda: _check(track, machine)))
    except BenchError as error:
        track.bench.add(Sample(**key, error=str(error)))
    finally:
        with suppress(BenchError):
            track.bench.sandbox.down(machine)


def _files(track: Track, machine: Machine) -> tuple[str, ...]:
    """The compose files, outside of the project: its own, and for whalebuild the override."""
    folder = machine.home / "local"
    folder.mkdir(exist_ok=True)
    own, override = folder / "compose.yaml", folder / "compose.override.yaml"
    own.write_text(json.dumps(_project(track.project.folder, machine)))
    if track.way.name != "whalebuild":
        return ("-f", str(own))
    words = ("--compose-file", str(own), "--output", str(override))
    machine.run("whalebuild", "override", *words, cwd=track.project.folder)
    return ("-f", str(own), "-f", str(override))


def _project(context: Path, machine: Machine) -> dict[str, object]:
    build = {
        "context": str(context),
        "args": {"PYTHON_IMAGE": machine.env["PYTHON_IMAGE"]},
        "secrets": ["ca"],
    }
    return {
        "name": "local",
        "services": {SERVICE: {"build": build, "image": "local-web"}},
        "secrets": {"ca": {"file": machine.env["CA_BUNDLE"]}},
    }


def _check(track: Track, machine: Machine) -> int:
    """The image that the engine has must hold the code as it is now."""
    service = track.project.services[0]
    path = f"/srv/{service.code.relative_to(track.project.folder)}"
    words = ("docker", "run", "--rm", "--entrypoint", "grep", "local-web", "-qF", service.release)
    try:
        machine.run(*words, path, cwd=track.project.folder)
    except BenchError as error:
        raise BenchError(f"built, but with other code than the project: {error}") from None
    return len(service.code.read_bytes())
