"""Settings from the command line."""

from __future__ import annotations


def setting_flags(**given: object) -> dict[str, object]:
    """Settings on the command line, by key; a repeatable flag that was not given is left out."""
    flags = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
    return {key: tuple(v) if isinstance(v, list) else v for key, v in flags.items()}
