"""In which order the two versions of a service run while they switch."""

from __future__ import annotations

from enum import StrEnum


class UpdateOrder(StrEnum):
    """Which of the two versions runs alone while services switch (``update_config.order``)."""

    STOP_FIRST = "stop-first"
    START_FIRST = "start-first"
