"""The files that ``init`` would write into a project, and what it found there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from whalebuild.errors import UsageError
from whalebuild.scaffold.existing import OWN_SETTINGS, Existing, find_existing, refuse_unnamed
from whalebuild.scaffold.fill import fill
from whalebuild.scaffold.image_name import guess_image
from whalebuild.scaffold.node_tools import node_recipe
from whalebuild.scaffold.project import Guess, Project, Recipe
from whalebuild.scaffold.python_tools import python_recipe
from whalebuild.values import dataclass

_DOCKERFILE, _IGNORE, _COMPOSE = "Dockerfile", ".dockerignore", "compose.yaml"

#: The text of a template by its name.
Templates = Callable[[str], str]


@dataclass(frozen=True)
class NewFile:
    """A file to be written, which is not there yet."""

    path: str
    text: str


@dataclass(frozen=True)
class ToAdd:
    """Text for a file of the user's, which is not changed here."""

    path: str
    text: str


@dataclass(frozen=True)
class Proposal:
    """What ``init`` found and would do.

    Attributes:
        guesses: What was found, and from what.
        files: What it would write.
        kept: Files that are there, and stay as they are.
        to_add: What the user may add to files of theirs.
        notes: What to know.
        builds: Whether the project had a Dockerfile, which a plan may tell more about.
        image: The image's name, where it is not for the bake file to say.
    """

    guesses: tuple[Guess, ...]
    files: tuple[NewFile, ...] = ()
    kept: tuple[str, ...] = ()
    to_add: tuple[ToAdd, ...] = ()
    notes: tuple[str, ...] = ()
    builds: bool = False
    image: str | None = None


def propose(project: Project, templates: Templates, image: Guess | None) -> Proposal:
    """Decide what to write.

    Args:
        project: The project.
        templates: Reads a template.
        image: The image's name, where the user has given one.

    Raises:
        UsageError: A file is not well formed, or nothing here is served.
    """
    existing = find_existing(project)
    unused = _unused(existing, image)
    if existing.image:
        image = Guess("image", existing.image, f"{existing.settings} has it")
    image = image or guess_image(project.name, project.text(".git/config"))
    if existing.is_built:
        found = _settings_alone(existing, templates, image)
        return replace(found, notes=unused)
    refuse_unnamed(existing)
    recipe = python_recipe(project) or node_recipe(project)
    if recipe is None:
        raise _nothing_known(project)
    found = _all(project, existing, templates, recipe, image)
    return replace(found, notes=(*unused, *found.notes))


def _unused(existing: Existing, given: Guess | None) -> tuple[str, ...]:
    """That a name was given, where another one holds."""
    if given is None or given.value == existing.image:
        return ()
    if existing.image:
        return (f"{given.value} is not used: {existing.settings} has image = {existing.image}",)
    if existing.is_built and existing.names_image:
        files = (*existing.bake, *([existing.compose] if existing.compose else []))
        return (f"{given.value} is not used: {', '.join(files)} names the images",)
    return ()


def _settings_alone(existing: Existing, templates: Templates, image: Guess) -> Proposal:
    """For a project with a Dockerfile: the image's name, unless a bake file says it."""
    dockerfile = existing.dockerfile or ", ".join(existing.others) or "the bake file's own"
    guesses = [Guess("Dockerfile", dockerfile, "it is there, and stays as it is")]
    by_compose = (existing.compose,) if existing.compose and existing.compose_builds else ()
    if files := (*existing.bake, *by_compose):
        names = "names the images" if existing.names_image else "says what is built"
        guesses.append(Guess("bake file", ", ".join(files), f"it {names}"))
        if existing.names_image:
            return Proposal(tuple(guesses), builds=True)
    guesses.append(image)
    files_, to_add = _settings(existing, templates, image)
    return Proposal(tuple(guesses), files_, (), to_add, builds=True, image=image.value)


def _settings(
    existing: Existing, templates: Templates, image: Guess
) -> tuple[tuple[NewFile, ...], tuple[ToAdd, ...]]:
    if existing.image:
        return (), ()
    text = fill(templates(OWN_SETTINGS), {"image": image.value})
    if existing.settings is None:
        return (NewFile(OWN_SETTINGS, text),), ()
    line = f'image = "{image.value}"\n'
    head = "" if existing.settings == OWN_SETTINGS else "[tool.whalebuild]\n"
    return (), (ToAdd(existing.settings, f"{head}{line}"),)


def _all(
    project: Project, existing: Existing, templates: Templates, recipe: Recipe, image: Guess
) -> Proposal:
    """For a project without one: Dockerfile, ignore file, and where it is published and run."""
    files = [NewFile(_DOCKERFILE, fill(templates(recipe.template), recipe.values))]
    kept: list[str] = []
    ignore = NewFile(_IGNORE, templates("dockerignore"))
    if project.has(_IGNORE):
        kept += [_IGNORE] if project.text(_IGNORE) != ignore.text else []
    else:
        files.append(ignore)
    port = recipe.start.port
    values = {
        "name": "web" if port else "app",
        "image": image.value,
        "ports": f'ports:\n  - "{port}:{port}"' if port else "",
    }
    service = fill(templates("service.yaml"), values)
    to_add: tuple[ToAdd, ...] = ()
    if existing.compose is None:
        text = fill(templates(_COMPOSE), {"service": service.rstrip()})
        files.append(NewFile(_COMPOSE, text))
    else:
        kept.append(existing.compose)
        to_add = (ToAdd(existing.compose, service),)
    if existing.compose and not existing.compose_builds:
        settings, more = _settings(existing, templates, image)
        files += settings
        to_add += more
    return Proposal(
        (*recipe.guesses, image),
        tuple(files),
        tuple(kept),
        to_add,
        recipe.notes,
        image=image.value,
    )


def _nothing_known(project: Project) -> UsageError:
    setup = next((name for name in ("setup.py", "setup.cfg") if project.has(name)), None)
    alone = next(project.code(".py"), None)
    seen = "there is no requirements.txt, pyproject.toml with dependencies, Pipfile or package.json"
    if setup:
        seen = f"{setup} says what it needs only when it is run"
    return UsageError(
        "init does not know how this project is built",
        cause=f"{seen}; it writes Dockerfiles for Python (pip, uv, Poetry, PDM, Pipenv, "
        "pyproject.toml) and Node (npm, pnpm, yarn)",
        next_step=(
            f"if {alone} needs no packages, an empty requirements.txt is enough: write one, and "
            "run whalebuild init again; or "
            if alone and not setup
            else ""
        )
        + "write a Dockerfile in any language: whalebuild bakes it as it is, and init then looks "
        "at what could be faster in it",
    )
