"""Which stage most likely installs the dependencies, in Dockerfiles as people write them."""

from __future__ import annotations

import pytest

from whalebuild.dockerfile.dependencies import install_step, is_manifest
from whalebuild.dockerfile.likely import likely_dependencies
from whalebuild.dockerfile.parser import parse_dockerfile

PIP = """
FROM python:3.13-slim AS base
RUN pip install --no-cache-dir --upgrade pip setuptools wheel
FROM base AS builder
WORKDIR /app
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip \\
    python -m venv /opt/venv && \\
    # the lock
    /opt/venv/bin/pip install -r requirements.txt
FROM base AS final
COPY --from=builder /opt/venv /opt/venv
COPY . .
"""
UV = """
FROM ghcr.io/astral-sh/uv:python3.13-bookworm-slim AS build
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache/uv uv sync --frozen --no-dev
FROM python:3.13-slim
COPY --from=build /app /app
"""
POETRY = """
FROM python:3.13 AS tools
RUN pip install poetry==1.8.3 && poetry config virtualenvs.create false
FROM tools AS deps-stage
COPY pyproject.toml poetry.lock ./
RUN poetry install --only main --no-root
FROM deps-stage AS runtime
COPY src src
"""
HEREDOC = """
FROM python:3.13 AS packages
RUN <<EOF
set -e
pip install --upgrade pip
pip install -r requirements.txt
EOF
FROM packages AS app
COPY . .
"""
CODE_TOO = """
FROM python:3.13 AS builder
COPY . .
RUN pip install -r requirements.txt
FROM python:3.13-slim
COPY --from=builder /venv /venv
"""
LATER_CODE = """
FROM node:22 AS build
COPY package*.json ./
RUN npm ci
COPY src src
RUN npm run build
FROM nginx
COPY --from=build /app/dist /usr/share/nginx/html
"""
NODE_ONLY = """
FROM node:22 AS tailwind
COPY package.json package-lock.json ./
RUN npm ci
FROM python:3.13
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY --from=tailwind /app/node_modules /app/node_modules
"""
INSTALLS_ITSELF = """
FROM python:3.13 AS common
RUN pip install gunicorn
FROM common
COPY requirements.txt .
RUN pip install -r requirements.txt
"""
SOURCE_BY_PATTERN = """
FROM golang:1.23 AS build
COPY go.mod go.sum ./
RUN go mod download
COPY *.go ./
RUN go build -o /app .
FROM scratch
COPY --from=build /app /
"""
TWO_ALIKE = """
FROM python:3.13 AS api
RUN pip install -r api.txt -r requirements.txt
FROM python:3.13 AS worker
RUN pip install -r requirements-worker.txt
FROM python:3.13
COPY --from=api /venv /venv
COPY --from=worker /worker /worker
"""
TWO_LANGUAGES = """
FROM a AS js
RUN npm ci
FROM b AS gems
RUN bundle install
FROM c
COPY --from=js /x /x
COPY --from=gems /y /y
"""
ASSETS_TOO = """
FROM node:22 AS assets
COPY package.json package-lock.json ./
RUN npm ci
FROM python:3.13 AS packages
COPY requirements.txt .
RUN pip install -r requirements.txt
FROM python:3.13-slim
COPY --from=packages /venv /venv
COPY --from=assets /node_modules /node_modules
"""
BY_ITS_COMMAND = ASSETS_TOO.replace("FROM python:3.13-slim", "FROM debian").replace(
    "COPY --from=packages", 'CMD ["gunicorn", "app"]\nCOPY --from=packages'
)
FROM_A_MANIFEST = """
FROM python:3.13 AS tools
RUN pip install gunicorn
FROM python:3.13 AS locked
COPY requirements.txt .
RUN pip install -r requirements.txt
FROM python:3.13
COPY --from=tools /tools /tools
COPY --from=locked /venv /venv
"""
MOUNTED = """
FROM python:3.13 AS wheels
RUN pip wheel -r requirements.txt -w /wheels
FROM python:3.13-slim
RUN --mount=type=bind,from=wheels,target=/wheels pip install /wheels/*
COPY . .
"""
SINGLE = """
FROM python:3.13 AS app
COPY . .
RUN pip install .
"""
TESTS_LAST = """
FROM python:3.13 AS builder
RUN pip wheel -r requirements.txt -w /wheels
FROM python:3.13 AS test
RUN pip install -r requirements-dev.txt
"""
ONLY_PIP = """
FROM python:3.13 AS base
RUN python -m pip install --upgrade pip
FROM base
COPY . .
"""
ONLY_TOOLS_HEREDOC = """
FROM python:3.13 AS base
RUN <<EOF
pip install --upgrade pip
useradd app
EOF
FROM base
COPY . .
"""
QUOTED_TOOL = """
FROM python:3.13 AS base
RUN pip install "poetry==1.8.3"
FROM base
COPY . .
"""
SYSTEM = """
FROM debian AS base
RUN apt-get update && apt-get install -y python3-pip && apt-get install -y libpq5
FROM base
COPY . .
"""
UNNAMED = """
FROM python:3.13
RUN pip install -r requirements.txt
"""


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        (PIP, "builder", 7),
        (UV, "build", 4),
        (POETRY, "deps-stage", 6),
        (HEREDOC, "packages", 3),
    ],
    ids=["pip in a builder", "uv", "poetry", "heredoc"],
)
def test_the_stage_that_installs_is_found_with_its_line(text: str, name: str, line: int) -> None:
    found = likely_dependencies(parse_dockerfile(text))
    assert found is not None
    assert found.name == name
    step = install_step(found)
    assert step is not None
    assert step.line == line


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (ASSETS_TOO, "packages"),
        (BY_ITS_COMMAND, "packages"),
        (FROM_A_MANIFEST, "locked"),
        (MOUNTED, "wheels"),
        (SINGLE + "FROM app\nCOPY x.py .\n", None),
    ],
    ids=["the base image's language", "the command's", "from a manifest", "mounted", "code in it"],
)
def test_of_several_the_stage_of_the_application_is_named(text: str, name: str | None) -> None:
    found = likely_dependencies(parse_dockerfile(text))
    assert (found.name if found else None) == name


def test_the_stages_are_those_of_the_target() -> None:
    text = PIP.replace("FROM base AS final", "FROM base AS other\nFROM base AS final")
    dockerfile = parse_dockerfile(text)
    found = likely_dependencies(dockerfile, "final")
    assert found is not None
    assert found.name == "builder"
    assert likely_dependencies(dockerfile, "other") is None
    assert likely_dependencies(dockerfile, "nowhere") is None


CROSSING = """
FROM python:3.13 AS base
FROM --platform=$BUILDPLATFORM python:3.13 AS installer
RUN pip --python /opt/venv/bin/python install -r requirements.txt
FROM base AS other
COPY --from=installers / /
FROM base AS packages
COPY --link --from=Installer /out/ /
FROM packages AS final
COPY --from=installer /out/x /x
"""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (CROSSING, "packages"),
        (CROSSING.replace("$BUILDPLATFORM", "${BUILDPLATFORM}"), "packages"),
        (CROSSING.replace("--platform=$BUILDPLATFORM ", ""), "installer"),
        (CROSSING.replace("--from=Installer", "--from=base"), "installer"),
    ],
    ids=["its taker", "in braces", "on the target platform", "only the last stage takes it"],
)
def test_what_runs_on_the_build_platform_is_not_the_stage_but_what_takes_it(
    text: str, name: str
) -> None:
    found = likely_dependencies(parse_dockerfile(text))
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "text",
    [
        *(ONLY_PIP, ONLY_TOOLS_HEREDOC, QUOTED_TOOL, SYSTEM, UNNAMED, "FROM scratch AS empty", ""),
        *(
            SINGLE,
            INSTALLS_ITSELF,
            SOURCE_BY_PATTERN,
            TESTS_LAST,
            CODE_TOO,
            LATER_CODE,
            NODE_ONLY,
            TWO_ALIKE,
            TWO_LANGUAGES,
        ),
    ],
    ids=[
        *("upgrades pip", "heredoc", "quoted tool", "system", "unnamed", "nothing", "empty file"),
        *(
            "one stage",
            "tools alone",
            "source by a pattern",
            "not in use",
            "code before it",
            "code after it",
            "of another language",
        ),
        *("two of them", "two languages"),
    ],
)
def test_no_stage_is_named_where_none_installs_dependencies(text: str) -> None:
    assert likely_dependencies(parse_dockerfile(text)) is None


@pytest.mark.parametrize(
    "command",
    [
        "pip install -r requirements.txt",
        "pip3 --no-cache-dir install flask",
        "uv pip install --system -r requirements.txt",
        "uv sync --locked",
        "pdm install --prod",
        "pipenv sync",
        "conda env create -f environment.yml",
        "npm ci",
        "bundle install",
        "go mod download",
        "pip install --upgrade pip && pip install -r requirements.txt",
        "pip install uv && uv sync",
    ],
)
def test_this_command_installs_dependencies(command: str) -> None:
    (stage,) = parse_dockerfile(f"FROM a AS x\nRUN {command}").stages
    assert install_step(stage) is not None


@pytest.mark.parametrize(
    "command",
    [
        "apt-get install -y gcc",
        "apk add --no-cache python3",
        "pip install --no-cache-dir -U pip setuptools wheel",
        "pip install uv==0.5.1",
        "pipx install poetry",
        "echo pip",
        "uv venv",
    ],
)
def test_this_command_does_not(command: str) -> None:
    (stage,) = parse_dockerfile(f"FROM a AS x\nRUN {command}").stages
    assert install_step(stage) is None


MANIFESTS = "requirements.txt requirements-dev.in a/b/dev_requirements.txt requirements/prod.txt "
MANIFESTS += "pyproject.toml uv.lock x/poetry.lock setup.py Pipfile.lock go.sum package-lock.json "
MANIFESTS += "environment.yml constraints-3.txt .python-version Cargo.lock pylock.dev.toml"
CODE = "app.py requirements.py src/requirements/x.py lock uv.lock.bak package.py README.md txt"


@pytest.mark.parametrize(
    ("path", "expected"),
    [*((path, True) for path in MANIFESTS.split()), *((path, False) for path in CODE.split())],
)
def test_manifests_are_told_from_code(path: str, *, expected: bool) -> None:
    assert is_manifest(path) is expected
