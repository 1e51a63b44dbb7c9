"""Settings: one table of keys, layers in rising precedence, and where each value came from.

Layers are defaults, the settings file, ``WHALEBUILD_*`` variables and flags. A layer is checked
as a whole when it is made; reading files and the environment is the caller's work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import cast

from whalebuild.errors import UsageError
from whalebuild.oci.platform import parse_platforms
from whalebuild.oci.reference import parse_repository
from whalebuild.tags import scope_name
from whalebuild.text import did_you_mean

# The builder that `--builder auto` makes, and that `builder create` makes where no name is given.
OWN_NAME = "whalebuild"


# The setting's word for "the current builder if it will do, else our own".
AUTO = "auto"


PROGRESS_MODES = ("auto", "tty", "plain", "rawjson", "quiet")
BASE_MODES = ("pin", "follow")
_SWITCHES = {"1": True, "true": True, "0": False, "false": False}
_WORDS = {"progress": ("a progress mode", PROGRESS_MODES), "base": ("a way", BASE_MODES)}
ENVIRONMENT_PREFIX = "WHALEBUILD_"
# The development sandbox has variables of its own: WHALEBUILD_SANDBOX, WHALEBUILD_SANDBOX_….
_FOREIGN_PREFIX = "WHALEBUILD_SANDBOX"

DEFAULT_KEEP = 5
_LONGEST = 365 * 24 * 3600  # what is longer is a slip, and floats end somewhere
Value = str | int | float | bool | tuple[str, ...] | None


class Kind(Enum):
    """What a key's value is, in the words of a message."""

    TEXT = "a text"
    LIST = "a list of texts"
    COUNT = "a whole number of at least 1"
    SECONDS = "a number of seconds"
    SWITCH = "true or false"


@dataclass(frozen=True)
class Key:
    """One setting: its name as users write it, its kind and what it means."""

    name: str
    kind: Kind
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
        Key("image", Kind.TEXT, "name of the image where no bake file gives one"),
        Key("file", Kind.LIST, "bake files, instead of buildx's default ones"),
        Key("deps-stage", Kind.TEXT, "the Dockerfile stage that holds the dependencies"),
        Key("scope", Kind.TEXT, "a branch or pull request that gets a pair of tags of its own"),
        Key("base", Kind.TEXT, "base images: pin (as the last bake had them) or follow"),
        Key("platform", Kind.LIST, "platforms to build, instead of the bake file's"),
        Key("builder", Kind.TEXT, f"the buildx builder to use, or {AUTO}; else the current one"),
        Key("allow", Kind.LIST, "entitlements that the bake may use, as buildx's --allow"),
        Key("progress", Kind.TEXT, f"one of {', '.join(PROGRESS_MODES)}"),
        Key("retry-attempts", Kind.COUNT, "how often one registry step is tried at the most"),
        Key("retry-deadline", Kind.SECONDS, "seconds after which a registry step is given up"),
        Key("strict-cache", Kind.SWITCH, "fail where a cache cannot be exported"),
        Key("if-unchanged", Kind.SWITCH, "publish only if nobody else has meanwhile"),
        Key("deploy-timeout", Kind.SECONDS, "seconds that services may take to become healthy"),
        Key(
            "deploy-grace",
            Kind.SECONDS,
            "seconds that a service without a health check must stay up",
        ),
        Key("keep", Kind.COUNT, "deployments whose images stay on the host"),
        Key("state-dir", Kind.TEXT, "folder of the records of deployments"),
    )
}


@dataclass(frozen=True)
class Settings:
    """Effective settings. ``origins`` has, for every key, who set it ("default", a file, …)."""

    image: str | None = None
    file: tuple[str, ...] = ()
    deps_stage: str = "dependencies"
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
    keep: int = DEFAULT_KEEP
    state_dir: str | None = None
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def first_builder(self) -> str | None:
        """The builder to look at first; None is the current one."""
        return None if self.builder == AUTO else self.builder

    def value(self, key: str) -> Value:
        """The value of a key by the name that users write."""
        return cast("Value", getattr(self, KEYS[key].field))

    def origin(self, key: str) -> str:
        """Who set the key."""
        return self.origins.get(key, "default")


@dataclass(frozen=True)
class Layer:
    """Checked values from one place: key name → (value, origin)."""

    values: Mapping[str, tuple[Value, str]]
    warnings: tuple[str, ...] = ()


def layer_from_table(table: Mapping[str, object], origin: str) -> Layer:
    """Check the settings table of a TOML file.

    Raises:
        UsageError: A key is unknown or its value is of another kind; names file and key.
    """
    values: dict[str, tuple[Value, str]] = {}
    for name, raw in table.items():
        key = KEYS.get(name)
        if key is None:
            raise UsageError(
                f'{origin}: unknown setting "{name}"',
                cause=did_you_mean(name, KEYS),
                next_step=f"known settings: {', '.join(KEYS)}",
            )
        values[name] = (_checked(key, raw, f"{origin}: {name}"), origin)
    return Layer(values)


def layer_from_environment(environment: Mapping[str, str]) -> Layer:
    """Read ``WHALEBUILD_*`` variables; an unknown one is a warning, since others may use it.

    Lists are separated by commas. An empty variable counts as not set.

    Raises:
        UsageError: A value is not of its key's kind.
    """
    by_variable = {key.variable: key for key in KEYS.values()}
    values: dict[str, tuple[Value, str]] = {}
    warnings = []
    for variable, text in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable.startswith(_FOREIGN_PREFIX):
            continue
        key = by_variable.get(variable)
        if key is None:
            hint = did_you_mean(variable, by_variable) or f"known: {', '.join(by_variable)}"
            warnings.append(f"environment variable {variable} is not a setting; {hint}")
        elif text:
            raw = _from_text(key.kind, text)
            values[key.name] = (_checked(key, raw, f"environment variable {variable}"), variable)
    return Layer(values, tuple(warnings))


def layer_from_flags(flags: Mapping[str, object]) -> Layer:
    """Check the flags that were given: key name → value; None and empty lists are not given.

    Raises:
        UsageError: A value is not of its key's kind.
    """
    values: dict[str, tuple[Value, str]] = {}
    for name, raw in flags.items():
        if raw is not None and raw != ():
            values[name] = (_checked(KEYS[name], raw, f"--{name}"), f"--{name}")
    return Layer(values)


def resolve(layers: Iterable[Layer]) -> Settings:
    """Merge layers, the later ones over the earlier ones."""
    merged: dict[str, tuple[Value, str]] = {}
    for layer in layers:
        merged.update(layer.values)
    known = {f.name for f in fields(Settings)}
    chosen = {KEYS[name].field: value for name, (value, _) in merged.items()}
    assert set(chosen) <= known, "every key has a field"  # noqa: S101 - a slip of ours, not input
    origins = {name: origin for name, (_, origin) in merged.items()}
    return Settings(**chosen, origins=origins)  # type: ignore[arg-type]


def _from_text(kind: Kind, text: str) -> object:
    if kind is Kind.LIST:
        return [word.strip() for word in text.split(",") if word.strip()]
    if kind is Kind.SWITCH:
        return _SWITCHES.get(text.lower(), text)
    if kind in {Kind.COUNT, Kind.SECONDS}:
        try:
            return int(text) if kind is Kind.COUNT else float(text)
        except ValueError:
            return text  # of the wrong type now, which the check says with the key's name
    return text


def _checked(key: Key, raw: object, where: str) -> Value:
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
    words = _WORDS.get(key.name)
    if words and value not in words[1]:
        raise UsageError(
            f'{where}: "{value}" is not {words[0]}',
            cause=did_you_mean(str(value), words[1]),
            next_step=f"use one of {', '.join(words[1])}",
        )
    return value


def _of_kind(kind: Kind, raw: object) -> Value:  # noqa: PLR0911 - one return a case
    """Return the value, or None where it is of another kind."""
    match kind, raw:
        case Kind.TEXT, str() if raw:
            return raw
        case Kind.LIST, str() if raw:
            return (raw,)
        case Kind.LIST, list() | tuple() if all(isinstance(item, str) and item for item in raw):
            return tuple(cast("Iterable[str]", raw))
        case Kind.SWITCH, bool():
            return raw
        case ((Kind.COUNT | Kind.SECONDS), bool()):
            return None
        case Kind.COUNT, int() if raw >= 1:
            return raw
        case Kind.SECONDS, int() | float() if 0 <= raw <= _LONGEST:
            return float(raw)
    return None
