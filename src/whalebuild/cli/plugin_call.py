"""How docker calls a plugin: with its own words, flags of its own before the plugin's name.

``PluginRunCommand`` in ``cli-plugins/manager/manager.go`` of docker/cli gives a plugin all of
``os.Args``; the flags are those of ``cli/flags/options.go``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from whalebuild.cli.entry import WORD
from whalebuild.values import dataclass

_SHORT = {"-c": "--context", "-H": "--host", "-l": "--log-level", "-D": "--debug"}
# What tells docker's own client the same; None where there is nothing to tell.
_VARIABLES = {
    "--config": "DOCKER_CONFIG",
    "--context": "DOCKER_CONTEXT",
    "--host": "DOCKER_HOST",
    "--log-level": None,
}
_SWITCHES = {"--debug": None, "--tls": "DOCKER_TLS", "--tlsverify": "DOCKER_TLS_VERIFY"}
_COMPLETE = ("__complete", "__completeNoDesc")


class WrongCallError(Exception):
    """The words before the plugin's name cannot be followed."""


@dataclass(frozen=True)
class PluginCall:
    """A call of the plugin.

    Attributes:
        words: What follows its name.
        variables: What docker's flags are for other programs; None is one that is to be unset.
    """

    words: tuple[str, ...]
    variables: Mapping[str, str | None] = field(default_factory=dict)


def read_call(words: Sequence[str]) -> PluginCall:
    """Read a call.

    Args:
        words: The arguments, such as ``--context far whale plan``.

    Raises:
        WrongCallError: There is a flag that nothing can be made of, or no name.
    """
    if words[:1] == ["help"]:  # docker help whale plan
        return PluginCall((*words[2:], "--help"))
    if words[:2] and words[0] in _COMPLETE:
        return PluginCall((words[0], *words[2:]))
    variables: dict[str, str | None] = {}
    at = 0
    while at < len(words) and words[at] != WORD:
        at = _read_flag(words, at, variables)
    if at >= len(words):
        raise WrongCallError(f"docker calls this program with the word {WORD}")
    return PluginCall(tuple(words[at + 1 :]), variables)


def _read_flag(words: Sequence[str], at: int, variables: dict[str, str | None]) -> int:
    """Note a flag; return where the next one is."""
    flag, equals, value = _parted(words[at])
    if flag in _SWITCHES:
        variable = _SWITCHES[flag]
        if variable and value != "false":
            variables[variable] = "1"
        return at + 1
    if flag not in _VARIABLES:
        raise WrongCallError(
            f"docker {words[at]} {WORD} is not supported: use a docker context (docker context "
            "create) for an engine that needs more than --host"
        )
    if not equals:
        at += 1
        value = words[at] if at < len(words) else ""
    variable = _VARIABLES[flag]
    if variable:
        variables[variable] = value
    if flag == "--context":  # the flag goes before the variable, and DOCKER_HOST before both
        variables["DOCKER_HOST"] = None
    return at + 1


def _parted(word: str) -> tuple[str, bool, str]:
    """A flag in its long form, and its value where that is in the same word."""
    if word.startswith("--") or word[:2] not in _SHORT:
        flag, equals, value = word.partition("=")
        return flag, bool(equals), value
    return _SHORT[word[:2]], len(word) > 2, word[2:].removeprefix("=")  # noqa: PLR2004 - -cNAME
