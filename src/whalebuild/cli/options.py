"""Options of all verbs, named as buildx names them, and the blocks of them that verbs share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from typer import Argument, Option

from whalebuild.compose.update_order import UpdateOrder
from whalebuild.values import dataclass


class Format(StrEnum):
    """What standard output is written as."""

    TEXT = "text"
    JSON = "json"


Targets = Annotated[
    list[str] | None,
    Argument(metavar="TARGET...", help="Targets or groups of the bake file.", show_default=False),
]
Files = Annotated[
    list[str] | None, Option("--file", "-f", metavar="FILE", help="Bake file (repeatable).")
]
Overrides = Annotated[
    list[str] | None,
    Option("--set", metavar="PATTERN.KEY=VALUE", help="Override of a target (repeatable)."),
]
Variables = Annotated[
    list[str] | None, Option("--var", metavar="NAME=VALUE", help="Bake variable (repeatable).")
]
Allow = Annotated[
    list[str] | None,
    Option(metavar="ENTITLEMENT", help="Entitlement, such as fs.read=PATH (repeatable)."),
]
Platforms = Annotated[
    list[str] | None, Option("--platform", help="Platforms to build (repeatable, or by commas).")
]
ShownPlatforms = Annotated[
    list[str] | None, Option("--platform", help="Platforms to show (repeatable, or by commas).")
]
Inspected = Annotated[
    str | None,
    Argument(metavar="IMAGE", help="Image name, with or without a tag.", show_default=False),
]
HostPlatform = Annotated[
    str | None, Option("--platform", help="The host's platform; default: its engine's own.")
]
From = Annotated[
    str | None,
    Option(
        "--from",
        metavar="WHERE",
        help="What the host has: local (what its engine has), running (the image of its running "
        "containers), or a tag, digest or reference in the registry.",
        show_default="local",
    ),
]
To = Annotated[
    str | None,
    Option(
        "--to",
        metavar="IMAGE",
        help="What it is to pull: a tag, digest or reference; default: IMAGE itself.",
    ),
]
Builder = Annotated[str | None, Option(help="buildx builder, or auto; default: the current one.")]
NoCache = Annotated[bool, Option("--no-cache", help="Run every step anew.")]
Pull = Annotated[bool, Option("--pull", help="Ask the registry for newer base images.")]
Progress = Annotated[
    str | None, Option(metavar="MODE", help="auto, tty, plain, rawjson, quiet or none.")
]
Quiet = Annotated[
    bool,
    Option("--quiet", "-q", help="Print no progress, and of the result the images' digests alone."),
]
Debug = Annotated[
    bool, Option("--debug", "-D", help="Show where errors come from, docker's and our own.")
]
MetadataFile = Annotated[Path | None, Option(help="Write buildx's build metadata to this file.")]
PrintOnly = Annotated[
    bool, Option("--print", help="Print the generated bake definition and run nothing.")
]
Push = Annotated[
    bool,
    Option("--push", help="Push other targets, too, as buildx does; pairs are published anyway."),
]
Sbom = Annotated[
    str | None,
    Option("--sbom", metavar="SWITCH", help="SBOM: true, false or generator=IMAGE."),
]
Provenance = Annotated[
    str | None,
    Option("--provenance", metavar="SWITCH", help="Attest provenance: true, false or mode=max."),
]
Attests = Annotated[
    list[str] | None,
    Option("--attest", metavar="ATTESTATION", help="Attest: type=sbom,… (repeatable)."),
]
AnnotationsGiven = Annotated[
    list[str] | None,
    Option("--annotation", metavar="KEY=VALUE", help="Annotate images (repeatable)."),
]
Labels = Annotated[
    list[str] | None, Option("--label", metavar="KEY=VALUE", help="Label images (repeatable).")
]
Secrets = Annotated[
    list[str] | None,
    Option(
        "--secret",
        metavar="SECRET",
        help="Secret for builds: id=NAME,src=FILE or id=NAME,env=VARIABLE (repeatable).",
    ),
]
SshKeys = Annotated[
    list[str] | None,
    Option(
        "--ssh", metavar="KEY", help="SSH agent or key for builds: default or NAME=… (repeatable)."
    ),
]
Call = Annotated[
    str | None,
    Option(
        "--call",
        metavar="METHOD",
        help="Ask Dockerfiles for something else than a build: check, outline or targets.",
    ),
]
CheckDockerfiles = Annotated[bool, Option("--check", help="The same as --call check.")]
ListOnly = Annotated[
    str | None,
    Option("--list", metavar="WHAT", help="List targets or variables of the bake file, and end."),
]
Load = Annotated[
    bool,
    Option("--load", help="Build for this machine into the local engine and push nothing."),
]
ReadOnly = Annotated[
    bool, Option("--read-only", help="Build with the published cache, and publish nothing.")
]
DoctorReadOnly = Annotated[
    bool, Option("--read-only", help="Do not ask whether the registry takes a push.")
]
Partial = Annotated[
    bool,
    Option("--partial", help="Build these --platforms only, and leave publishing to `merge`."),
]
PartFile = Annotated[
    Path | None,
    Option(
        "--part-file",
        help="Where --partial writes its part; default: whalebuild-part-PLATFORMS.json.",
        show_default=False,
    ),
]
Parts = Annotated[
    list[Path], Argument(metavar="PART...", help="Files of `bake --partial`.", show_default=False)
]
Force = Annotated[bool, Option("--force", help="Build and publish even if nothing has changed.")]
Verify = Annotated[
    bool,
    Option("--verify", help="Build the ordinary way, too, and publish only if both are the same."),
]
Check = Annotated[
    bool,
    Option("--check", help="Exit code 0 if the dependencies can be reused, 10 if not."),
]
ShowPatch = Annotated[
    bool,
    Option(
        "--patch", help="Show only what to change in Dockerfiles, for `patch -p1` or `git apply`."
    ),
]
Scope = Annotated[
    str | None, Option(help="A branch or pull request with a pair of tags of its own.")
]
Base = Annotated[
    str | None,
    Option(metavar="pin|follow", help="Base images: pin (as the last bake had them) or follow."),
]
Tags = Annotated[
    list[str] | None, Option("--tag", "-t", help="Extra tag for the application (repeatable).")
]
ImageName = Annotated[str | None, Option(help="Image name where no bake file gives one.")]
DepsStage = Annotated[str | None, Option(help="Dockerfile stage that holds the dependencies.")]
AppBase = Annotated[
    str | None,
    Option(
        metavar="PLACE", help="Where a Dockerfile is cut: before:INSTRUCTION or after:INSTRUCTION."
    ),
]
RetryAttempts = Annotated[
    int | None, Option(metavar="N", help="Tries of a registry step at the most.")
]
RetryDeadline = Annotated[
    float | None, Option(metavar="SECONDS", help="Seconds after which it is given up.")
]
StrictCache = Annotated[
    bool | None,
    Option("--strict-cache/--no-strict-cache", help="Fail where a cache cannot be exported."),
]
IfUnchanged = Annotated[
    bool | None,
    Option("--if-unchanged/--even-if-changed", help="Publish only if nobody else has meanwhile."),
]
OutputFormat = Annotated[Format, Option("--format", metavar="text|json", help="Standard output.")]
Services = Annotated[
    list[str] | None,
    Argument(metavar="SERVICE...", help="Services of the compose project.", show_default=False),
]
DeploymentNumber = Annotated[
    int | None, Argument(metavar="N", help="A deployment's number.", show_default=False)
]
DryRun = Annotated[bool, Option("--dry-run", help="Show what would be done, and do nothing.")]
PrePull = Annotated[bool, Option("--pre-pull", help="Download only, and start nothing.")]
Warm = Annotated[bool, Option("--warm", help="Download the dependencies (:deps) ahead, no more.")]
SwitchOrder = Annotated[
    UpdateOrder | None,
    Option(
        "--order",
        metavar="start-first|stop-first",
        help="start-first: the new version must work beside the old one before that is stopped; "
        "stop-first: one after the other. Default: update_config.order of the compose file.",
        show_default="stop-first",
    ),
]
DeployTimeout = Annotated[
    float | None,
    Option(
        "--timeout",
        metavar="SECONDS",
        help="Seconds for jobs, hooks and services to work, all together; default: 120.",
    ),
]
DeployGrace = Annotated[
    float | None,
    Option(
        "--grace",
        metavar="SECONDS",
        help="Seconds that a service without a health check must stay up; default: 5.",
    ),
]
GoBack = Annotated[
    bool,
    Option("--rollback/--no-rollback", help="Go back to the version before if it does not work."),
]
NoDeps = Annotated[bool, Option("--no-deps", help="Don't start what the services depend on.")]
RemoveOrphans = Annotated[
    bool,
    Option("--remove-orphans", help="Remove containers of services that the project has not."),
]
WaitForLock = Annotated[
    bool, Option("--wait/--no-wait", help="Wait for another deploy of the project, or refuse.")
]
Hosts = Annotated[
    list[str] | None,
    Option(
        "--host",
        metavar="HOST",
        help="Another host (repeatable): ssh://USER@MACHINE, tcp:// or unix:// address, or docker "
        "context; default: the setting hosts, or where docker's client leads.",
    ),
]
Parallel = Annotated[
    int,
    Option("--parallel", metavar="N", min=1, help="Hosts at a time.", show_default="1"),
]
ComposeFiles = Annotated[
    list[str] | None,
    Option(
        "--file",
        "-f",
        metavar="FILE",
        help="Compose file (repeatable); default: compose's own lookup.",
    ),
]
OverriddenFiles = Annotated[
    list[str] | None,
    Option(
        "--compose-file",
        metavar="FILE",
        help="Compose file (repeatable); default: compose's own lookup.",
    ),
]
OverrideOutput = Annotated[
    str | None,
    Option(
        "--output",
        "-o",
        metavar="FILE",
        help="The file to write, - for standard output; default: compose.override.yaml, or "
        "compose.whalebuild.yaml beside an override of your own.",
    ),
]
CheckOverride = Annotated[
    bool, Option("--check", help="Write nothing: exit code 0 if the file is up to date, 10 if not.")
]
ProjectName = Annotated[
    str | None, Option("--project-name", "-p", help="Project name; default: compose's own.")
]
ProjectDirectory = Annotated[
    str | None,
    Option("--project-directory", help="What paths start from; default: the first file's folder."),
]
Profiles = Annotated[
    list[str] | None, Option("--profile", metavar="PROFILE", help="Profile (repeatable).")
]
EnvFiles = Annotated[
    list[str] | None, Option("--env-file", metavar="FILE", help="File of variables (repeatable).")
]
Keep = Annotated[
    int | None,
    Option(
        "--keep", metavar="N", help="Deployments whose images stay on the host.", show_default="5"
    ),
]


@dataclass(frozen=True)
class BakeFileOptions:
    """Which bake file is read, and how buildx is to evaluate it."""

    file: Files = None
    set_: Overrides = None
    var: Variables = None


@dataclass(frozen=True)
class AttributeOptions:
    """What is said of every target; the names are those of ``bakefile.build_flags.BuildFlags``."""

    sbom: Sbom = None
    provenance: Provenance = None
    attest: Attests = None
    annotation: AnnotationsGiven = None
    label: Labels = None
    secret: Secrets = None
    ssh: SshKeys = None


@dataclass(frozen=True)
class ImageOptions:
    """Settings that say what a bake file leaves open."""

    image: ImageName = None
    deps_stage: DepsStage = None
    app_base: AppBase = None


@dataclass(frozen=True)
class RetryOptions:
    """Settings of the retrier."""

    retry_attempts: RetryAttempts = None
    retry_deadline: RetryDeadline = None


@dataclass(frozen=True)
class HealthOptions:
    """Settings of the wait for services that were started."""

    deploy_timeout: DeployTimeout = None
    deploy_grace: DeployGrace = None


@dataclass(frozen=True)
class ComposeOptions:
    """What goes to docker compose, unchecked."""

    files: ComposeFiles = None
    project_name: ProjectName = None
    project_directory: ProjectDirectory = None
    profiles: Profiles = None
    env_files: EnvFiles = None


def with_blocks(verb: Callable[..., None]) -> Callable[..., None]:
    """Make a Typer command of a function that takes blocks of options.

    A block is a dataclass whose fields are options, each with a default. In the command's signature
    the options stand in the place of the block, in their order; the function gets them as one
    value.
    """
    blocks: dict[str, type] = {}
    parameters = []
    for parameter in inspect.signature(verb, eval_str=True).parameters.values():
        block = parameter.annotation
        if isinstance(block, type) and is_dataclass(block):
            blocks[parameter.name] = block
            parameters += _options(block)
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(verb)
    def command(**given: Any) -> None:
        for name, block in blocks.items():
            given[name] = block(**{each.name: given.pop(each.name) for each in _options(block)})
        verb(**given)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def _options(block: type) -> list[inspect.Parameter]:
    types = get_type_hints(block, include_extras=True)
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=types[each.name],
        )
        for each in fields(block)
    ]
