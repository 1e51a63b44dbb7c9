"""Whether what was published really runs: the right files in a layer are not yet a service."""

from __future__ import annotations

from wbbench.project import Project, Service
from wbbench.sandbox import Machine

#: Runs inside the container, so that no port of this machine is needed.
_ASK = """
import json, sys, time, urllib.request
deadline = time.monotonic() + 60
while True:
    try:
        with urllib.request.urlopen("http://127.0.0.1:8000/healthz", timeout=2) as answer:
            release = json.load(answer)["release"]
        break
    except OSError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.1)
sys.exit(None if release == sys.argv[1] else f"it answers as release {release}, not {sys.argv[1]}")
"""
_LOOK = """
import sys
from pathlib import Path
from app import RELEASE
packages = Path("/opt/deps/packages.bin").stat().st_size
sys.exit(None if RELEASE == sys.argv[1] and packages else f"it runs as release {RELEASE}")
"""


def check_answers(machine: Machine, project: Project) -> None:
    """Start what the host has pulled, as a production host would, and ask it for its release."""
    compose = ("docker", "compose")
    (service,) = project.services
    # A port that is free, and no pull: it is the image that was pulled that has to run.
    started = (*compose, "up", "--detach", "--pull", "never")
    machine.run(*started, cwd=project.folder, env={"PORT": "0"})
    ask = (*compose, "exec", "--no-TTY", "web", "python", "-c", _ASK, service.release)
    try:
        machine.run(*ask, cwd=project.folder)
    finally:
        machine.run(*compose, "down", "--timeout", "1", cwd=project.folder)


def check_runs(machine: Machine, image: str, service: Service) -> None:
    """Pull one of the small services and let it say its release."""
    run = ("docker", "run", "--rm", "--quiet", "--pull", "always", f"{image}:latest")
    machine.run(*run, "python", "-c", _LOOK, service.release, cwd=service.context)
