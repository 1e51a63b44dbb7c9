"""Every verb: where it is, and what it does in a line. That is all that ``--help`` needs of them.

A verb's module is imported when the verb is called; the lines are its own first lines
(``tests/cli/test_verbs.py``).
"""

from __future__ import annotations

from whalebuild.cli.pages import PROGRAM, Entry, Page

ABOUT = (
    "Publish a service image as two tags, :deps and :latest, so that a code change moves only code."
)
VERSION, DEBUG = "Show the version.", "Show where errors come from."
HELP_FLAGS = ("--help", "-h")

#: By name: the module, what it is called there, what it does.
VERBS: dict[str, tuple[str, str, str]] = {
    "init": (
        "whalebuild.cli.init",
        "init",
        "Set a project up: a Dockerfile where it has none, or what could be faster in its own.",
    ),
    "bake": (
        "whalebuild.cli.bake",
        "bake",
        "Build the dependencies and the application, and publish both tags.",
    ),
    "merge": (
        "whalebuild.cli.merge",
        "merge",
        "Publish both tags from what `bake --partial` has built on several machines.",
    ),
    "plan": (
        "whalebuild.cli.plan",
        "plan",
        "Show what a bake would do and why, and run nothing.",
    ),
    "doctor": (
        "whalebuild.cli.doctor",
        "doctor",
        "Look for what is wrong here, and name the command that mends it.",
    ),
    "inspect": (
        "whalebuild.cli.inspect",
        "inspect",
        "Show what is published: images, lock, caches, and what :latest shares with :deps.",
    ),
    "diff": (
        "whalebuild.cli.diff",
        "diff",
        "Show which layers and how many bytes a host downloads when it pulls; nothing is pulled.",
    ),
    "override": (
        "whalebuild.cli.override",
        "override",
        "Write a compose override, so that `docker compose build` starts from what is published.",
    ),
    "deploy": (
        "whalebuild.cli.deploy",
        "deploy",
        "Run what is published now: pull it, start it by digest, and go back if it does not work.",
    ),
    "rollback": (
        "whalebuild.cli.rollback",
        "rollback",
        "Run what ran before, by digest; N is a number of `whalebuild history`.",
    ),
    "history": (
        "whalebuild.cli.history",
        "history",
        "Show what was deployed when, and what came of it.",
    ),
    "prune": (
        "whalebuild.cli.prune",
        "prune",
        "Remove images of old deployments that neither run nor are needed to go back.",
    ),
    "ci": (
        "whalebuild.cli.ci",
        "ci",
        "Print a workflow that bakes on every push, and reads only for forks.",
    ),
    "completion": (
        "whalebuild.cli.completion.verb",
        "completion",
        "Print a script that completes verbs, flags, targets, builders and platforms in a shell.",
    ),
    "builder": (
        "whalebuild.cli.builder",
        "app",
        "Builders: what there is, which node builds which platform, and new ones.",
    ),
    "plugin": (
        "whalebuild.cli.plugin",
        "app",
        "Have docker know whalebuild as `docker whale`.",
    ),
}


def front_page(path: str = PROGRAM) -> Page:
    """What ``--help`` shows of the command line as a whole; it is made without its commands.

    Args:
        path: How it is called.
    """
    commands = [
        Page(f"{path} {name}", "", (about,), (), (), (), ())
        for name, (_, _, about) in VERBS.items()
    ]
    options = (
        Entry(("--version",), (), None, VERSION, None),
        Entry(("--debug", "-D"), (), None, DEBUG, None),
        Entry(HELP_FLAGS, (), None, "Show this message and exit.", None),
    )
    return Page(path, "VERB [OPTIONS]", (ABOUT,), tuple(commands), (), (("Options", options),), ())
