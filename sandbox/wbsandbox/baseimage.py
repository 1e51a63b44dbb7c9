"""The base image in the registry: Debian with Python, since no public image can be pulled.

It is built and pushed once, by a short-lived engine to a short-lived registry whose storage
then stays in the cache. Every later registry starts from a copy of that storage, and no
engine that a user gets ever holds a trace of the build.
"""

from __future__ import annotations

import shutil

from wbsandbox import paths
from wbsandbox.commands import run, timed
from wbsandbox.engine import engine
from wbsandbox.environment import client_environment
from wbsandbox.mounts import remove_tree
from wbsandbox.registry import Registry
from wbsandbox.rootfs import VARIANTS, archive, ensure_rootfs

REPOSITORY = "sandbox/debian-python"
TAG = "3"
#: A name that no user can give an engine.
BUILDER = ".base"

STORED = paths.CACHE / "base-image"

DOCKERFILE = """\
FROM scratch
ARG TARGETARCH
ADD rootfs-${TARGETARCH}.tar /
ENV LANG=C.UTF-8
CMD ["python3"]
"""


def ensure_stored() -> None:
    """Build the image into the cache, unless it is there. The caller holds the cache's lock."""
    if STORED.is_dir():
        return
    ensure_rootfs()
    partial = paths.CACHE / "base-image.partial"
    remove_tree(partial)
    temporary = Registry(
        paths.RegistryPaths(
            storage=partial / "storage",
            run=paths.RUNTIME / "registry.base",
            logs=partial / "logs",
        )
    )
    builder = engine(BUILDER)
    # An interrupted run may have left either behind.
    builder.down()
    try:
        address = temporary.up()
        builder.up("containerd")
        with timed("built and stored the base image"):
            _build_and_push(address)
    finally:
        builder.down()
        temporary.down()
    (partial / "storage").rename(STORED)
    remove_tree(partial)
    for architecture in VARIANTS:
        archive(architecture).unlink()


def restore(registry: Registry) -> None:
    """Put the stored image into a registry that lacks it, running or not."""
    # A copy, not links: the registry rewrites some of these files in place.
    shutil.copytree(STORED, registry.files.storage, dirs_exist_ok=True)


def _build_and_push(address: str) -> None:
    context = paths.CACHE / "base-image.partial/context"
    context.mkdir(parents=True)
    (context / "Dockerfile").write_text(DOCKERFILE)
    for architecture in VARIANTS:
        # A link, since a build cannot read outside its context.
        (context / archive(architecture).name).hardlink_to(archive(architecture))
    name = f"{address}/{REPOSITORY}:{TAG}"
    platforms = ",".join(f"linux/{architecture}" for architecture in VARIANTS)
    output = f"type=image,name={name},push=true,oci-mediatypes=true"
    options = ("--platform", platforms, "--provenance=false", "--output", output)
    run(
        ["docker", "buildx", "build", *options, context],
        env=client_environment(BUILDER),
        cause="the engine cannot run builds on this machine, or the disk is full",
        next_step="read the output above; then sandbox/down --all and sandbox/up",
    )
