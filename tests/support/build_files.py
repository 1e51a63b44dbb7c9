"""Projects that tell where BuildKit finds Dockerfiles and ignore files: links, folders, cases.

The unit tests read them, the engine tests have them built.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Files = dict[str, str]


def lay(root: Path, files: Files, write: Callable[[str, str], str] | None = None) -> None:
    """Make files; ``-> x`` is a link to x, a name that ends with a slash is a folder.

    ``write`` makes a file's text of its name and of what is said of it.
    """
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif content.startswith("-> "):
            path.symlink_to(content.removeprefix("-> ").format(root=root))
        else:
            path.write_text(write(name, content) if write else content)


# Files, context, Dockerfile; and which of the files is read: that which says yes, or none.
DOCKERFILES: dict[str, tuple[Files, str, str, str | None]] = {
    "lower case": ({"ctx/dockerfile": "yes"}, "ctx", "Dockerfile", "yes"),
    "both": ({"ctx/dockerfile": "no", "ctx/Dockerfile": "yes"}, "ctx", "Dockerfile", "yes"),
    "lower case in a folder": ({"ctx/d/dockerfile": "yes"}, "ctx", "d/Dockerfile", "yes"),
    "another name": ({"ctx/dockerfile": "no"}, "ctx", "web", None),
    "lower case beside a link to nowhere": (
        {"ctx/dockerfile": "yes", "ctx/Dockerfile": "-> nowhere"},
        "ctx",
        "Dockerfile",
        "yes",
    ),
    "lower case beside a folder": (
        {"ctx/dockerfile": "yes", "ctx/Dockerfile/": ""},
        "ctx",
        "Dockerfile",
        "yes",
    ),
    "a link out of the context": (
        {"D": "no", "ctx/Dockerfile": "-> ../D"},
        "ctx",
        "Dockerfile",
        None,
    ),
    "an absolute link": ({"D": "no", "ctx/Dockerfile": "-> {root}/D"}, "ctx", "Dockerfile", None),
    "an absolute link is from the context": (
        {"ctx/sub/D": "yes", "ctx/Dockerfile": "-> /sub/D"},
        "ctx",
        "Dockerfile",
        "yes",
    ),
    "a link out, and such a file inside": (
        {"D": "no", "ctx/D": "yes", "ctx/Dockerfile": "-> ../D"},
        "ctx",
        "Dockerfile",
        "yes",
    ),
    "a chain": (
        {"ctx/D": "yes", "ctx/E": "-> D", "ctx/Dockerfile": "-> E"},
        "ctx",
        "Dockerfile",
        "yes",
    ),
    "a chain that leads out": (
        {"D": "no", "ctx/E": "-> ../D2", "ctx/Dockerfile": "-> E"},
        "ctx",
        "Dockerfile",
        None,
    ),
    "a circle": ({"ctx/Dockerfile": "-> Dockerfile"}, "ctx", "Dockerfile", None),
    "a link out of its folder, in the context": (
        {"ctx/D": "no", "ctx/docker/Dockerfile": "-> ../D"},
        "ctx",
        "docker/Dockerfile",
        None,
    ),
    "a folder that is a link": (
        {"el/Dockerfile": "yes", "ctx/docker": "-> ../el"},
        "ctx",
        "docker/Dockerfile",
        "yes",
    ),
    "a link in a link's folder": (
        {"el/D": "yes", "el/Dockerfile": "-> D", "ctx/docker": "-> ../el"},
        "ctx",
        "docker/Dockerfile",
        "yes",
    ),
    "above a context that is a link": (
        {"Dockerfile": "yes", "el/Dockerfile": "no", "el/ctx/": "", "link": "-> el/ctx"},
        "link",
        "../Dockerfile",
        "yes",
    ),
    "above the context": (
        {"Dockerfile": "yes", "ctx/Dockerfile": "no"},
        "ctx",
        "../Dockerfile",
        "yes",
    ),
    "here": ({"D": "yes", "ctx/D": "no"}, "ctx", "cwd://D", "yes"),
    "a name that is a pattern": ({"ctx/D*": "yes"}, "ctx", "D*", "yes"),
    "a pattern that does not match itself": ({"ctx/D[1]": "no"}, "ctx", "D[1]", None),
    "a name that negates": ({"ctx/!D": "no"}, "ctx", "!D", None),
    "a folder": ({"ctx/Dockerfile/": ""}, "ctx", "Dockerfile", None),
    "none": ({"ctx/": ""}, "ctx", "Dockerfile", None),
    "no folder": ({"ctx/": ""}, "ctx", "docker/Dockerfile", None),
}
# Files beside a folder ``ctx``, the Dockerfile's path, and what the ignore file says.
IGNORED: dict[str, tuple[Files, str, str]] = {
    "none": ({}, "Dockerfile", ""),
    "of the context": ({"ctx/.dockerignore": "yes"}, "Dockerfile", "yes"),
    "a link out of the context": (
        {"ig": "no", "ctx/.dockerignore": "-> ../ig"},
        "Dockerfile",
        "",
    ),
    "a link to nowhere": ({"ctx/.dockerignore": "-> nowhere"}, "Dockerfile", ""),
    "a link": ({"ctx/ig": "yes", "ctx/.dockerignore": "-> ig"}, "Dockerfile", "yes"),
    "an absolute link is from the context": (
        {"ctx/ig": "yes", "ctx/.dockerignore": "-> /ig"},
        "Dockerfile",
        "yes",
    ),
    "a link to a name that is no pattern for itself": (
        {"ctx/ig[1]": "no", "ctx/.dockerignore": "-> ig[1]"},
        "Dockerfile",
        "",
    ),
    "a folder": ({"ctx/.dockerignore/": ""}, "Dockerfile", ""),
    "a circle": ({"ctx/.dockerignore": "-> .dockerignore"}, "Dockerfile", ""),
    "beside the Dockerfile": (
        {"ctx/.dockerignore": "no", "ctx/Dockerfile.dockerignore": "yes"},
        "Dockerfile",
        "yes",
    ),
    "empty beside the Dockerfile": (
        {"ctx/.dockerignore": "no", "ctx/Dockerfile.dockerignore": ""},
        "Dockerfile",
        "",
    ),
    "a link out beside the Dockerfile": (
        {
            "ig": "no",
            "ctx/.dockerignore": "yes",
            "ctx/Dockerfile.dockerignore": "-> ../ig",
        },
        "Dockerfile",
        "yes",
    ),
    "in lower case": (
        {
            "ctx/dockerfile": "",
            "ctx/dockerfile.dockerignore": "yes",
            "ctx/Dockerfile.dockerignore": "no",
        },
        "Dockerfile",
        "yes",
    ),
    "in lower case, that BuildKit falls back to": (
        {
            "ctx/dockerfile": "",
            "ctx/Dockerfile": "-> nowhere",
            "ctx/dockerfile.dockerignore": "no",
            "ctx/Dockerfile.dockerignore": "yes",
        },
        "Dockerfile",
        "yes",
    ),
    "beside a Dockerfile above the context": (
        {"Dockerfile.dockerignore": "yes", "ctx/.dockerignore": "no"},
        "../Dockerfile",
        "yes",
    ),
    "beside a Dockerfile in a link's folder": (
        {"el/web.dockerignore": "yes", "ctx/docker": "-> ../el", "ctx/.dockerignore": "no"},
        "docker/web",
        "yes",
    ),
    "a .dockerignore beside the Dockerfile is none": (
        {".dockerignore": "no"},
        "../Dockerfile",
        "",
    ),
}
