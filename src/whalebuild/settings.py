"""Settings: one table of keys, layers in rising precedence, and where each value came from.

Layers are defaults, the settings file, ``WHALEBUILD_*`` variables and flags. A layer is checked
as a whole when it is made. The caller reads the file and the environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, fields, replace
from enum import Enum
from typing import cast

from whalebuild.errors import UsageError
from whalebuild.hooks import HOOKS, VARIABLES, Hook, Hooks, read_hooks
from whalebuild.oci.platform import parse_platforms
from whalebuild.oci.reference import parse_repository
from whalebuild.tags import scope_name
from whalebuild.text import did_you_mean
from whalebuild.values import dataclass

ENVIRONMENT_PREFIX = "WHALEBUILD_"
# The development sandbox has variables of its own: WHALEBUILD_SANDBOX, WHALEBUILD_SANDBOX_….
_FOREIGN_PREFIX = "WHALEBUILD_SANDBOX"
# Shows where a fault of whalebuild's own happened; no setting.
DEBUG = "WHALEBUILD_DEBUG"

PROGRESS_MODES = ("auto", "tty", "plain", "rawjson", "quiet", "none")
#: By which buildx takes a progress mode where no flag says one.
_BUILDX_PROGRESS = "BUILDKIT_PROGRESS"
_TERMINAL = "tty"
BASE_MODES = ("pin", "follow")
# Texts with few allowed values: what a message calls one of them, and which they are.
_CHOICES = {"progress": ("a progress mode", PROGRESS_MODES), "base": ("a way", BASE_MODES)}
_SWITCHES = {"1": True, "true": True, "0": False, "false": False}
# The value of `builder` that means: the current builder if it can do the job, else our own.
AUTO = "auto"
# The builder that `--builder auto` makes, and `builder create` where no name is given.
OWN_NAME = "whalebuild"
DEFAULT_KEEP = 5
_LONGEST = 365 * 24 * 3600  # seconds; a longer time is a mistake, and infinity no number

Value = str | int | float | bool | tuple[str, ...] | None


class ValueKind(Enum):
    """What type of value a key has, as messages call it."""

    TEXT = "a text"
    LIST = "a list of texts"
    COUNT = "a whole number of at least 1"
    SECONDS = "a number of seconds"
    TIME_LIMIT = "a number of seconds of more than 0"
    SWITCH = "true or false"


@dataclass(frozen=True)
class SettingKey:
    """One setting: its name as users write it, its kind and what it means."""

    name: str
    kind: ValueKind
    about: str

    @property
    def field(self) -> str:
        """The attribute of ``Settings`` that holds it."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return ENVIRONMENT_PREFIX + self.field.upper()


KEYS = {
    key.name: key
    for key in (
        SettingKey("image", ValueKind.TEXT, "name of the image where no bake file gives one"),
        SettingKey("file", ValueKind.LIST, "bake files, instead of buildx's default ones"),
        SettingKey(
            "deps-stage", ValueKind.TEXT, "the Dockerfile stage that holds the dependencies"
        ),
        SettingKey(
            "app-base",
            ValueKind.TEXT,
            "where a Dockerfile is cut: before:INSTRUCTION or after:INSTRUCTION",
        ),
        SettingKey(
            "scope", ValueKind.TEXT, "a branch or pull request that gets a pair of tags of its own"
        ),
        SettingKey(
            "base", ValueKind.TEXT, "base images: pin (as the last bake had them) or follow"
        ),
        SettingKey("platform", ValueKind.LIST, "platforms to build, instead of the bake file's"),
        SettingKey(
            "builder", ValueKind.TEXT, f"the buildx builder to use, or {AUTO}; else the current one"
        ),
        SettingKey(
            "allow", ValueKind.LIST, "entitlements that the bake may use, as buildx's --allow"
        ),
        SettingKey("progress", ValueKind.TEXT, f"one of {', '.join(PROGRESS_MODES)}"),
        SettingKey(
            "retry-attempts", ValueKind.COUNT, "how often one registry step is tried at the most"
        ),
        SettingKey(
            "retry-deadline", ValueKind.SECONDS, "seconds after which a registry step is given up"
        ),
        SettingKey("strict-cache", ValueKind.SWITCH, "fail where a cache cannot be exported"),
        SettingKey("if-unchanged", ValueKind.SWITCH, "publish only if nobody else has meanwhile"),
        SettingKey(
            "deploy-timeout",
            ValueKind.TIME_LIMIT,
            "seconds for a deploy after its pull, all together",
        ),
        SettingKey(
            "deploy-grace",
            ValueKind.SECONDS,
            "seconds that a service without a health check must stay up",
        ),
        SettingKey(
            "start-first-volumes",
            ValueKind.LIST,
            "volumes and paths that two versions of a service may write at once",
        ),
        SettingKey("keep", ValueKind.COUNT, "deployments whose images stay on the host"),
        SettingKey(
            "hosts", ValueKind.LIST, "hosts to deploy to: addresses of engines, docker contexts"
        ),
        SettingKey(
            "prune", ValueKind.SWITCH, "remove images beyond keep after a deploy that worked"
        ),
        SettingKey("state-dir", ValueKind.TEXT, "folder of the records of deployments"),
    )
}


# Flags that are not called as their keys.
_FLAG_NAMES = {"deploy-timeout": "timeout", "deploy-grace": "grace", "hosts": "host"}

#: The table of the settings file that has a table of settings for each target.
TARGETS = "targets"
#: The settings that a target may have for itself.
TARGET_KEYS = ("deps-stage", "app-base")

_FOR_ALL = (
    "it holds for all targets; what one target is built for and published as is in the bake file "
    "(platforms, tags)"
)

# Key name → (value, origin).
_Values = Mapping[str, tuple[Value, str]]


@dataclass(frozen=True)
class Settings:
    """Effective settings.

    Attributes:
        targets: What targets have for themselves: target → key name → (value, origin).
        hooks: Commands of the user's at moments of a deploy.
        origins: What set a key: a file, a variable, a flag.
    """

    image: str | None = None
    file: tuple[str, ...] = ()
    deps_stage: str = "dependencies"
    app_base: str | None = None
    scope: str | None = None
    base: str = "pin"
    platform: tuple[str, ...] = ()
    builder: str | None = None
    allow: tuple[str, ...] = ()
    progress: str = "auto"
    retry_attempts: int = 20
    retry_deadline: float = 300.0
    strict_cache: bool = False
    if_unchanged: bool = False
    deploy_timeout: float = 120.0
    deploy_grace: float = 5.0
    start_first_volumes: tuple[str, ...] = ()
    keep: int = DEFAULT_KEEP
    hosts: tuple[str, ...] = ()
    prune: bool = True
    state_dir: str | None = None
    targets: Mapping[str, _Values] = field(default_factory=dict)
    hooks: Hooks = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def first_builder(self) -> str | None:
        """The builder to inspect first; None is the current one."""
        return None if self.builder == AUTO else self.builder

    def value(self, key: str) -> Value:
        """The value of a key by the name that users write."""
        return cast("Value", getattr(self, KEYS[key].field))

    def origin(self, key: str) -> str:
        """What set the key; ``default`` where nothing did."""
        return self.origins.get(key, "default")

    def of_target(self, target: str) -> Settings:
        """The settings that hold for one target of the bake file."""
        own = self.targets.get(target)
        if not own:
            return self
        values = {KEYS[key].field: value for key, (value, _) in own.items()}
        origins = {**self.origins, **{key: origin for key, (_, origin) in own.items()}}
        return replace(self, **values, origins=origins)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Layer:
    """Checked values from one place: key name → (value, origin).

    ``targets`` has those of single targets, by the target's name; ``hooks`` is empty but for files.
    """

    values: _Values
    warnings: tuple[str, ...] = ()
    targets: Mapping[str, _Values] = field(default_factory=dict)
    hooks: Hooks = field(default_factory=dict)


def layer_from_table(table: Mapping[str, object], origin: str) -> Layer:
    """Check the settings table of a TOML file.

    Raises:
        UsageError: A key is unknown or its value is of another kind; names file and key.
    """
    general = {name: raw for name, raw in table.items() if name not in {TARGETS, HOOKS}}
    values = _from_table(general, origin, origin, (*KEYS, TARGETS, HOOKS))
    tables = table.get(TARGETS, {})
    if not isinstance(tables, Mapping):
        raise UsageError(
            f"{origin}: {TARGETS}: expected a table, found {tables!r}",
            next_step=f"write the settings of a target into a table: [{TARGETS}.NAME]",
        )
    targets = {}
    for name, own in tables.items():
        where = f"{origin}: {TARGETS}.{name}"
        if not isinstance(own, Mapping):
            raise UsageError(f"{where}: expected a table, found {own!r}")
        targets[name] = _from_table(own, where, origin, TARGET_KEYS)
    return Layer(values, targets=targets, hooks=read_hooks(table.get(HOOKS, {}), origin))


def layer_from_environment(environment: Mapping[str, str]) -> Layer:
    """Read ``WHALEBUILD_*`` variables; an unknown one is a warning, since others may use it.

    Lists are separated by commas. An empty variable counts as not set. ``BUILDKIT_PROGRESS`` is
    ``WHALEBUILD_PROGRESS`` by another name: it is set for buildx in many CI services.

    Raises:
        UsageError: A value is not of its key's kind.
    """
    by_variable = {key.variable: key for key in KEYS.values()}
    values: dict[str, tuple[Value, str]] = {}
    warnings = []
    for variable, text in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable.startswith(_FOREIGN_PREFIX):
            continue
        if variable == DEBUG or variable in VARIABLES:
            continue
        key = by_variable.get(variable)
        if key is None:
            hint = did_you_mean(variable, by_variable) or f"known: {', '.join(by_variable)}"
            warnings.append(f"environment variable {variable} is not a setting; {hint}")
        elif text:
            raw = _from_text(key.kind, text)
            values[key.name] = (_checked(key, raw, f"environment variable {variable}"), variable)
    of_buildx = environment.get(_BUILDX_PROGRESS, "")
    if of_buildx == _TERMINAL:
        pass  # `auto` is that where there is a terminal, and no error where there is none
    elif of_buildx in PROGRESS_MODES:
        values.setdefault("progress", (of_buildx, _BUILDX_PROGRESS))
    elif of_buildx:
        known = ", ".join(PROGRESS_MODES)
        warnings.append(f"{_BUILDX_PROGRESS}={of_buildx} is no progress mode; they are {known}")
    return Layer(values, tuple(warnings))


def layer_from_flags(flags: Mapping[str, object]) -> Layer:
    """Check the flags that were given: key name → value; None and empty lists are not given.

    Raises:
        UsageError: A value is not of its key's kind.
    """
    values: dict[str, tuple[Value, str]] = {}
    for name, raw in flags.items():
        if raw is not None and raw != ():
            flag = f"--{_FLAG_NAMES.get(name, name)}"
            values[name] = (_checked(KEYS[name], raw, flag), flag)
    return Layer(values)


def resolve(layers: Iterable[Layer]) -> Settings:
    """Merge layers, the later ones over the earlier ones.

    In one layer what a target has for itself goes before what holds for all; a later layer's value
    for all goes before both.
    """
    merged: dict[str, tuple[Value, str]] = {}
    targets: dict[str, dict[str, tuple[Value, str]]] = {}
    hooks: dict[str, tuple[Hook, ...]] = {}
    for layer in layers:
        merged.update(layer.values)
        hooks.update(layer.hooks)
        targets = {name: _without(own, layer.values) for name, own in targets.items()}
        for name, own in layer.targets.items():
            targets[name] = {**targets.get(name, {}), **own}
    known = {f.name for f in fields(Settings)}
    chosen = {KEYS[name].field: value for name, (value, _) in merged.items()}
    assert set(chosen) <= known, "every key has a field"  # noqa: S101 - an error in this file, not in input
    origins = {name: origin for name, (_, origin) in merged.items()}
    return Settings(**chosen, targets=targets, hooks=hooks, origins=origins)  # type: ignore[arg-type]


def _without(own: _Values, others: Iterable[str]) -> dict[str, tuple[Value, str]]:
    others = set(others)
    return {key: value for key, value in own.items() if key not in others}


def _from_table(
    table: Mapping[str, object], where: str, origin: str, known: Iterable[str]
) -> dict[str, tuple[Value, str]]:
    known = list(known)
    values: dict[str, tuple[Value, str]] = {}
    for name, raw in table.items():
        if name not in known:
            raise UsageError(
                f'{where}: unknown setting "{name}"',
                cause=_FOR_ALL if name in KEYS else did_you_mean(name, known),
                next_step=f"known settings: {', '.join(known)}",
            )
        values[name] = (_checked(KEYS[name], raw, f"{where}: {name}"), origin)
    return values


def _from_text(kind: ValueKind, text: str) -> object:
    if kind is ValueKind.LIST:
        return [word.strip() for word in text.split(",") if word.strip()]
    if kind is ValueKind.SWITCH:
        return _SWITCHES.get(text.lower(), text)
    if kind in {ValueKind.COUNT, ValueKind.SECONDS, ValueKind.TIME_LIMIT}:
        try:
            return int(text) if kind is ValueKind.COUNT else float(text)
        except ValueError:
            return text  # of the wrong type now, which the check says with the key's name
    return text


def _checked(key: SettingKey, raw: object, where: str) -> Value:
    value = _of_kind(key.kind, raw)
    if value is None:
        raise UsageError(
            f"{where}: expected {key.kind.value}, found {raw!r}",
            cause=f"{key.name} is {key.about}",
        )
    if key.name == "image":
        return str(parse_repository(str(value), where=where))
    if key.name == "platform":
        return parse_platforms(cast("tuple[str, ...]", value), where=where)
    if key.name == "scope":
        return scope_name(str(value), where=where)
    choices = _CHOICES.get(key.name)
    if choices and value not in choices[1]:
        raise UsageError(
            f'{where}: "{value}" is not {choices[0]}',
            cause=did_you_mean(str(value), choices[1]),
            next_step=f"use one of {', '.join(choices[1])}",
        )
    return value


def _of_kind(kind: ValueKind, raw: object) -> Value:  # noqa: PLR0911 - one return a case
    """Return the value, or None where it is of another kind."""
    match kind, raw:
        case ValueKind.TEXT, str() if raw:
            return raw
        case ValueKind.LIST, str() if raw:
            return (raw,)
        case ValueKind.LIST, list() | tuple() if all(
            isinstance(item, str) and item for item in raw
        ):
            return tuple(cast("Iterable[str]", raw))
        case ValueKind.SWITCH, bool():
            return raw
        case ((ValueKind.COUNT | ValueKind.SECONDS | ValueKind.TIME_LIMIT), bool()):
            return None
        case ValueKind.COUNT, int() if raw >= 1:
            return raw
        case ValueKind.SECONDS, int() | float() if 0 <= raw <= _LONGEST:
            return float(raw)
        case ValueKind.TIME_LIMIT, int() | float() if 0 < raw <= _LONGEST:
            return float(raw)
    return None
