"""What is said where there is no bake file, and a Dockerfile alone is no image either."""

from __future__ import annotations

from collections.abc import Sequence

from whalebuild.errors import UsageError

GIVE_BUILD = "give a service a build section"


def nothing_here(unbuilt: Sequence[str], above: str | None, cause: str | None) -> UsageError:
    """Neither a bake file nor a Dockerfile.

    Args:
        unbuilt: Compose files that are here and build nothing.
        above: A bake file in a folder above.
        cause: Why the Dockerfile cannot be read.
    """
    if unbuilt:
        what = f"{', '.join(unbuilt)}: there is nothing to build, and no readable Dockerfile here"
        step = f"{GIVE_BUILD}, or write a Dockerfile"
    else:
        what = "there is neither a bake file nor a readable Dockerfile here"
        step = "run whalebuild in the project's folder, or name bake files with --file"
    return UsageError(what, cause=cause, next_step=f"{step}{_elsewhere(above)}")


def no_image_name(unbuilt: Sequence[str], above: str | None) -> UsageError:
    """A Dockerfile, and nothing that names its image; see ``nothing_here``."""
    step = "give --image registry/name, or set image in whalebuild.toml"
    lacking = "there is no bake file"
    if unbuilt:
        step = f"{step}, or {GIVE_BUILD}"
        lacking = f"no service of {', '.join(unbuilt)} is built"
    return UsageError(
        "no image name",
        cause=f"{lacking}, and neither settings nor flags name the image",
        next_step=f"{step}{_elsewhere(above)}",
    )


def _elsewhere(above: str | None) -> str:
    folder, _, name = (above or "").rpartition("/")
    return f", or run it in {folder}, which has {name}" if folder else ""
