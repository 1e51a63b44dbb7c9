from __future__ import annotations

import pytest

from tests.scaffold.projects import project
from whalebuild.scaffold.python_entry import find_start

FASTAPI = "from fastapi import FastAPI\napp = FastAPI(\n    title='x')\n"
UVICORN = "--host 0.0.0.0 --port 8000"
DJANGO = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n"


@pytest.mark.parametrize(
    ("files", "packages", "command"),
    [
        ({"main.py": FASTAPI}, "uvicorn", f"uvicorn main:app {UVICORN}"),
        ({"app/main.py": FASTAPI}, "uvicorn", f"uvicorn app.main:app {UVICORN}"),
        ({"src/shop/api.py": FASTAPI}, "uvicorn", f"uvicorn shop.api:app {UVICORN}"),
        (
            {"a/b.py": "api: fastapi.FastAPI = fastapi.FastAPI()\n"},
            "uvicorn",
            f"uvicorn a.b:api {UVICORN}",
        ),
        # The likelier file, and no test.
        (
            {"tests/main.py": FASTAPI, "aa.py": FASTAPI, "app/main.py": FASTAPI},
            "uvicorn",
            f"uvicorn app.main:app {UVICORN}",
        ),
        (
            {"shop/app.py": "def create_app() -> FastAPI:\n    app = FastAPI()\n"},
            "fastapi uvicorn",
            f"uvicorn --factory shop.app:create_app {UVICORN}",
        ),
        (
            {"shop/app.py": "def create_app():\n", "main.py": "app = create_app(1)\n"},
            "fastapi uvicorn",
            f"uvicorn main:app {UVICORN}",
        ),
        (
            {"shop/app.py": "def create_app():\n", "wsgi.py": "application = create_app()\n"},
            "flask gunicorn",
            "gunicorn --bind 0.0.0.0:8000 wsgi:application",
        ),
        ({"app.py": "app = Flask(__name__)\n"}, "gunicorn", "gunicorn --bind 0.0.0.0:8000 app:app"),
        (
            {"shop/__init__.py": "def create_app() -> Flask:\n"},
            "flask gunicorn",
            "gunicorn --bind 0.0.0.0:8000 shop:create_app()",
        ),
        (
            {"shop/__init__.py": "def create_app():\n"},
            "Flask waitress",
            "waitress-serve --port=8000 --call shop:create_app",
        ),
        ({"app.py": "app = Flask(__name__)\n"}, "flask", f"flask --app app:app run {UVICORN}"),
        (
            {"manage.py": DJANGO, "site1/wsgi.py": ""},
            "django gunicorn",
            "gunicorn --bind 0.0.0.0:8000 site1.wsgi",
        ),
        (
            {"manage.py": DJANGO, "site1/asgi.py": ""},
            "django uvicorn",
            f"uvicorn site1.asgi:application {UVICORN}",
        ),
        ({"manage.py": DJANGO}, "django", "python manage.py runserver 0.0.0.0:8000"),
        ({"shop/__main__.py": ""}, "", "python -m shop"),
        ({"src/shop/__main__.py": ""}, "", "python -m shop"),
        (
            {
                "pyproject.toml": '[project.scripts]\nx = "shop.cli:main"\n',
                "src/shop/cli.py": "",
            },
            "",
            "python -c from shop.cli import main; raise SystemExit(main())",
        ),
        (
            {"pyproject.toml": '[tool.poetry.scripts]\nx = "shop:main"\n', "shop/__init__.py": ""},
            "",
            "python -c from shop import main; raise SystemExit(main())",
        ),
        ({"run.py": "", "app.py": ""}, "", "python app.py"),
    ],
)
def test_commands(files: dict[str, str], packages: str, command: str) -> None:
    start = find_start(project(files), packages)
    assert start
    assert " ".join(start.command) == command
    assert start.guess.because
    assert (start.packages == "src") == any(name.startswith("src/") for name in files)


def test_the_guess_says_what_it_was_made_from() -> None:
    start = find_start(project({"app/main.py": FASTAPI}), "uvicorn")
    assert start
    assert start.guess.because == "app/main.py has `app = FastAPI(`"


@pytest.mark.parametrize(
    ("packages", "said"), [("fastapi", True), ("fastapi[standard]", False), ("uvicorn", False)]
)
def test_a_server_that_no_manifest_names_is_said(packages: str, said: bool) -> None:
    start = find_start(project({"main.py": FASTAPI}), packages)
    assert start
    assert any("uvicorn" in note for note in start.notes) == said


@pytest.mark.parametrize(
    ("text", "port"),
    [("run(port=9000)", 9000), ("s.bind(('0.0.0.0', 4000))", 4000), ("print('x')", None)],
)
def test_the_port_of_a_script(text: str, port: int | None) -> None:
    start = find_start(project({"main.py": text}), "")
    assert start
    assert start.port == port


def test_nothing_to_start() -> None:
    assert find_start(project({"lib.py": "x = 1\n", "tests/test_x.py": FASTAPI}), "") is None
