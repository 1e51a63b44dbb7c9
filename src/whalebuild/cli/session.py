"""What every verb needs: settings, engine, source tree, console and retrier, wired together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from whalebuild.adapters.config_files import read_settings_layer
from whalebuild.adapters.console import ConsoleBase, make_console
from whalebuild.adapters.engine import DockerEngine
from whalebuild.adapters.registry import RegistryClient
from whalebuild.adapters.source_tree import LocalSourceTree
from whalebuild.core.errors import UsageError
from whalebuild.core.request import BakeRequest
from whalebuild.core.retry import RetryPolicy
from whalebuild.core.settings import (
    Settings,
    layer_from_environment,
    layer_from_flags,
    resolve,
)
from whalebuild.workflows.planning import Planner
from whalebuild.workflows.retrying import Retrier


@dataclass(frozen=True)
class Session:
    """One run of a verb in the current directory."""

    settings: Settings
    engine: DockerEngine
    registry: RegistryClient
    tree: LocalSourceTree
    console: ConsoleBase
    retrier: Retrier

    def planner(self, *, ask: bool, thorough: bool = False) -> Planner:
        """A planner over this session's engine and files."""
        return Planner(
            self.engine,
            self.registry,
            self.tree,
            self.settings,
            self.retrier,
            ask=ask,
            thorough=thorough,
        )


def setting_flags(**given: object) -> dict[str, object]:
    """Settings on the command line, by key; a repeatable flag that was not given is left out."""
    flags = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
    return {key: tuple(v) if isinstance(v, list) else v for key, v in flags.items()}


@contextmanager
def open_session(flags: Mapping[str, object]) -> Iterator[Session]:
    """Resolve settings, then open what needs closing.

    Args:
        flags: Settings given on the command line, by key.

    Raises:
        UsageError: A setting is wrong.
    """
    root = Path.cwd()
    environment = layer_from_environment(os.environ)
    layers = [read_settings_layer(root), environment, layer_from_flags(flags)]
    settings = resolve(layers)
    policy = RetryPolicy(settings.retry_attempts, settings.retry_deadline)
    console = make_console(settings.progress, ci=bool(os.environ.get("CI")))
    registry = RegistryClient(builder=settings.builder)
    with console, DockerEngine() as engine, registry:
        for warning in environment.warnings:
            console.note(f"warning: {warning}")
        retrier = Retrier(policy, console.note)
        tree = LocalSourceTree(root, os.environ)
        yield Session(settings, engine, registry, tree, console, retrier)


def make_request(
    settings: Settings,
    targets: Sequence[str] | None,
    overrides: Sequence[str] | None,
    variables: Sequence[str] | None,
) -> BakeRequest:
    """Check the words that go to buildx and put them in a request.

    Raises:
        UsageError: A word is malformed, or a form of buildx's that is not supported.
    """
    for target in targets or ():
        if "://" in target or target.startswith("-"):
            raise UsageError(
                f'"{target}" is not a target',
                cause="remote bake definitions are not supported" if "://" in target else None,
                next_step="name targets or groups of a local bake file",
            )
    for file in settings.file:
        if file == "-":
            raise UsageError(
                "a bake file cannot be read from standard input",
                cause="it is read more than once",
                next_step="write it to a file and name that with --file",
            )
    return BakeRequest(
        files=settings.file,
        targets=tuple(targets or ()),
        overrides=tuple(_assignment(o, "--set", "target.key=value") for o in overrides or ()),
        variables=dict(_split(variable) for variable in variables or ()),
    )


def _split(variable: str) -> tuple[str, str]:
    name, _, value = _assignment(variable, "--var", "NAME=VALUE").partition("=")
    return name, value


def _assignment(text: str, flag: str, form: str) -> str:
    if text.partition("=")[0] and "=" in text:
        return text
    raise UsageError(f'"{text}" is not an assignment ({flag})', next_step=f"write {flag} {form}")
