"""What every verb needs: settings, engine, source tree, console and retrier, wired together."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, chdir, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from whalebuild.bakefile.contexts import is_remote
from whalebuild.bakefile.rebased import rebased, rebased_allow, rebased_override
from whalebuild.bakefile.request import BakeRequest
from whalebuild.cli.running_time import seconds_running
from whalebuild.cli.screen import in_ci, in_github
from whalebuild.cli.waiting import FOR_PROGRAMS, said
from whalebuild.docker.buildx import Buildx, PrefetchingBuildx
from whalebuild.errors import UsageError, WhalebuildError
from whalebuild.settings import Settings, layer_from_environment, layer_from_flags, resolve
from whalebuild.source.bake_files import bake_text, find_bake_files
from whalebuild.source.project_folder import ProjectFolder, find_project
from whalebuild.source.settings_file import read_settings_layer
from whalebuild.tags import DEPS_TAG
from whalebuild.text import is_true
from whalebuild.values import dataclass

if TYPE_CHECKING:
    from whalebuild.bake.baker import Baker
    from whalebuild.console.base import ConsoleBase
    from whalebuild.plan.plan import Plan
    from whalebuild.plan.planner import Planner
    from whalebuild.registry.addresses import WebAddresses
    from whalebuild.registry.client import RegistryClient
    from whalebuild.runtime.retrier import Retrier
    from whalebuild.source.tree import LocalSourceTree

# https://docs.docker.com/reference/cli/docker/buildx/bake/#allow
_CHECK_FILES = "BUILDX_BAKE_ENTITLEMENTS_FS"
# https://docs.docker.com/build/bake/remote-definition/
_ADDRESSES = 2
_STANDARD_INPUT = "-"
_RELATIVE_PATHS = "BUILDX_BAKE_FILE_RELATIVE_PATHS"


@dataclass(frozen=True)
class Session:
    """One run of a verb in the current directory."""

    settings: Settings
    request: BakeRequest
    buildx: Buildx
    engine: PrefetchingBuildx
    registry: RegistryClient
    web: WebAddresses
    tree: LocalSourceTree
    console: ConsoleBase
    retrier: Retrier
    project: ProjectFolder

    def path(self, given: Path) -> Path:
        """A path of the command line, from where the session runs."""
        return Path(rebased(str(given), self.project.prefix)) if self.project.prefix else given

    def planner(self, *, ask: bool, thorough: bool = False) -> Planner:
        """A planner over this session's engine and files."""
        from whalebuild.plan.planner import Planner

        return Planner(
            self.engine,
            self.registry,
            self.tree,
            self.settings,
            self.retrier,
            ask=ask,
            thorough=thorough,
            web=self.web,
        )

    def baker(self, plan: Plan) -> Baker:
        """What carries out a plan with this session's engine and registry."""
        from whalebuild.bake.baker import Baker
        from whalebuild.state.builder_notes import FileBuilderNotes

        return Baker(
            plan,
            self.buildx,
            self.registry,
            self.console,
            self.retrier,
            FileBuilderNotes(),
            clock=seconds_running,
            token=random_token,
            web=self.web,
        )

    def reading(
        self,
        what: str = "reading the bake file, what images are made from, and what is published",
    ) -> AbstractContextManager[None]:
        """Say what is being read, if it takes long and the output is for people."""
        return said(self.console, self.settings.progress, what)

    def check_reach(self, plan: Plan) -> None:
        """Refuse a builder that does not reach the registry that it is to push to.

        Raises:
            EngineError: It does not.
        """
        from whalebuild.builder.reach import check_reach

        check_reach(plan.facts, _pushed_to(plan))

    def ready_builder(self, plan: Plan) -> None:
        """Have the builder that a plan needs be there, and its nodes answer.

        Raises:
            EngineError: It cannot be made or started, or does not reach the registry.
        """
        from whalebuild.builder.ensure import ensure_builder, nodes_down

        with self.reading("getting ready"):
            if not plan.nothing_to_do:
                self.buildx.prepare()
            self.check_reach(plan)
        facts, platforms = plan.facts, plan.platforms
        if facts is None or not (facts.missing or nodes_down(facts, platforms)):
            return
        if plan.nothing_to_do:
            return
        from whalebuild.docker.builders import DockerBuilders

        with DockerBuilders() as builders:
            ensure_builder(builders, facts, platforms, self.console.note, _pushed_to(plan))


def _pushed_to(plan: Plan) -> set[str]:
    """The registries that the pairs' images are pushed to."""
    images = [each.image for each in plan.to_build] if plan.options.publishes else []
    return {ref.registry for image in images for ref in (*image.references, image.bundle)}


def random_token() -> str:
    """A random text, by which staging tags and parts of different bakes differ."""
    return os.urandom(4).hex()


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


@dataclass(frozen=True)
class BakeArguments:
    """What the command line gives to buildx, unchecked.

    ``ask`` is whether the builder is going to be asked as well, ``ahead`` whether a plan is made.
    """

    targets: Sequence[str] | None = None
    overrides: Sequence[str] | None = None
    variables: Sequence[str] | None = None
    ask: bool = True
    ahead: bool = True

    def at(self, prefix: str) -> BakeArguments:
        """The same for a command that runs above where the user stands."""
        if not prefix:
            return self
        return replace(self, overrides=[rebased_override(o, prefix) for o in self.overrides or ()])


@contextmanager
def open_session(
    flags: Mapping[str, object], arguments: BakeArguments | None = None
) -> Iterator[Session]:
    """Resolve settings, then open what needs closing.

    Args:
        flags: Settings given on the command line, by key.
        arguments: What the bake file is read with; None where it is not read.

    Raises:
        UsageError: A setting or a word is wrong.
    """
    environment = layer_from_environment(os.environ)
    elsewhere = any(is_remote(target) for target in (arguments and arguments.targets) or ())
    names_files = elsewhere or "file" in flags or "file" in environment.values
    project = find_project(Path.cwd(), os.environ, stay=arguments is None or names_files)
    root, given = project.root, (arguments or BakeArguments()).at(project.prefix)
    if "allow" in flags and project.prefix:
        moved = tuple(rebased_allow(str(each), project.prefix) for each in _listed(flags["allow"]))
        flags = {**flags, "allow": moved}
    layer = read_settings_layer(project.settings, project.above)
    settings = resolve([layer, environment, layer_from_flags(flags)])
    request = make_request(settings, given.targets, given.overrides, given.variables)
    with chdir(root), Buildx() as docker:
        if arguments and not request.remote:
            request = _with_standard_input(request, docker)
        engine = PrefetchingBuildx(docker)
        if arguments and arguments.ahead:
            _begin(engine, root, settings, request, ask=arguments.ask)
        # Docker is at work while the rest is imported.
        from whalebuild.console.choose import make_console
        from whalebuild.failures.retry_policy import RetryPolicy
        from whalebuild.registry.addresses import WebAddresses
        from whalebuild.registry.client import RegistryClient
        from whalebuild.runtime.retrier import Retrier
        from whalebuild.source.tree import LocalSourceTree
        from whalebuild.state.begun_uploads import FileBegunUploads
        from whalebuild.state.file_digests import CachedDigests

        console = make_console(
            settings.progress, ci=in_ci(os.environ), github=in_github(os.environ)
        )
        client = RegistryClient(builder=settings.builder, begun=FileBegunUploads())
        with console, client as registry, WebAddresses(os.environ) as web:
            for warning in environment.warnings:
                console.note(f"warning: {warning}")
            if project.note and settings.progress not in FOR_PROGRAMS:
                console.note(project.note)
            policy = RetryPolicy(settings.retry_attempts, settings.retry_deadline)
            retrier = Retrier(policy, console.note)
            digests = CachedDigests()
            tree = LocalSourceTree(root, os.environ, project.start, digests.of)
            try:
                yield Session(
                    *(settings, request, docker, engine, registry, web, tree, console, retrier),
                    project,
                )
            except WhalebuildError as error:
                error.retries = tuple(retrier.retries)
                raise
            finally:
                digests.save()


def _may_name_dependencies(root: Path, files: Sequence[str]) -> bool:
    """Whether bake files may have a target of dependencies: without one, all targets are listed.

    A file that is not read here may; it is only about what is asked ahead.
    """
    text = bake_text(root, files) if files else None
    return text is None or f":{DEPS_TAG}" in text or any("compose" in file for file in files)


def _begin(
    engine: PrefetchingBuildx,
    root: Path,
    settings: Settings,
    request: BakeRequest,
    *,
    ask: bool,
) -> None:
    """Ask docker ahead what a plan is going to ask it."""
    files = request.files or find_bake_files(root, os.environ)
    if request.remote or request.files or any("compose" not in file for file in files):
        engine.begin_print(request)
    if not request.remote and not _may_name_dependencies(root, files):
        engine.begin_names(request)
    if ask:
        engine.begin_facts(settings.first_builder)


def make_request(
    settings: Settings,
    targets: Sequence[str] | None,
    overrides: Sequence[str] | None,
    variables: Sequence[str] | None,
) -> BakeRequest:
    """Check what goes to buildx and put it in a request.

    Raises:
        UsageError: A word is malformed, or a form of buildx's that is not supported.
    """
    remote, names = remote_of(targets or ())
    for target in names:
        if is_remote(target) or target.startswith("-"):
            from whalebuild.failures.failure import redact

            raise UsageError(
                f'"{redact(target)}" is not a target',
                cause="an address stands before the targets" if is_remote(target) else None,
                next_step="name targets or groups of the bake file",
            )
    return BakeRequest(
        files=settings.file,
        targets=names,
        remote=remote,
        builder=settings.first_builder if remote else None,
        overrides=tuple(_assignment(o, "--set", "target.key=value") for o in overrides or ()),
        variables=dict(_split(variable) for variable in variables or ()),
        allow=settings.allow,
        check_files=os.environ.get(_CHECK_FILES),
    )


def remote_of(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Addresses before the targets: of the bake file, of the command's context (``bakeArgs``)."""
    count = 0
    while count < min(len(words), _ADDRESSES) and is_remote(words[count]):
        count += 1
    return tuple(words[:count]), tuple(words[count:])


def _with_standard_input(request: BakeRequest, docker: Buildx) -> BakeRequest:
    """The request with a file in the place of standard input, which can be read only once.

    Raises:
        UsageError: Paths in it would start in the file's folder.
    """
    if _STANDARD_INPUT not in request.files:
        return request
    if is_true(os.environ.get(_RELATIVE_PATHS, "")):
        raise UsageError(
            f"a bake file from standard input and {_RELATIVE_PATHS}",
            cause="it has no folder for its paths to start in",
            next_step="write it to a file and name that with --file",
        )
    kept = str(docker.keep(sys.stdin.buffer.read()))
    files = tuple(kept if file == _STANDARD_INPUT else file for file in request.files)
    return replace(request, files=files)


def _split(variable: str) -> tuple[str, str]:
    name, _, value = _assignment(variable, "--var", "NAME=VALUE").partition("=")
    return name, value


def _assignment(text: str, flag: str, form: str) -> str:
    if text.partition("=")[0] and "=" in text:
        return text
    raise UsageError(f'"{text}" is not an assignment ({flag})', next_step=f"write {flag} {form}")
