"""Build arguments: the automatic ones, those before the first FROM, and what a stage sees.

Follows ``defaultArgs`` and ``buildMetaArgs`` in ``frontend/dockerfile/dockerfile2llb`` of BuildKit.
https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from whalebuild.dockerfile.instructions import StepError, read_args
from whalebuild.dockerfile.lexer import Lexer, UnknownVariableError, WordError
from whalebuild.dockerfile.lines import Instruction
from whalebuild.inputs.values import AnalysisError, Build
from whalebuild.oci.platform import LOCAL
from whalebuild.values import dataclass

BUILDER_ARGS = frozenset(
    {"BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT"}
)
PLATFORM_ARGS = BUILDER_ARGS | {name.replace("BUILD", "TARGET") for name in BUILDER_ARGS}
# system.DefaultPathEnvUnix of BuildKit, for stages that set no PATH.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Environment:
    """Variables that a stage sees at one of its instructions.

    Attributes:
        values: By name; None is a value that is not known.
        complete: Whether no other variable is set. A base image from a registry may set others.
        of_image: Those that ENV set, which are kept in the image's configuration.
    """

    values: dict[str, str | None] = field(default_factory=dict)
    complete: bool = True
    of_image: dict[str, str | None] = field(default_factory=dict)

    def lookup(self, name: str) -> str | None:
        """See ``dockerfile.lexer.Lookup``."""
        value = self.values.get(name)
        if value is None and (name in self.values or not self.complete):
            raise UnknownVariableError(name)
        return value

    def set(self, name: str, value: str | None, *, by_env: bool) -> None:
        """Set a variable, as ENV or as ARG does."""
        self.values[name] = value
        if by_env:
            self.of_image[name] = value

    def inherited(self) -> Environment:
        """The variables that a stage made from this one starts with.

        BuildKit sets the variables of the parent's image once more: an ARG that came after an ENV
        of the same name is lost, and a variable that the base image may have set is not known.
        """
        values = self.values if self.complete else dict.fromkeys(self.values)
        return Environment({**values, **self.of_image}, self.complete, dict(self.of_image))


def empty_environment() -> Environment:
    """The variables that a stage made from ``scratch`` starts with."""
    return Environment({"PATH": DEFAULT_PATH}, of_image={"PATH": DEFAULT_PATH})


@dataclass(frozen=True)
class GlobalArgs:
    """Arguments of the Dockerfile's global scope, which FROM uses and ARG takes over.

    Attributes:
        environment: Their values.
        sources: For each ARG before the first FROM, the arguments that its value was made from,
            itself included.
    """

    environment: Environment
    sources: Mapping[str, frozenset[str]]


def global_args(
    before: Iterable[Instruction], build: Build, platform: str, target: str, escape: str
) -> GlobalArgs:
    """Evaluate the global scope for one target platform.

    Raises:
        AnalysisError: BuildKit would refuse an ARG.
    """
    environment = Environment(_automatic(build, platform, target))
    sources: dict[str, frozenset[str]] = {}
    for step in before:
        if step.keyword != "ARG":
            raise AnalysisError(f"{step.keyword} stands before the first FROM", step.line)
        try:
            pairs = read_args(step, escape)
        except StepError as bad:
            raise AnalysisError(str(bad), step.line) from None
        for name, default in pairs:
            _declare(name, default, step.line, environment, sources, build, Lexer(escape))
    return GlobalArgs(environment, sources)


def _declare(
    name: str,
    default: str | None,
    line: int,
    environment: Environment,
    sources: dict[str, frozenset[str]],
    build: Build,
    lexer: Lexer,
) -> None:
    used = {name}
    if name in build.args:
        environment.values[name] = build.args[name]
    elif default is not None:

        def lookup(other: str) -> str | None:
            used.update(sources.get(other, ()))
            return environment.lookup(other)

        try:
            environment.values[name] = lexer.word(default, lookup)
        except UnknownVariableError:
            environment.values[name] = None
        except WordError as bad:
            raise AnalysisError(str(bad), line) from None
    sources[name] = frozenset(used)


def _automatic(build: Build, platform: str, target: str) -> dict[str, str | None]:
    values: dict[str, str | None] = {"TARGETSTAGE": target or "default"}
    for prefix, known in (("BUILD", build.build_platform), ("TARGET", platform)):
        parts = _parts(known if known != LOCAL else None)
        values |= {f"{prefix}{name}": value for name, value in parts.items()}
    return values | {name: build.args[name] for name in values if name in build.args}


def _parts(platform: str | None) -> dict[str, str | None]:
    if platform is None:
        return dict.fromkeys(("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT"))
    system, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    if architecture == "arm" and not variant:
        variant = "v7"
    platform = "/".join(filter(None, (system, architecture, variant)))
    return {
        "PLATFORM": platform,
        "OS": system,
        "OSVERSION": "",
        "ARCH": architecture,
        "VARIANT": variant,
    }
