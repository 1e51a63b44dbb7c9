"""What a bake target reads, writes and uses, as far as that may need the user's consent.

The paths are those that buildx checks: ``collectLocalPaths`` and ``EntitlementConf.check`` in
``bake/`` of docker/buildx, ``CreateExports`` in its ``build/opt.go``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from posixpath import join
from typing import Any

from whalebuild.bakefile.contexts import is_remote
from whalebuild.bakefile.entitlements import Need, Right, device_name, is_device
from whalebuild.bakefile.fields import fields_of, ssh_fields
from whalebuild.bakefile.target import TARGET_CONTEXT, Target

_CLIENT = "cwd://"  # where the client runs, beside a bake file that lies elsewhere
_GIT_SSH = re.compile(r"ssh://|[\w.-]+@[\w.-]+:")
_NO_PATH = (TARGET_CONTEXT, "docker-image:")
_FILES = frozenset({"local", "tar", "oci", "docker"})


def needs_of(target: Target) -> Iterator[Need]:
    """All that a target needs consent for, paths in the current folder included."""
    for subject, path in _paths_read(target):
        yield Need(target.name, Right.READ, subject, path)
    for subject, path in _paths_written(target):
        yield Need(target.name, Right.WRITE, subject, path)
    agents = [ssh_fields(each) for each in target.attributes.get("ssh") or ()]
    if not agents and _GIT_SSH.match(target.context):
        agents = [("default", ())]
    for name, paths in agents:
        if not paths:
            yield Need(target.name, Right.SSH, f'ssh "{name}"')
    for entitlement in target.attributes.get("entitlements") or ():
        if entitlement in {Right.NETWORK, Right.INSECURE}:
            yield Need(target.name, Right(entitlement), "its entitlements")
        elif is_device(entitlement):
            value = device_name(entitlement.partition("=")[2])
            yield Need(target.name, Right.DEVICE, "its entitlements", value)


def _paths_read(target: Target) -> Iterator[tuple[str, str]]:
    yield from _sources(target)
    for written in target.attributes.get("secret") or ():
        secret = fields_of(written)
        path = _secret_file(secret)
        if path:
            yield f'secret "{secret.get("id")}"', path
    for written in target.attributes.get("ssh") or ():
        name, paths = ssh_fields(written)
        yield from ((f'ssh "{name}"', path) for path in paths)
    yield from _local_caches(target, "cache-from", "src")


def _sources(target: Target) -> Iterator[tuple[str, str]]:
    context = _local(target.context)
    if context is not None:
        yield "its context", context
    dockerfile = target.dockerfile
    if dockerfile.startswith(_CLIENT):
        yield "its Dockerfile", dockerfile.removeprefix(_CLIENT)
    elif context is not None:
        yield "its Dockerfile", join(context, dockerfile)
    elif not is_remote(dockerfile):
        yield "its Dockerfile", dockerfile
    for name, written in target.contexts.items():
        path = _local(str(written))
        if path is not None:
            yield f'context "{name}"', path


def _paths_written(target: Target) -> Iterator[tuple[str, str]]:
    for output in target.outputs:
        path = output.get("dest")
        if path and path != "-" and output.get("type") in _FILES:
            yield "output", path
    yield from _local_caches(target, "cache-to", "dest")


def _local_caches(target: Target, attribute: str, field: str) -> Iterator[tuple[str, str]]:
    for written in target.attributes.get(attribute) or ():
        cache = fields_of(written)
        if cache.get("type") == "local" and cache.get(field):
            yield attribute, str(cache[field])


def _secret_file(secret: Mapping[str, Any]) -> str | None:
    """The file of a secret.

    One that names neither a file nor a variable is the variable of its own name or, where there is
    none, the file (``session/secrets/secretsprovider`` of BuildKit): buildx does not check that.
    """
    if secret.get("type") == "env":
        return None
    file = secret.get("src") or secret.get("source")
    return file or (None if secret.get("env") else secret.get("id"))


def _local(context: str) -> str | None:
    """The path that a context is; None where it is elsewhere."""
    if context.startswith(_NO_PATH) or is_remote(context):
        return None
    return context.removeprefix(_CLIENT)
