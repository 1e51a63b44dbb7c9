from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.engine import definition
from tests.support.platforms import AMD64
from tests.support.progress import recording
from tests.support.registry import FakeRegistry, push_image
from whalebuild.cli.session import Session
from whalebuild.plan.planner import Planner
from whalebuild.registry import client as registry_module
from whalebuild.settings import ENVIRONMENT_PREFIX

Docker = Callable[[str], Path]
SCRIPT = """
case "$*" in
  *--list*) echo "$@" >> listed; echo '[{"name": "app"}]' ;;
  *--print*) echo "$@" > printed; echo "$DEBUG" > debug; cat printed.json ;;
  *)
    echo "$@" > baked
    [ ! -e said ] || cat said
    while [ $# -gt 0 ]; do
      case $1 in
        --metadata-file) cp metadata.json "$2" ;;
      esac
      shift
    done
    cat stream >&2
    exit $(cat code) ;;
esac
"""


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings and no CI service from outside."""
    for name in list(os.environ):
        if name.startswith((ENVIRONMENT_PREFIX, "GITHUB_")) or name == "CI":
            monkeypatch.delenv(name)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    """The registry that every session speaks to."""
    made = FakeRegistry()
    monkeypatch.setattr(registry_module, "RegistryClient", lambda **_: made)
    return made


@pytest.fixture
def project(docker: Docker, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one application; the builder and what is published are not looked at."""
    folder = docker(SCRIPT)
    printed = definition({"app": {"tags": ["acme/web:latest"]}})
    (folder / "printed.json").write_text(json.dumps(printed))
    (folder / "docker-bake.hcl").touch()
    (folder / "Dockerfile").write_text("FROM debian AS dependencies\nFROM dependencies\n")
    pushed = {
        name: {"containerimage.digest": push_image(registry, ["acme/web"], [AMD64], name)}
        for name in ("app", "app-deps")
    }
    (folder / "metadata.json").write_text(json.dumps(pushed))
    (folder / "stream").write_text("".join(recording("cached", "app")))
    (folder / "code").write_text("0")
    asking = Session.planner

    def planner(session: Session, *, ask: bool, thorough: bool = False) -> Planner:
        (folder / "asked").write_text(str(ask))
        return asking(session, ask=False, thorough=thorough)

    monkeypatch.setattr(Session, "planner", planner)
    return folder
