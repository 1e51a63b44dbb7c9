"""Commands in the log of a step of GitHub Actions.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands. How the runner
reads them is in ``src/Runner.Common/ActionCommand.cs`` of https://github.com/actions/runner: a line
that begins with ``::``, after blanks, and the older form ``##[…]`` anywhere in a line.
"""

from __future__ import annotations

_DATA = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_PROPERTY = (*_DATA, (":", "%3A"), (",", "%2C"))
_STOP = "stop-commands"


def command(name: str, data: str = "", **properties: object) -> str:
    """A command as a line; properties that are None or empty are left out."""
    given = [
        f"{key}={_escaped(str(value), _PROPERTY)}"
        for key, value in properties.items()
        if value not in {None, ""}
    ]
    words = f"{name} {','.join(given)}" if given else name
    return f"::{words}::{_escaped(data, _DATA)}"


def stop(token: str) -> str:
    """The line after which the runner carries nothing out until ``resume`` of the token."""
    return command(_STOP, token)


def resume(token: str) -> str:
    """The line that ends ``stop``."""
    return command(token)


def inert(text: str) -> str:
    """A text in which the runner finds no command: what others wrote may look like one."""
    lines = (
        line.replace("::", ": :", 1) if line.lstrip().startswith("::") else line
        for line in text.split("\n")
    )
    return "\n".join(lines).replace("##[", "# #[")


def _escaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for plain, escaped in escapes:
        text = text.replace(plain, escaped)
    return text
