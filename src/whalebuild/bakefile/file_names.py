"""Names by which buildx and compose find files by themselves, each group in their order."""

from __future__ import annotations

COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
#: Of buildx alone: https://docs.docker.com/reference/cli/docker/buildx/bake/#file
BAKE_FILES = (
    "docker-bake.json",
    "docker-bake.hcl",
    "docker-bake.override.json",
    "docker-bake.override.hcl",
)
DOCKERFILES = ("Dockerfile", "dockerfile")
