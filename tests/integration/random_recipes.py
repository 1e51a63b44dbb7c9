"""Dockerfiles for random bake files: tiny, from scratch, with nothing to run."""

from __future__ import annotations

from dataclasses import dataclass

_ASSETS = "FROM scratch AS assets\nCOPY requirements.txt /default/\n"
_DEPENDENCIES = """\
FROM scratch AS base
FROM base AS {name}
ARG FLAVOUR=plain
COPY requirements.txt /deps/
ENV FLAVOUR=$FLAVOUR
"""
_FINAL = """\
FROM {base} AS final
ARG WHO
COPY {link}src/ /srv/
COPY --from=assets / /assets/
ENV WHO=$WHO
CMD ["/srv/app.txt"]
"""
_TEST = "FROM final AS test\nCOPY requirements.txt /tests/\n"
_FILES = "FROM scratch AS files\nCOPY --from=final /srv/ /\n"
_TOOL = 'FROM scratch AS build\nARG WHO\nCOPY src/ /tool/\nLABEL who="$WHO"\nFROM build\n'
#: What each construct makes of a Dockerfile.
RECIPES = {
    "three stages": _ASSETS
    + _DEPENDENCIES.format(name="dependencies")
    + _FINAL.format(base="dependencies", link=""),
    "a copy of the dependencies": _ASSETS
    + _DEPENDENCIES.format(name="dependencies")
    + _FINAL.format(base="scratch", link="--link ")
    + "COPY --link --from=dependencies /deps /deps\n",
    "further stages": _ASSETS
    + _DEPENDENCIES.format(name="dependencies")
    + _FINAL.format(base="dependencies", link="--link ")
    + _TEST
    + _FILES,
    "a test stage before the last": _ASSETS
    + _DEPENDENCIES.format(name="Dependencies")
    + _FINAL.format(base="dependencies", link="")
    + _TEST
    + "FROM final\nLABEL last=yes\n",
    "an argument that is handed down": _ASSETS
    + _DEPENDENCIES.format(name="dependencies").replace("AS base\n", "AS base\nARG WHO=nobody\n")
    + _FINAL.format(base="dependencies", link=""),
    "dependencies by another name": _ASSETS
    + _DEPENDENCIES.format(name="packages")
    + _FINAL.format(base="packages", link=""),
    "no dependencies stage": _TOOL,
    "warnings": _TOOL.replace("AS build", "as build"),
    "a file that is missing": f"{_TOOL}COPY missing.txt /\n",
    "no such instruction": f"{_TOOL}COPPY src/ /\n",
}
#: Those that make an application of a target.
APPLICATIONS = tuple(name for name, text in RECIPES.items() if " final" in text)
#: Those that a build fails with.
BROKEN = ("a file that is missing", "no such instruction")


@dataclass(frozen=True, eq=False)
class Place:
    """Where a Dockerfile is, and what a target has to say about it.

    Attributes:
        attributes: The target's; nothing where it is what bake takes by itself.
    """

    construct: str
    folder: str
    file: str
    attributes: dict[str, str]

    @property
    def path(self) -> str:
        """The file, from the folder of the bake file."""
        return f"{self.folder}/{self.file}" if self.folder else self.file


PLACES = (
    Place("Dockerfile", "", "Dockerfile", {}),
    Place("dockerfile in lower case", "lower", "dockerfile", {"context": "lower"}),
    Place(
        "dockerfile of another name",
        "",
        "docker/web.Dockerfile",
        {"dockerfile": "docker/web.Dockerfile"},
    ),
    Place("context is a folder", "svc", "Dockerfile", {"context": "svc"}),
    Place("context is the parent", "../beside", "Dockerfile", {"context": "../beside"}),
)
