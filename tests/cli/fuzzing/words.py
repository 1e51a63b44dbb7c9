"""Command lines: verbs and options as the application itself has them, with values from pools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from tests.cli.fuzzing import pools
from tests.cli.fuzzing.pools import Pool
from whalebuild.cli.app import app

#: By an option's long name, or an argument's name.
_VALUES: Mapping[str, Pool] = {
    "image": pools.IMAGES,
    "from": pools.HOST_IMAGES,
    "to": pools.IMAGES,
    "tag": pools.TAGS,
    "platform": pools.PLATFORMS,
    "set": pools.ASSIGNMENTS,
    "var": pools.ASSIGNMENTS,
    "allow": pools.ALLOWED,
    "retry-attempts": pools.NUMBERS,
    "keep": pools.NUMBERS,
    "retry-deadline": pools.SECONDS,
    "timeout": pools.SECONDS,
    "grace": pools.SECONDS,
    "format": pools.FORMATS,
    "progress": pools.PROGRESS,
    "base": pools.BASES,
    "order": pools.ORDERS,
    "builder": pools.NAMES,
    "driver": pools.DRIVERS,
    "node": pools.NODES,
    "driver-opt": pools.ASSIGNMENTS,
    "project-name": pools.NAMES,
    "profile": pools.NAMES,
    "file": pools.FILES,
    "env-file": pools.FILES,
    "metadata-file": pools.FILES,
    "part-file": pools.FILES,
    "config": pools.FILES,
    "project-directory": pools.FILES,
    "targets": pools.TARGETS,
    "services": pools.NAMES,
    "subject": pools.IMAGES,
    "parts": pools.PARTS,
    "number": pools.NUMBERS,
    "name": pools.NAMES,
}
_APPLICATION = get_command(app)
_STRANGERS = Pool(
    ("--help", "--version", "--nosuch", "-h", "--", "--format", "--format=json", "-f")
)


def command_line(random: Random, wild: float) -> list[str]:
    """The words after ``whalebuild``.

    Args:
        random: Where they come from.
        wild: How likely it is that one of them is none that is expected.
    """
    group = _APPLICATION
    words: list[str] = []
    while isinstance(group, TyperGroup):
        if random.random() < wild / 5:
            words.append(pools.TEXTS.pick(random, 0.6))
            return [*words, *_strangers(random)]
        verb = random.choice(sorted(group.commands))
        words.append(verb)
        group = group.commands[verb]
    rest = [word for part in _parameters(random, group, wild) for word in part]
    if random.random() < wild:
        rest += _strangers(random)
    if random.random() < wild / 3:
        random.shuffle(rest)
    return words + rest


def _strangers(random: Random) -> list[str]:
    return [_STRANGERS.pick(random, 0.3) for _ in range(random.randint(0, 3))]


def _parameters(random: Random, command: TyperCommand, wild: float) -> Iterator[list[str]]:
    """Some of a command's options and arguments, in any order."""
    parameters = list(command.params)
    random.shuffle(parameters)
    often = random.choice((0.05, 0.15, 0.4))
    for parameter in parameters:
        wanted = 0.8 if parameter.name == "format_" else often
        if isinstance(parameter, TyperArgument):
            needed = parameter.required and random.random() >= wild
            count = random.choice((1, 1, 2) if needed else (0, 0, 1, 2))
            pool = _VALUES.get(str(parameter.name), pools.TEXTS)
            most = count if parameter.nargs == -1 else min(count, 1)
            yield [pool.pick(random, wild) for _ in range(most)]
        elif isinstance(parameter, TyperOption) and random.random() < wanted:
            for _ in range(2 if random.random() < 0.2 else 1):
                yield _option(random, parameter, wild)


def _option(random: Random, option: TyperOption, wild: float) -> list[str]:
    flag = random.choice([*option.opts, *option.secondary_opts])
    if option.is_flag:
        return [f"{flag}=x" if random.random() < wild / 5 else flag]
    value = _VALUES.get(option.opts[0].lstrip("-"), pools.TEXTS).pick(random, wild)
    if random.random() < wild / 5:
        return [flag]  # without its value
    return [f"{flag}={value}"] if flag.startswith("--") and random.random() < 0.4 else [flag, value]
