from __future__ import annotations

import os

import pytest

from tests.adapters.conftest import docker
from whalebuild.core.settings import ENVIRONMENT_PREFIX

__all__ = ["docker"]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings and no CI service from outside."""
    for name in list(os.environ):
        if name.startswith((ENVIRONMENT_PREFIX, "GITHUB_")) or name == "CI":
            monkeypatch.delenv(name)
