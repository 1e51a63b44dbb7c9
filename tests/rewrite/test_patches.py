"""Patches that a plan offers: each is applied, and the result is cut again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.appbase.cases import CASES, Case
from tests.appbase.cutting import FOLDER
from tests.rewrite.patching import analysed, applied, patch_of, written
from whalebuild.appbase.limits import why_whole
from whalebuild.appbase.values import Boundary
from whalebuild.bakefile.tail import Patch

CODE = {"main.py": "1\n", "src/a.py": "2\n", "bin/run.sh": "x\n", "bin/stop.sh": "y\n"}
FILES = {
    **CODE,
    **dict.fromkeys(("uv.lock", "poetry.lock", "package-lock.json", "Gemfile.lock"), "1\n"),
    "composer.lock": "{}\n",
    "entrypoint.sh": "#!/bin/sh\n",
    "+tool.sh": "#!/bin/sh\n",
    "requirements.txt": "flask==3\n",
    "requirements/prod.txt": "gunicorn==1\n",
    "pyproject.toml": '[project]\nname = "x"\n',
    "package.json": '{"scripts": {"build": "vite"}}\n',
    "Gemfile": "source 'https://rubygems.org'\n",
    "composer.json": '{"require": {"php": "8"}}\n',
    "unsafe.txt": "-e .\n",
    "nested.txt": "-r requirements.txt\n",
}

SHORT = {
    "pip": (
        "FROM python\nWORKDIR /app\nCOPY . .\nRUN pip install --no-cache-dir -r requirements.txt\n",
        (
            "FROM python\nWORKDIR /app\nCOPY requirements.txt ./\n"
            "RUN pip install --no-cache-dir -r requirements.txt\nCOPY . .\n"
        ),
    ),
    "pip of a folder": (
        (
            "FROM python\nCOPY . /srv/\nWORKDIR /srv\nENV A=1\n"
            "RUN pip install -r requirements.txt \\\n    -r requirements/prod.txt\nCMD x"
        ),
        (
            "FROM python\nCOPY requirements.txt /srv/\n"
            "COPY requirements/prod.txt /srv/requirements/\nWORKDIR /srv\nENV A=1\n"
            "RUN pip install -r requirements.txt \\\n    -r requirements/prod.txt\n"
            "COPY . /srv/\nCMD x"
        ),
    ),
    "tools first": (
        (
            "FROM python\nWORKDIR /app\nCOPY --chown=1:1 . .\n"
            "RUN pip install --upgrade pip && pip install -r requirements.txt\n"
        ),
        (
            "FROM python\nWORKDIR /app\nCOPY --chown=1:1 requirements.txt ./\n"
            "RUN pip install --upgrade pip && pip install -r requirements.txt\n"
            "COPY --chown=1:1 . .\n"
        ),
    ),
    "npm": (
        "FROM node\nWORKDIR /app\nCOPY . ./\nRUN apt-get update\nRUN npm ci --omit=dev\n",
        (
            "FROM node\nWORKDIR /app\nRUN apt-get update\nCOPY package.json package-lock.json ./\n"
            "RUN npm ci --omit=dev\nCOPY . ./\n"
        ),
    ),
    "bundler": (
        "FROM ruby\nWORKDIR /app\nCOPY . .\nRUN bundle install\n",
        "FROM ruby\nWORKDIR /app\nCOPY Gemfile Gemfile.lock ./\nRUN bundle install\nCOPY . .\n",
    ),
    "the manifest stands there": (
        (
            "FROM python\nWORKDIR /app\nCOPY src src\nCOPY requirements.txt .\n"
            "RUN pip install -r requirements.txt\n"
        ),
        (
            "FROM python\nWORKDIR /app\nCOPY requirements.txt .\n"
            "RUN pip install -r requirements.txt\nCOPY src src\n"
        ),
    ),
    "poetry without a project": (
        "FROM python\nWORKDIR /app\nCOPY . .\nRUN poetry install --no-root --only main\n",
        (
            "FROM python\nWORKDIR /app\nCOPY pyproject.toml poetry.lock ./\n"
            "RUN poetry install --no-root --only main\nCOPY . .\n"
        ),
    ),
    "chmod of a file": (
        "FROM debian\nRUN x\nCOPY src /src\nCOPY entrypoint.sh /\nRUN chmod +x /entrypoint.sh\n",
        "FROM debian\nRUN x\nCOPY src /src\nCOPY --chmod=755 entrypoint.sh /\n",
    ),
    "chmod of one of many": (
        "FROM debian\nRUN x\nWORKDIR /app\nCOPY . .\nRUN chmod u+x entrypoint.sh ./bin/run.sh\n",
        (
            "FROM debian\nRUN x\nWORKDIR /app\nCOPY . .\nCOPY --chmod=744 entrypoint.sh ./\n"
            "COPY --chmod=744 bin/run.sh ./bin/\n"
        ),
    ),
    "chmod by pattern": (
        "FROM debian\nRUN x\nCOPY src /src\nCOPY bin /bin/\nRUN chmod 0755 /bin/*.sh\n",
        (
            "FROM debian\nRUN x\nCOPY src /src\nCOPY bin /bin/\n"
            "COPY --chmod=0755 bin/run.sh bin/stop.sh /bin/\n"
        ),
    ),
    "chown of a file": (
        "FROM debian\nRUN x\nCOPY src /src\nCOPY entrypoint.sh /e\nRUN chown app /e\nUSER app",
        "FROM debian\nRUN x\nCOPY src /src\nCOPY --chown=app:0 entrypoint.sh /e\nUSER app",
    ),
    "chown of the folder": (
        "FROM debian\nRUN x\nWORKDIR /app\nCOPY . .\nRUN chown -R app:app /app\nUSER app\n",
        (
            "FROM debian\nRUN x\nWORKDIR /app\nRUN chown -R app:app /app\n"
            "COPY --chown=app:app . .\nUSER app\n"
        ),
    ),
    "chown of a new folder with a variable": (
        "FROM debian\nENV APP=/srv/x\nRUN x\nCOPY . $APP\nRUN chown -R 1000:1000 $APP\n",
        (
            "FROM debian\nENV APP=/srv/x\nRUN x\nRUN mkdir -p $APP && "
            "chown -R 1000:1000 $APP\nCOPY --chown=1000:1000 . $APP\n"
        ),
    ),
    "a user and all else": (
        (
            "FROM python\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\n"
            "RUN useradd -m app && chown -R app /app && chmod +x entrypoint.sh\n"
        ),
        None,
    ),
    "a user and a folder of data": (
        (
            "FROM python\nWORKDIR /app\nCOPY src src\nRUN useradd -r -m own\n"
            "RUN mkdir -p /data/pdf && chown -R own:own /data\nRUN chown -R own:own /app\n"
            "USER own\n"
        ),
        (
            "FROM python\nWORKDIR /app\nRUN useradd -r -m own\n"
            "RUN mkdir -p /data/pdf && chown -R own:own /data\nRUN chown -R own:own /app\n"
            "COPY --chown=own:own src src\nUSER own\n"
        ),
    ),
    "the owner stays with a mode": (
        ("FROM debian\nRUN x\nWORKDIR /app\nCOPY --chown=1:1 . .\nRUN chmod a+x entrypoint.sh\n"),
        (
            "FROM debian\nRUN x\nWORKDIR /app\nCOPY --chown=1:1 . .\n"
            "COPY --chown=1:1 --chmod=755 entrypoint.sh ./\n"
        ),
    ),
    "what another stage makes": (
        (
            "FROM debian AS made\nCOPY . /x\nFROM debian\nWORKDIR /app\n"
            "COPY --from=made /x/src ./\n"
            "COPY entrypoint.sh /app/\nRUN chmod +x /app/entrypoint.sh\nRUN chown -R app:app /app\n"
        ),
        (
            "FROM debian AS made\nCOPY . /x\nFROM debian\nWORKDIR /app\nRUN chown -R app:app /app\n"
            "COPY --chown=app:app --from=made /x/src ./\n"
            "COPY --chown=app:app --chmod=755 entrypoint.sh /app/\n"
        ),
    ),
    "the manifest is in the app base": (
        "FROM node\nWORKDIR /app\nCOPY package*.json ./\nCOPY . .\nRUN npm ci\n",
        "FROM node\nWORKDIR /app\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\n",
    ),
    "packages of the system": (
        "FROM debian\nCOPY . /srv\nRUN apt-get update \\\n    && apt-get install -y curl\n",
        "FROM debian\nRUN apt-get update \\\n    && apt-get install -y curl\nCOPY . /srv\n",
    ),
    "carriage returns": (
        "FROM python\r\nWORKDIR /app\r\nCOPY . .\r\nRUN pip install -r requirements.txt\r\n",
        (
            "FROM python\r\nWORKDIR /app\r\nCOPY requirements.txt ./\r\n"
            "RUN pip install -r requirements.txt\r\nCOPY . .\r\n"
        ),
    ),
}

LATER = {
    "uv": (
        "FROM python\nWORKDIR /app\nCOPY . .\nRUN uv sync --locked --no-dev\n",
        (
            "FROM python\nWORKDIR /app\nCOPY pyproject.toml uv.lock ./\n"
            "RUN uv sync --locked --no-dev --no-install-project\nCOPY . .\n"
            "RUN uv sync --locked --no-dev\n"
        ),
    ),
    "poetry": (
        "FROM python\nWORKDIR /app\nCOPY . .\nRUN pip install poetry && poetry install\n",
        (
            "FROM python\nWORKDIR /app\nCOPY pyproject.toml poetry.lock ./\n"
            "RUN pip install poetry && poetry install --no-root\nCOPY . .\nRUN poetry install\n"
        ),
    ),
    "composer": (
        "FROM php\nWORKDIR /app\nCOPY . .\nRUN composer install --no-dev -o\n",
        (
            "FROM php\nWORKDIR /app\nCOPY composer.json composer.lock ./\n"
            "RUN composer install --no-dev -o --no-scripts --no-autoloader\nCOPY . .\n"
            "RUN composer dump-autoload --no-dev --optimize\n"
        ),
    ),
    "npm and a build": (
        "FROM node\nWORKDIR /app\nCOPY . .\nRUN npm ci && npm run build\n",
        (
            "FROM node\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci\n"
            "COPY . .\nRUN npm run build\n"
        ),
    ),
    "a mount of a cache": (
        (
            "FROM python\nWORKDIR /app\nCOPY . .\n"
            "RUN --mount=type=cache,target=/root/.cache/uv uv sync\n"
        ),
        (
            "FROM python\nWORKDIR /app\nCOPY pyproject.toml uv.lock ./\n"
            "RUN --mount=type=cache,target=/root/.cache/uv uv sync --no-install-project\nCOPY . .\n"
            "RUN --mount=type=cache,target=/root/.cache/uv uv sync\n"
        ),
    ),
}

NONE = {
    "nothing runs": "FROM debian\nRUN x\nCOPY . .\n",
    "collectstatic": "FROM python\nWORKDIR /app\nCOPY . .\nRUN python manage.py collectstatic\n",
    "a requirement that is code": "FROM python\nCOPY . .\nRUN pip install -r unsafe.txt\n",
    "further requirements": "FROM python\nCOPY . .\nRUN pip install -r nested.txt\n",
    "the project itself": "FROM python\nCOPY . .\nRUN pip install -r requirements.txt .\n",
    "an editable one": "FROM python\nCOPY . .\nRUN pip install -e . -r requirements.txt\n",
    "no such manifest": "FROM python\nCOPY src src\nRUN pip install -r requirements.txt\n",
    "a package by name": "FROM node\nCOPY . .\nRUN npm install express\n",
    "a script of the same tool": "FROM node\nCOPY . .\nRUN yarn test\n",
    "another project": "FROM node\nCOPY . .\nRUN npm ci --prefix=src\n",
    "another folder": "FROM python\nCOPY . .\nRUN cd src && pip install -r requirements.txt\n",
    "a script before it": "FROM python\nCOPY . .\nRUN ./x\nRUN pip install -r requirements.txt\n",
    "another user": "FROM python\nCOPY . .\nUSER app\nRUN pip install -r requirements.txt\n",
    "a pipe": "FROM python\nCOPY . .\nRUN cat x | pip install -r requirements.txt\n",
    "a list": 'FROM python\nCOPY . .\nRUN ["pip", "install", "-r", "requirements.txt"]\n',
    "already installed": (
        "FROM python\nCOPY pyproject.toml uv.lock ./\n"
        "RUN uv sync --no-install-project --locked\nCOPY . .\nRUN uv sync --locked\n"
    ),
    "chmod of the base's": "FROM debian\nCOPY src /src\nRUN chmod +x /usr/bin/x\n",
    "chmod that differs": "FROM debian\nCOPY . /x\nRUN chmod u+x /x/*.sh\n",
    "chmod to take away": "FROM debian\nCOPY src /src\nCOPY entrypoint.sh /\nRUN chmod -x /*.sh\n",
    "recursive and symbolic": "FROM debian\nCOPY src /src\nRUN chmod -R g+w /src\n",
    "owner of a link": "FROM debian\nCOPY --link src /src\nRUN chown -R app:app /src\n",
    "owner set twice": "FROM debian\nCOPY --chown=1:1 src /src\nRUN chown -R app:app /src\n",
    "an unknown variable": "FROM debian\nCOPY src $X\nRUN chown -R app:app $X\n",
    "a package of the code": "FROM debian\nCOPY . /\nRUN apt-get install -y ./x.deb\n",
    "a home of the code": "FROM debian\nCOPY . /home/own\nRUN useradd -m own\n",
    "a home that is named": "FROM debian\nCOPY . /app\nRUN useradd -m -d /app own\n",
    "a folder of the code": "FROM debian\nCOPY . /app\nRUN mkdir -p /app/src\n",
    "a part of the code": "FROM debian\nCOPY . /app\nRUN chown -R app:app /app/src\n",
    "a mode of all and of one": (
        "FROM debian\nWORKDIR /app\nCOPY . .\nRUN chmod -R 755 /app && chmod 700 entrypoint.sh\n"
    ),
    "a login group": "FROM debian\nCOPY src /src\nRUN chown -R app: /src\n",
    "a command between": "FROM debian\nCOPY src /src\nRUN x\nRUN chown -R app:app /src\n",
    "what it is copied from": (
        "FROM debian AS a\nCOPY . /x\nFROM debian\nCOPY --from=a /x /x\nRUN chown -R app /x\n"
    ),
}


def patched(text: str, files: dict[str, str] = FILES) -> Patch | None:
    tree = written(files)
    return patch_of(tree.root, text)


def cut(folder: Path, text: str, target: str | None = None) -> Boundary:
    found = analysed(folder, text, target)
    assert found is not None
    return found[0]


def runs(boundary: Boundary) -> tuple[int, int]:
    """RUN instructions after the boundary and before it."""
    before = [step.keyword for _, part in boundary.parts() for step in part]
    return [t.step.keyword for t in boundary.tail].count("RUN"), before.count("RUN")


@pytest.mark.parametrize("name", SHORT)
def test_after_a_patch_nothing_runs_after_the_code(name: str, tmp_path: Path) -> None:
    text, expected = SHORT[name]
    tree = written(FILES)
    patch = patch_of(tree.root, text)
    assert patch is not None
    assert patch.short
    after = applied(patch, text, tmp_path)
    assert expected is None or after == expected
    assert runs(cut(tree.root, text))[0]
    assert why_whole(cut(tree.root, after)) is None


@pytest.mark.parametrize("name", LATER)
def test_after_a_patch_the_packages_are_in_the_app_base(name: str, tmp_path: Path) -> None:
    text, expected = LATER[name]
    tree = written(FILES)
    patch = patch_of(tree.root, text)
    assert patch is not None
    assert not patch.short
    after = applied(patch, text, tmp_path)
    assert after == expected
    (behind, ahead), (later, more) = (runs(cut(tree.root, each)) for each in (text, after))
    assert later <= behind
    assert more > ahead


@pytest.mark.parametrize("name", NONE)
def test_in_doubt_there_is_no_patch(name: str) -> None:
    assert patched(NONE[name]) is None


@pytest.mark.parametrize(
    ("file", "content", "command"),
    [
        ("package.json", '{"scripts": {"postinstall": "node x.js"}}', "npm ci"),
        ("package.json", '{"workspaces": ["a"]}', "npm ci"),
        ("requirements.txt", "-rother.txt\n", "pip install -r requirements.txt"),
        ("requirements.txt", "libs/own\n", "pip install -r requirements.txt"),
        ("requirements.txt", "own @ file:///app/own\n", "pip install -r requirements.txt"),
        ("pyproject.toml", 'dynamic = ["dependencies"]\n', "uv sync"),
        ("node_modules/x/index.js", "1\n", "npm ci"),
        ("Gemfile", "gemspec\n", "bundle install"),
        ("pyproject.toml", "[tool.uv.workspace]\n", "uv sync"),
        ("composer.json", '{"repositories": [{"type": "path"}]}', "composer install"),
    ],
)
def test_a_manifest_that_wants_code_stays_behind_it(file: str, content: str, command: str) -> None:
    text = f"FROM x\nWORKDIR /app\nCOPY . .\nRUN {command}\n"
    assert patched(text) is not None
    assert patched(text, {**FILES, file: content}) is None


def test_a_file_that_is_executable_keeps_what_it_has() -> None:
    text = "FROM debian\nRUN x\nCOPY src /src\nCOPY tool.sh /\nRUN chmod a+x /tool.sh\n"
    patch = patched(text)
    assert patch is not None
    assert "+COPY --chmod=755 tool.sh /" in patch.diff


def test_what_a_patch_does_is_said_by_the_lines_of_the_file_as_it_is() -> None:
    patch = patched(SHORT["a user and all else"][0])
    assert patch is not None
    assert [change.line for change in patch.changes] == [4, 5]
    assert [change.note for change in patch.changes] == [
        "pip install -r requirements.txt before the code is copied",
        (
            "COPY --chmod and COPY --chown in the place of RUN useradd -m app && chown -R app /app "
            "&& chmod +x entrypoint.sh"
        ),
    ]


def test_bytes_that_are_no_text_cannot_be_patched() -> None:
    text = SHORT["pip"][0] + "LABEL a=\udcff\n"
    assert patched(text) is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_patches_of_dockerfiles_as_people_write_them(case: Case, tmp_path: Path) -> None:
    folder = FOLDER / case.name
    text = (folder / "Dockerfile").read_text()
    patch = patch_of(folder, text, case.target)
    if patch is None:
        return
    before, after = (
        cut(folder, each, case.target) for each in (text, applied(patch, text, tmp_path))
    )
    assert runs(before)[0], "nothing is to be gained otherwise"
    assert patch.short is (why_whole(after) is None and not runs(after)[0])
    assert patch.short or runs(after)[0] < runs(before)[0] or runs(after)[1] > runs(before)[1]
