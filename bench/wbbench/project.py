"""What is built: copies of the example, in both shapes of Dockerfile, and small services."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wbbench import as_written
from wbbench.as_written import AS_WRITTEN
from wbbench.errors import BenchError
from wbbench.sandbox import ROOT

EXAMPLE = ROOT / "examples/production-control"
#: The final stage stands on the dependencies, or takes them from there onto the base.
SHAPES = ("from", "copy")
#: The packages are installed where they will be: each build gives another layer, as with most
#: Dockerfiles; the example's own gives the same one again. For the scenario "deploy" alone.
PLAIN = "plain"
ALL_SHAPES = (*SHAPES, PLAIN, *AS_WRITTEN)
#: Small, pure Python, no dependencies: one is added for each "one dependency added".
ADDITIONS = (
    "itsdangerous==2.2.0",
    "blinker==1.9.0",
    "humanize==4.12.3",
    "toolz==1.0.0",
    "iniconfig==2.1.0",
    "pluggy==1.6.0",
    "sortedcontainers==2.4.0",
    "packaging==25.0",
)
_FINAL = "FROM dependencies AS final\n"
_COPYING = "FROM base AS final\nCOPY --link --from=dependencies /opt/venv /opt/venv\n"
#: Between these the example installs its packages.
_INSTALLER = "# On the platform that builds"
_ON_TOP = "# On top of the dependencies"
_PLAIN = """\
FROM base AS dependencies
COPY requirements.txt /tmp/
RUN --mount=type=secret,id=ca,target=/run/secrets/ca \\
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \\
    pip install --no-cache-dir -r /tmp/requirements.txt

"""
BAKE_FILE = "docker-bake.hcl"
MEGA = 1_000_000
_RELEASE = re.compile(r'^RELEASE = "(.*)"$', re.MULTILINE)

SERVICE_DOCKERFILE = """\
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/opt/deps
WORKDIR /srv

FROM base AS dependencies
COPY requirements.txt /tmp/requirements.txt
# In place of packages: forty times `pip install` would measure the package index.
RUN mkdir /opt/deps && python3 -c "import random; \\
    random.seed(open('/tmp/requirements.txt').read()); \\
    open('/opt/deps/packages.bin', 'wb').write(random.randbytes(1000000))"

FROM dependencies AS final
COPY --link app/ /srv/app/
USER 10001
CMD ["python", "-m", "app"]
"""
#: Of bake files with hundreds of services: no step runs.
SCALE_DOCKERFILE = """\
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS dependencies
COPY requirements.txt /opt/deps/

FROM dependencies AS final
COPY --link app/ /srv/app/
"""
#: Random, so that nothing compresses.
LARGE_DOCKERFILE = """\
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${{PYTHON_IMAGE}} AS dependencies
ENV PYTHONDONTWRITEBYTECODE=1
COPY requirements.txt /tmp/requirements.txt
RUN mkdir /opt/deps && python3 -c "import random; \\
    random.seed(open('/tmp/requirements.txt').read()); \\
    [open(f'/opt/deps/{{number}}.bin', 'wb').write(random.randbytes(1000000)) \\
    for number in range({megabytes})]"

FROM dependencies AS final
COPY --link app/ /srv/app/
CMD ["python", "-m", "app"]
"""
SERVICES_HEAD = """\
variable "IMAGE" {}
variable "PYTHON_IMAGE" {}
target "_common" {
  args = { PYTHON_IMAGE = PYTHON_IMAGE }
}
"""
SERVICE_TARGETS = """\
target "{name}-deps" {{
  inherits = ["_common"]
  context  = "{name}"
  target   = "dependencies"
  tags     = ["${{IMAGE}}/{name}:deps"]
}}
target "{name}" {{
  inherits = ["_common"]
  context  = "{name}"
  target   = "final"
  tags     = ["${{IMAGE}}/{name}:latest"]
}}
"""


@dataclass(frozen=True)
class Service:
    """One application of a project: its targets, where it is, and its part of the name.

    Without a target for its dependencies (empty) it has one image.
    """

    deps: str
    app: str
    context: Path
    suffix: str = ""

    @property
    def code(self) -> Path:
        """The file that changes when the code does."""
        return self.context / "app/__init__.py"

    @property
    def release(self) -> str:
        """What the code says that it is."""
        return _RELEASE.search(self.code.read_text())[1]

    def change_code(self, release: str) -> None:
        """Change the code, and only the code."""
        self.code.write_text(_RELEASE.sub(f'RELEASE = "{release}"', self.code.read_text()))

    def add_dependency(self) -> str:
        """Add the next small package to the requirements."""
        file = self.context / "requirements.txt"
        present = file.read_text()
        new = next((line for line in ADDITIONS if line not in present), None)
        if not new:
            raise BenchError("no more packages to add: more in bench/wbbench/project.py")
        file.write_text(f"{present.rstrip()}\n{new}\n")
        return new


@dataclass(frozen=True)
class Project:
    """A folder with a bake file."""

    folder: Path
    shape: str
    services: tuple[Service, ...]


def example(folder: Path, shape: str, *, link: bool) -> Project:
    """Copy the example and give its Dockerfile that shape."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    if shape in AS_WRITTEN:
        as_written.write(folder, shape)
        return Project(folder, shape, (Service("", "app", folder),))
    _shape(folder / "Dockerfile", shape, link=link)
    return Project(folder, shape, (Service("deps", "app", folder),))


def many(folder: Path, count: int, dockerfile: str = SERVICE_DOCKERFILE) -> Project:
    """Write a bake file with that many small services, each with requirements of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    names = [f"svc{number:02}" for number in range(1, count + 1)]
    for name in names:
        _service(folder / name, dockerfile)
    (folder / BAKE_FILE).write_text(bake_file(names))
    services = [Service(f"{name}-deps", name, folder / name, f"/{name}") for name in names]
    return Project(folder, "from", tuple(services))


def large(folder: Path, dependencies: int, code: int) -> Project:
    """Write one service with that many megabytes of dependencies and of code."""
    shutil.rmtree(folder, ignore_errors=True)
    _service(folder / "large", LARGE_DOCKERFILE.format(megabytes=dependencies))
    (folder / BAKE_FILE).write_text(bake_file(["large"]))
    service = Service("large-deps", "large", folder / "large", "/large")
    (service.context / "app/data").mkdir()
    for number in range(code):
        (service.context / f"app/data/{number}.bin").touch()
    return Project(folder, "from", (service,))


def change_all_code(service: Service) -> None:
    """Give all files of a large service's code new bytes."""
    for file in (service.context / "app/data").iterdir():
        file.write_bytes(os.urandom(MEGA))


def bake_file(names: Sequence[str]) -> str:
    """Both targets of each of these services."""
    group = ", ".join(f'"{name}-deps", "{name}"' for name in names)
    targets = "".join(SERVICE_TARGETS.format(name=name) for name in names)
    return f'{SERVICES_HEAD}group "default" {{\n  targets = [{group}]\n}}\n{targets}'


def _service(folder: Path, dockerfile: str) -> None:
    app = folder / "app"
    app.mkdir(parents=True)
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / "requirements.txt").write_text(f"{folder.name}-packages==1\n")
    (app / "__init__.py").write_text(f'"""The service {folder.name}."""\n\nRELEASE = "1"\n')
    (app / "__main__.py").write_text("from app import RELEASE\n\nprint(RELEASE)\n")


def without_link(dockerfile: str) -> str:
    """The same Dockerfile without `--link`."""
    return dockerfile.replace("COPY --link ", "COPY ")


def _shape(file: Path, shape: str, *, link: bool) -> None:
    text = file.read_text()
    if _FINAL not in text or "COPY --link app/" not in text:
        raise BenchError(f"{file.name} of the example changed: teach bench/wbbench/project.py")
    if shape == PLAIN:
        head, rest = text.partition(_INSTALLER)[0], text.partition(_ON_TOP)[2]
        if not rest or head == text:
            raise BenchError(f"{file.name} of the example changed: teach bench/wbbench/project.py")
        text = f"{head}{_PLAIN}{_ON_TOP}{rest}"
    if shape == "copy":
        text = text.replace(_FINAL, _COPYING)
    file.write_text(text if link else without_link(text))
