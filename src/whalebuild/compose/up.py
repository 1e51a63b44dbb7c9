"""Flags of ``docker compose up``."""

from __future__ import annotations

from enum import StrEnum


class UpFlag(StrEnum):
    """A flag of ``docker compose up``, in compose's own word."""

    NO_RECREATE = "--no-recreate"  # containers of another configuration or image stay
    FORCE_RECREATE = "--force-recreate"  # containers are replaced that are as the files have them
    NO_DEPS = "--no-deps"  # what the services depend on is not started
    NO_START = "--no-start"  # containers are made only
    REMOVE_ORPHANS = "--remove-orphans"  # those of services that the files do not have
