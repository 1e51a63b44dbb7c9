"""Which pair of the bake file a service of a compose file is built as."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable

from whalebuild.bakefile.contexts import is_remote, local_path
from whalebuild.bakefile.target import Target
from whalebuild.compose.builds import ServiceBuild
from whalebuild.errors import UsageError
from whalebuild.oci.reference import parse_reference
from whalebuild.plan.plan import AppPlan

#: The real path of a path in the folder that bake files are read in.
Absolute = Callable[[str], str]


def candidates(
    build: ServiceBuild, apps: Iterable[AppPlan], absolute: Absolute
) -> tuple[AppPlan, ...]:
    """The applications that a service may be, the likeliest first.

    They have the same Dockerfile and context: what is published of them has the steps of the
    service as far as these are the same, which BuildKit finds out by itself. So another stage of
    that Dockerfile is good for something, too; the same stage, image and arguments come first.
    """
    same = [app for app in apps if _same_dockerfile(build, app.image.target, absolute)]
    return tuple(sorted(same, key=lambda app: _distance(build, app)))


def differing_arguments(build: ServiceBuild, target: Target) -> tuple[str, ...]:
    """Names of the build arguments that a service and a target have different values for."""
    names = dict.fromkeys([*build.args, *target.args])
    return tuple(name for name in names if build.args.get(name) != target.args.get(name))


def _same_dockerfile(build: ServiceBuild, target: Target, absolute: Absolute) -> bool:
    if build.inline is not None or target.dockerfile_inline is not None:
        if build.inline != target.dockerfile_inline:
            return False
    elif _joined(build.context, build.dockerfile, absolute) != _joined(
        target.context, target.dockerfile, absolute
    ):
        return False
    return _place(build.context, absolute) == _place(target.context, absolute)


def _place(context: str, absolute: Absolute) -> str:
    return context if is_remote(context) else absolute(local_path(context))


def _joined(context: str, dockerfile: str, absolute: Absolute) -> str:
    if is_remote(context):
        return f"{context} {dockerfile}"
    return absolute(posixpath.join(local_path(context), dockerfile))


def _distance(build: ServiceBuild, app: AppPlan) -> tuple[bool, bool, int]:
    target = app.image.target
    stages = {(stage or "").lower() for stage in (build.stage, target.stage)}
    published = {reference.repository for reference in app.image.references}
    return (
        len(stages) > 1,
        _repository(build) not in published,
        len(differing_arguments(build, target)),
    )


def _repository(build: ServiceBuild) -> str | None:
    try:
        return parse_reference(build.image, where="image").repository if build.image else None
    except UsageError:
        return None
