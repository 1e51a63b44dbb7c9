"""What there is to say of each verb: read from its command, shown by ``--help``, man and docs/."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from whalebuild.values import dataclass

if TYPE_CHECKING:
    from typer import Context
    from typer.core import TyperCommand, TyperGroup

PROGRAM = "whalebuild"
# Options in groups of their own; all others come first, for most of them are buildx's or compose's.
GROUPS = {
    "What is published": (
        *("--force", "--verify", "--read-only", "--partial", "--part-file", "--scope", "--base"),
        *("--image", "--deps-stage", "--app-base", "--if-unchanged", "--strict-cache"),
    ),
    "Services": (
        *("--order", "--timeout", "--grace", "--rollback", "--wait", "--pre-pull", "--warm"),
    ),
    "Registry": ("--retry-attempts", "--retry-deadline"),
    "Output": ("--progress", "--metadata-file", "--format", "--help"),
}
_FIRST = "Options"


@dataclass(frozen=True)
class Entry:
    """An argument or an option.

    Attributes:
        flags: ``("--file", "-f")``; empty for an argument.
        off: The flags that turn it off, such as ``--no-wait``.
        value: What it takes, such as ``FILE``; None for a flag.
        about: What it is for.
        default: Its value where it is not given; None where that is nothing.
    """

    flags: tuple[str, ...]
    off: tuple[str, ...]
    value: str | None
    about: str
    default: str | None

    @property
    def names(self) -> str:
        """As it is written: ``-f, --file FILE``."""
        flags = ", ".join(sorted(self.flags, key=len))
        both = " / ".join(filter(None, (flags, ", ".join(self.off))))
        return " ".join(filter(None, (both, self.value)))

    @property
    def text(self) -> str:
        """What it is for, and its default."""
        return " ".join(filter(None, (self.about, self.default and f"[default: {self.default}]")))


@dataclass(frozen=True)
class Page:
    """All there is to say of a command.

    Attributes:
        path: ``whalebuild bake``.
        usage: What follows it.
        about: Paragraphs; the first says it in short.
        commands: The verbs below it.
        groups: Options by title.
        examples: Commands, and what each does.
    """

    path: str
    usage: str
    about: tuple[str, ...]
    commands: tuple[Page, ...]
    arguments: tuple[Entry, ...]
    groups: tuple[tuple[str, tuple[Entry, ...]], ...]
    examples: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The last word of the path."""
        return self.path.rpartition(" ")[2]

    @property
    def options(self) -> Iterator[Entry]:
        """All options."""
        return (entry for _, entries in self.groups for entry in entries)


def page_of(
    command: TyperCommand | TyperGroup, path: str = PROGRAM, parent: Context | None = None
) -> Page:
    """Read a command, and those below it.

    Args:
        command: As Typer has made it.
        path: How it is called.
        parent: The context of the command above it, whose names of ``--help`` hold for it, too.
    """
    context = _context(command, parent)
    below: dict[str, Any] = getattr(command, "commands", {})
    pages = [
        page_of(each, f"{path} {name}", context) for name, each in below.items() if not each.hidden
    ]
    shown = [each for each in command.get_params(context) if not getattr(each, "hidden", False)]
    arguments = tuple(_entry(each) for each in shown if each.param_type_name == "argument")
    options = tuple(_entry(each) for each in shown if each.param_type_name == "option")
    needed = [each.required for each in shown if each.param_type_name == "argument"]
    words = ["VERB"] if below else []
    words += ["[OPTIONS]"]
    words += [
        entry.value or "" if must else f"[{entry.value}]"
        for entry, must in zip(arguments, needed, strict=True)
    ]
    paragraphs = (command.help or "").split("\n\n")
    return Page(
        path,
        " ".join(words),
        tuple(" ".join(paragraph.split()) for paragraph in paragraphs if paragraph.strip()),
        tuple(pages),
        arguments,
        tuple(_grouped(options)),
        tuple(_examples(command, path, pages)),
    )


def _context(command: TyperCommand | TyperGroup, parent: Context | None) -> Context:
    import typer

    return typer.Context(command, parent=parent, **command.context_settings)


def _entry(parameter: Any) -> Entry:
    option = parameter.param_type_name == "option"
    takes = None if option and parameter.is_flag else _value(parameter)
    flags = tuple(parameter.opts) if option else ()
    about = parameter.help or ""
    return Entry(flags, tuple(parameter.secondary_opts), takes, about, _default(parameter))


def _value(parameter: Any) -> str:
    """The name of what it takes: never a type of Python's."""
    if parameter.metavar:
        return str(parameter.metavar)
    return str(parameter.name).strip("_").rpartition("_")[2].upper()


def _default(parameter: Any) -> str | None:
    shown, default = parameter.show_default, parameter.default
    if isinstance(shown, str):
        return shown
    if not shown or "default:" in (parameter.help or "").lower():
        return None
    if isinstance(default, bool):
        names = parameter.opts if default else parameter.secondary_opts
        return names[0].lstrip("-") if names and parameter.secondary_opts else None
    return str(default) if isinstance(default, str | int | float) else None


def _grouped(options: tuple[Entry, ...]) -> Iterator[tuple[str, tuple[Entry, ...]]]:
    group_of = {flag: title for title, flags in GROUPS.items() for flag in flags}
    if len(options) < len(GROUPS):
        yield _FIRST, options
        return
    for title in (_FIRST, *GROUPS):
        those = [each for each in options if _group(each, group_of) == title]
        if those:
            yield title, tuple(those)


def _group(entry: Entry, group_of: dict[str, str]) -> str:
    return next((group_of[flag] for flag in entry.flags if flag in group_of), _FIRST)


def _examples(command: Any, path: str, below: list[Page]) -> Iterator[tuple[str, str]]:
    """Those of the module of the verb's function; a module of several verbs has them of all."""
    module = sys.modules.get(getattr(command.callback, "__module__", ""))
    for line, does in getattr(module, "EXAMPLES", ()):
        if path != PROGRAM and f"{line} ".find(f"{path} ") >= 0:
            yield line, does
    if path != PROGRAM:
        yield from (page.examples[0] for page in below if page.examples)
