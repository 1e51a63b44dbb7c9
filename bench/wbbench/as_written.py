"""Dockerfiles as people write them: no stage `dependencies`, no `--link`, one target.

For the hand-tuned floor each is written anew, with a stage `dependencies` up to where the code
comes, and with `--link` after it.
"""

from __future__ import annotations

from pathlib import Path

#: Whatever runs in the place of Django's own: it collects the files of `app` below `static`.
_MANAGE = """\
import shutil
import sys

if sys.argv[1:] == ["collectstatic", "--noinput"]:
    shutil.copytree("app", "static")
"""
_IGNORED = "Dockerfile*\nContainerfile\ndocker-bake.hcl\ncompose.yaml\n"
_BAKE_FILE = """\
variable "IMAGE" {}
variable "PYTHON_IMAGE" {}
variable "CA_BUNDLE" { default = "" }
target "_common" {
  args   = { PYTHON_IMAGE = PYTHON_IMAGE }
  secret = CA_BUNDLE == "" ? [] : ["type=file,id=ca,src=${CA_BUNDLE}"]
}
target "app" {
  inherits = ["_common"]
  tags     = ["${IMAGE}:latest"]
}
group "default" { targets = ["app"] }
"""
_FIRST = "ARG PYTHON_IMAGE=python:3.13-slim\n"
_ENV = "ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1\n"
_INSTALL = """\
COPY requirements.txt ./
RUN --mount=type=secret,id=ca,target=/run/secrets/ca \\
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \\
    {pip} install --no-cache-dir -r requirements.txt
"""
_BUILDER = f"""\
FROM ${{PYTHON_IMAGE}} AS builder
WORKDIR /build
RUN python -m venv /opt/venv
{_INSTALL.format(pip="/opt/venv/bin/pip")}
"""
_ONE = f"{_ENV}WORKDIR /srv\n{_INSTALL.format(pip='pip')}"
_TWO = (
    f"{_ENV}ENV PATH=/opt/venv/bin:$PATH\nWORKDIR /srv\nCOPY --from=builder /opt/venv /opt/venv\n"
)
_CODE = "COPY {link}. .\n"
_COLLECT = "RUN python manage.py collectstatic --noinput\n"
_START = """\
ENV PYTHONPATH=/srv
USER 10001
EXPOSE 8000
CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "8000"]
"""
#: What stands before the last stage, the last stage up to the code, and what comes after the code.
_PARTS = {
    "one-stage": ("", _ONE, _START),
    "copy-plain": (_BUILDER, _TWO, _START),
    "django": (_BUILDER, _TWO, f"{_COLLECT}{_START}"),
}
AS_WRITTEN = tuple(_PARTS)
#: The Dockerfile of the floor.
TUNED = "Dockerfile.tuned"


def write(folder: Path, shape: str) -> None:
    """Write the Dockerfile of a shape, that of the floor, and a bake file with one target."""
    before, base, after = _PARTS[shape]
    plain = f"FROM ${{PYTHON_IMAGE}}\n{base}{_CODE.format(link='')}{after}"
    stages = f"FROM ${{PYTHON_IMAGE}} AS dependencies\n{base}\nFROM dependencies AS final\n"
    tuned = f"{stages}{_CODE.format(link='--link ')}{after}"
    (folder / "Dockerfile").write_text(f"{_FIRST}{before}{plain}")
    (folder / TUNED).write_text(f"{_FIRST}{before}{tuned}")
    (folder / "docker-bake.hcl").write_text(_BAKE_FILE)
    (folder / ".dockerignore").write_text(_IGNORED)
    if shape == "django":
        (folder / "manage.py").write_text(_MANAGE)
