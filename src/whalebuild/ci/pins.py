"""The actions that workflows use, pinned by commit: a tag can be moved to another commit.

Each commit is the one that its repository's tag named on 2026-08-18.
https://docs.github.com/actions/reference/security/secure-use#using-third-party-actions
"""

from __future__ import annotations

#: Action → (commit, version).
PINS = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/download-artifact": ("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "actions/upload-artifact": ("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
    "docker/login-action": ("4907a6ddec9925e35a0a9e82d7399ccc52663121", "v4.1.0"),
    "docker/metadata-action": ("dc802804100637a589fabce1cb79ff13a1411302", "v6.2.0"),
    "docker/setup-buildx-action": ("37fe631027851001ddb9b187196cc803df7f5f0e", "v4.3.0"),
}


def pinned(action: str) -> str:
    """An action as ``uses:`` names it, with its version in a comment."""
    commit, version = PINS[action]
    return f"{action}@{commit} # {version}"
