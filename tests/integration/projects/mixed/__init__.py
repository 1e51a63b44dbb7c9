"""A project as people run it: an image of its own, public ones, and one built on the host."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.integration.deploys import Host
from tests.integration.sandbox import Sandbox


def mixed_host(
    sandbox: Sandbox, engine: str, folder: Path, images: dict[str, str], name: str = "mixed"
) -> Host:
    """A host with this project.

    Args:
        sandbox: Where its engine is.
        engine: Its name.
        folder: Of the project.
        images: The images of web, db and cache, by these names in capitals.
        name: Of the compose project.
    """
    here = Path(__file__).parent
    folder.mkdir()
    shutil.copy(here / "compose.yaml", folder)
    shutil.copytree(here / "tool", folder / "tool")
    made = Host(sandbox, engine, folder, images["WEB"])
    made.extra = {**images, "COMPOSE_PROJECT_NAME": f"{name}-{engine}"}
    return made
