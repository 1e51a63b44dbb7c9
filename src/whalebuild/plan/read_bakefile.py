"""Reads the bake file through buildx, or makes one up where there is only a Dockerfile."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import Any

from whalebuild.bakefile.app_base import AppBase
from whalebuild.bakefile.build_flags import names_secret
from whalebuild.bakefile.dependencies import no_stage
from whalebuild.bakefile.others import OtherTarget, may_write_files, unpublished_because
from whalebuild.bakefile.pairs import (
    SortedTargets,
    is_complete,
    needs_dockerfile,
    scoped,
    sort_targets,
)
from whalebuild.bakefile.request import BakeRequest
from whalebuild.bakefile.target import BakeFile, Target, parse_print
from whalebuild.bakefile.templates import PROBE, check_normal_form, is_escaped, may_be_escaped
from whalebuild.bakefile.variables import check_variables
from whalebuild.dockerfile.parser import Dockerfile
from whalebuild.errors import UsageError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.failures.failure import FailureKind, redact
from whalebuild.plan.app_bases import AppBaseFinder
from whalebuild.plan.check_dockerfiles import check_dockerfiles
from whalebuild.plan.nothing_to_bake import GIVE_BUILD, no_image_name, nothing_here
from whalebuild.plan.ports import BakeFiles, SourceTree
from whalebuild.settings import TARGETS, Settings
from whalebuild.tags import APP_TAG
from whalebuild.text import did_you_mean
from whalebuild.values import dataclass

_LONE_TARGET = "app"
_LONE_DOCKERFILE = "Dockerfile (no bake file)"
# Of buildx before 0.20.
_NO_FLAG = "unknown flag: --list"
Names = Callable[[], tuple[str, ...]]


@dataclass(frozen=True)
class BakeFileReader:
    """Reads what was asked for; with ``patches`` it looks for what could be written instead."""

    engine: BakeFiles
    tree: SourceTree
    settings: Settings
    patches: bool = False

    def targets(self, request: BakeRequest) -> tuple[SortedTargets, Mapping[str, Target], str]:
        """Read the bake file and the Dockerfiles, and give each application its pair of tags.

        Returns:
            The requested targets, every target of the bake file, and what they were read from.

        Raises:
            UsageError: Something is wrong with one of them.
            EngineError: There is no buildx.
        """
        bake, all_targets, source = self.read(request)
        for target in bake.targets.values():
            check_normal_form(target.name, target.attributes)
        known = {*all_targets, *bake.targets}
        self._check_named(known, None if source == _LONE_DOCKERFILE else request)
        readable = needs_dockerfile(bake, all_targets, self.settings)
        dockerfiles = {t.name: found for t in readable if (found := self.tree.dockerfile(t))}
        check_dockerfiles(bake.targets.values(), dockerfiles, self.tree)
        # Who has named a stage wants a pair of it.
        strict = self.settings.origin("deps-stage") != "default"
        read = [target for target in readable if target.name in dockerfiles]
        self._check_used(bake, {target.name for target in read})
        to_cut = self._to_cut(read, dockerfiles, strict=strict)
        app_bases = self._app_bases(to_cut, dockerfiles, known)
        these = sort_targets(
            *(bake, all_targets, dockerfiles, self.settings), app_bases=app_bases, strict=strict
        )
        scope = self.settings.scope
        return (scoped(these, scope) if scope else these), all_targets, source

    def _check_named(self, known: set[str], request: BakeRequest | None) -> None:
        """Refuse settings of targets that do not exist.

        Raises:
            UsageError: There are some.
        """
        strange = sorted(self.settings.targets.keys() - known)
        names = self._names(request) if strange and request else tuple(sorted(known))
        unknown = next((name for name in strange if name not in names), None)
        if unknown and names:  # none from a buildx that cannot list them
            raise UsageError(
                f'the settings name target "{unknown}", which does not exist',
                cause=did_you_mean(unknown, names),
                next_step=f"targets are {', '.join(names)}: correct [{TARGETS}.{unknown}]",
            )

    def _check_used(self, bake: BakeFile, read: set[str]) -> None:
        """Refuse an app base of a target that is published and has none.

        Raises:
            UsageError: There is one.
        """
        for name in bake.requested:
            said = "app-base" in self.settings.targets.get(name, {})
            if said and name not in read and not unpublished_because(bake.targets[name]):
                raise UsageError(
                    f'target "{name}" has no app base, and the settings say where it ends',
                    cause="its dependencies are a target of their own, or its Dockerfile is not "
                    "here",
                    next_step=f"take app-base out of [{TARGETS}.{name}]",
                )

    def _to_cut(
        self, read: Iterable[Target], dockerfiles: Mapping[str, Dockerfile], *, strict: bool
    ) -> list[Target]:
        """The targets that get an app base: they stand on no dependencies stage, or it is set.

        Raises:
            UsageError: A Dockerfile has not the stage that its target is said to have.
        """
        chosen: list[Target] = []
        lacking: list[Target] = []
        having: list[Target] = []
        copying: list[Target] = []
        for target in read:
            own, dockerfile = self.settings.of_target(target.name), dockerfiles[target.name]
            if own.app_base is not None:
                chosen.append(target)
            elif dockerfile.stage(own.deps_stage) is not None:
                stands = strict or _stands_on(own.deps_stage, target, dockerfile)
                (having if stands or self._names_stage(target.name) else copying).append(target)
            elif self._names_stage(target.name):
                raise no_stage(target, dockerfile, own.deps_stage)
            else:
                lacking.append(target)
        found = [*chosen, *copying]
        return found if strict and not found and not having else [*found, *lacking]

    def _names_stage(self, name: str) -> bool:
        """Whether the settings name the stage of this very target."""
        return "deps-stage" in self.settings.targets.get(name, {})

    def _app_bases(
        self,
        targets: Iterable[Target],
        dockerfiles: Mapping[str, Dockerfile],
        taken: Container[str],
    ) -> Mapping[str, AppBase | str]:
        finder = AppBaseFinder(self.tree, self.settings, taken, self.patches)
        found = {t.name: finder.find(t, dockerfiles[t.name]) for t in targets}
        return {
            name: base
            for name, base in found.items()
            if _can_be_cut(base) or not self._has_other(name, dockerfiles[name])
        }

    def _has_other(self, name: str, dockerfile: Dockerfile) -> bool:
        """Whether a target has a dependencies stage, and no setting asks for its app base."""
        own = self.settings.of_target(name)
        return own.app_base is None and dockerfile.stage(own.deps_stage) is not None

    def loaded(self, request: BakeRequest, others: Iterable[OtherTarget]) -> list[OtherTarget]:
        """Targets as ``--load`` makes them, which is for buildx to say."""
        others = list(others)
        overrides = (*request.overrides, "*.load=true")
        names = tuple(dict.fromkeys(other.name for other in others))
        found = self._targets(replace(request, overrides=overrides), *names) if names else {}
        return [replace(other, target=found.get(other.name, other.target)) for other in others]

    def read(self, request: BakeRequest) -> tuple[BakeFile, Mapping[str, Target], str]:
        """Read the bake file.

        Returns:
            The requested targets, every target, and what they were read from.

        Raises:
            UsageError: buildx cannot read it, it lacks a variable, or there is nothing to build.
            EngineError: There is no buildx.
        """
        files = self._files(request)
        if request.variables:
            check_variables(request.variables, self.tree.bake_text(files))
        if files:
            bake = self._print(request, lambda: self._names(request))
            if not bake.requested:
                raise UsageError(
                    f"{', '.join(files)}: there is nothing to build",
                    cause="buildx finds no target in it",
                    next_step=f"{GIVE_BUILD}, or a bake file a target",
                )
            return bake, self._all_targets(request, bake), ", ".join(files)
        request = replace(request, definition=self._lone_dockerfile())
        wanted = replace(request, targets=request.targets or (_LONE_TARGET,))
        bake = self._print(wanted, lambda: (_LONE_TARGET,))
        return bake, bake.targets, _LONE_DOCKERFILE

    def to_list(self, request: BakeRequest) -> BakeRequest:
        """A request whose targets and variables buildx can list: of a lone Dockerfile, too.

        Raises:
            UsageError: There is nothing to read.
            EngineError: There is no buildx.
        """
        if self._files(request):
            return request
        return replace(request, definition=self._lone_dockerfile())

    def listed(
        self, request: BakeRequest, what: str, ask: Callable[[BakeRequest, str], str]
    ) -> str:
        """What buildx lists of the targets or variables.

        Args:
            request: Where they are.
            what: The value of ``--list``.
            ask: Has buildx list it.

        Raises:
            UsageError: buildx cannot read the bake file, or there is no such list.
            EngineError: There is no buildx, or one that cannot list.
        """
        try:
            return ask(self.to_list(request), what)
        except CommandFailedError as failed:
            words = _words(failed)
            if _NO_FLAG in words:
                raise
            if _is_no_list(what, words):
                raise UsageError(
                    f'buildx has no list "{what}" (--list)',
                    cause=words,
                    next_step="write --list targets or --list variables",
                ) from None
            raise _bake_error(failed, tuple) from None

    def _files(self, request: BakeRequest) -> tuple[str, ...]:
        """The bake files; none where there is a Dockerfile alone."""
        if request.remote:
            return (redact(request.remote[0]),)
        files = request.files or self.tree.bake_files()
        return files if request.files or (files and self._has_targets(files, request)) else ()

    def _has_targets(self, files: tuple[str, ...], request: BakeRequest) -> bool:
        """Whether these are bake files: a compose file whose services build nothing is none."""
        if any("compose" not in file for file in files):
            return True
        default = BakeRequest(variables=request.variables)
        # To print targets may empty their files, see ``_targets``; to list them does not.
        names = self._names(default)
        return bool(names or self._print(default, lambda: names).targets)

    def _names(self, request: BakeRequest) -> tuple[str, ...]:
        """Names of all targets; none from a buildx before 0.20, which cannot list them."""
        try:
            return self.engine.target_names(request)
        except CommandFailedError:
            return ()

    def _print(self, request: BakeRequest, names: Names) -> BakeFile:
        try:
            return self._parsed(request)
        except CommandFailedError as failed:
            words = _words(failed)
            if names_secret(words, request.overrides):
                raise UsageError(
                    "buildx cannot read a secret (--secret)",
                    cause=words,
                    next_step="write --secret id=NAME,src=FILE, with a file that is there, or "
                    "--secret id=NAME,env=VARIABLE",
                ) from None
            raise _bake_error(failed, names) from None

    def _parsed(self, request: BakeRequest) -> BakeFile:
        printed = self.engine.print_bake(request)
        escaped = may_be_escaped(printed) and self._is_escaped
        return parse_print(printed, request.targets, escaped=escaped)

    @cached_property
    def _is_escaped(self) -> bool:
        probe = BakeRequest(definition=PROBE, targets=tuple(PROBE["target"]))
        return is_escaped(self.engine.print_bake(probe))

    def _all_targets(self, request: BakeRequest, bake: BakeFile) -> Mapping[str, Target]:
        """All targets of the bake file: the dependencies' target may be outside the request.

        Those that were asked for are always among what is printed: ``--set`` must match a target.
        """
        if is_complete(bake, self.settings):
            return bake.targets
        others = sorted(set(self._names(request)) - bake.targets.keys())
        if not others:
            return bake.targets
        masked = others if self._may_write_files(request) else ()
        try:
            return self._targets(request, *bake.targets, *others, masked=masked)
        except CommandFailedError:
            # One that cannot be evaluated here (say, for want of an ssh agent) was not asked for.
            usable = dict(bake.targets)
            for other in others:
                with suppress(CommandFailedError):
                    usable |= self._targets(request, *bake.targets, other, masked=masked)
            return usable

    def _may_write_files(self, request: BakeRequest) -> bool:
        files = request.remote or request.files or self.tree.bake_files()
        return may_write_files(self.tree.bake_text(files))

    def _targets(
        self, request: BakeRequest, *names: str, masked: Iterable[str] = ()
    ) -> Mapping[str, Target]:
        """Targets by name; what ``masked`` ones would write is not looked at, nor touched."""
        nowhere = tuple(f"{name}.output=type=cacheonly" for name in masked)
        overrides = (*request.overrides, *nowhere)
        found = self._parsed(replace(request, targets=names, overrides=overrides)).targets
        return {
            name: target.with_attributes(output=None) if name in masked else target
            for name, target in found.items()
        }

    def _lone_dockerfile(self) -> Mapping[str, Any]:
        """The bake definition of a lone Dockerfile.

        Raises:
            UsageError: There is none that can be read, or nothing names the image.
        """
        target = Target(_LONE_TARGET, {"context": ".", "dockerfile": "Dockerfile"})
        unbuilt = self.tree.bake_files()
        try:
            self.tree.dockerfile(target)
        except UsageError as failed:
            raise nothing_here(unbuilt, self.tree.bake_file_above(), failed.cause) from None
        if not self.settings.image:
            raise no_image_name(unbuilt, self.tree.bake_file_above())
        tags = [f"{self.settings.image}:{APP_TAG}"]
        return {"target": {_LONE_TARGET: {**target.attributes, "tags": tags}}}


def _can_be_cut(base: AppBase | str) -> bool:
    return isinstance(base, AppBase) and not base.refused


def _stands_on(stage: str, target: Target, dockerfile: Dockerfile) -> bool:
    """Whether a target is built FROM a stage, or may be.

    One that only copies from it stands on something else, which is its app base.
    """
    found = dockerfile.stage(stage)
    final = dockerfile.stage(target.stage) if target.stage else dockerfile.stages[-1]
    chain = dockerfile.chain(final) if final else []
    return found in chain or not chain or "$" in chain[-1].base


def _is_no_list(what: str, words: str) -> bool:
    """Whether buildx's words are about the list's name (``parseList`` in ``commands/bake.go``)."""
    ends = tuple(end for field in what.split(",") for end in (f"value {field}", f"'{field}'"))
    return words.startswith("invalid list ") or words.endswith(ends)


def _words(failed: CommandFailedError) -> str:
    """The last words of docker."""
    from whalebuild.failures.classify_docker import final_error  # noqa: PLC0415 - of failures alone

    return final_error(failed.stderr).removeprefix("ERROR: ")


def _bake_error(failed: CommandFailedError, names: Names) -> Exception:
    """Buildx's own words on a bake file, with its place; a target's name is looked up."""
    from whalebuild.failures.classify_docker import classify  # noqa: PLC0415 - of failures alone

    failure = classify(failed.stderr)
    if failure.kind in {FailureKind.ENGINE, FailureKind.ENGINE_LOST}:
        return failed
    target = failure.missing_target
    if target:
        known = names()
        hint = did_you_mean(target, known)
        if target == "default":
            hint = 'the bake file has no group or target "default"'
        return UsageError(
            f'unknown target "{target}"',
            cause=hint,
            next_step=f"targets in the bake file: {', '.join(known) or 'none'}",
        )
    words = _words(failed)
    lines = failed.stderr.splitlines()
    excerpt = [line for line in lines if not line.startswith(("#", "ERROR: "))]
    return UsageError(
        "buildx cannot read the bake file", cause=words, log="\n".join(excerpt).strip() or None
    )
