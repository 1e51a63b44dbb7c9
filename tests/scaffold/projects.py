"""Projects in memory."""

from __future__ import annotations

from whalebuild.scaffold.project import Project


def project(files: dict[str, str], name: str = "shop") -> Project:
    return Project(name, tuple(sorted(files)), files.get)
