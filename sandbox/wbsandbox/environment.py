"""The environment in which a command uses an engine of the sandbox."""

from __future__ import annotations

import os

from wbsandbox import paths

#: Whatever points a docker client somewhere else, or would make two machines differ.
REMOVED = ("BUILDKIT_HOST", "BUILDX_BUILDER", "BUILDX_CONFIG", "COMPOSE_FILE", "COMPOSE_PROFILES")
REMOVED_PREFIXES = ("DOCKER_", "WHALEBUILD_SANDBOX_")
#: This one tells *us* where the cache is, so a command may call sandbox/up in turn.
KEPT = ("WHALEBUILD_SANDBOX_CACHE",)


def client_environment(engine: str) -> dict[str, str]:
    """The caller's environment, with the docker client pointed at the engine and nowhere else."""
    files = paths.EnginePaths(engine)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or not (name in REMOVED or name.startswith(REMOVED_PREFIXES))
    }
    # The project's own Python first, then our client: the machine may have another docker.
    first = [paths.REPOSITORY / ".venv/bin", *paths.PREFIX_BIN, paths.SKOPEO / "bin"]
    rest = kept.get("PATH", os.defpath)
    return {
        **kept,
        "PATH": os.pathsep.join([*map(str, first), rest]),
        "DOCKER_HOST": f"unix://{files.docker_socket}",
        "DOCKER_CONFIG": str(files.client_config),
    }


def command_environment(engine: str, registry: str, python_image: str) -> dict[str, str]:
    """The same, and what tests and demos want to know about the sandbox."""
    return {
        **client_environment(engine),
        "WHALEBUILD_SANDBOX_ENGINE": engine,
        "WHALEBUILD_SANDBOX_BUILDKIT": f"unix://{paths.EnginePaths(engine).buildkit_socket}",
        "WHALEBUILD_SANDBOX_REGISTRY": registry,
        "WHALEBUILD_SANDBOX_REGISTRY_LOG": str(paths.REGISTRY.access_log),
        "WHALEBUILD_SANDBOX_PYTHON_IMAGE": f"{registry}/{python_image}",
        "WHALEBUILD_SANDBOX_CA": str(paths.HOST_CA_BUNDLE),
        # It lies outside of every project that takes it as a secret.
        "WHALEBUILD_ALLOW": f"fs.read={paths.HOST_CA_BUNDLE}",
    }
