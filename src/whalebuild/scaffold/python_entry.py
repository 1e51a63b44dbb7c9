"""How a Python project is started: a web framework's application, a script, a module."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from whalebuild.scaffold.project import Guess, Project, Start, inner, named_in

PORT = 8000
_HOST = ("--host", "0.0.0.0", "--port", str(PORT))  # noqa: S104 - in a container
_CALL = r"^(\w+)(?:\s*:\s*[\w.]+)?\s*=\s*(?:\w+\.)?({})\("
_ASGI = re.compile(_CALL.format("FastAPI|Starlette|Litestar|Quart"), re.MULTILINE)
_WSGI = re.compile(_CALL.format("Flask"), re.MULTILINE)
_FACTORY = re.compile(r"^def (create_app|make_app|app_factory)\(", re.MULTILINE)
_CREATED = re.compile(_CALL.format("create_app|make_app|app_factory"), re.MULTILINE)
_ASGI_PACKAGES = ("fastapi", "starlette", "litestar", "quart")
_PORT = re.compile(r"\bport\s*[=:]\s*(\d{4,5})\b|\.bind\(\([^)]*,\s*(\d{4,5})\)", re.IGNORECASE)
_SETTINGS = re.compile(r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"]([\w.]+)['\"]")
_SCRIPTS = ("main.py", "app.py", "server.py", "run.py", "bot.py", "worker.py")
_LIKELY = frozenset({"main.py", "app.py", "asgi.py", "wsgi.py", "api.py", "server.py"})


def find_start(project: Project, packages: str) -> Start | None:
    """How a project is started; None where that cannot be told.

    Args:
        project: The project.
        packages: The text of its manifests and locks.
    """
    rules: tuple[Callable[[Project, str], Start | None], ...] = (
        *(_django, _asgi, _wsgi, _module, _console_script, _script),
    )
    return next((found for rule in rules if (found := rule(project, packages))), None)


def _django(project: Project, packages: str) -> Start | None:
    settings = _SETTINGS.search(project.text("manage.py"))
    if not settings:
        return None
    site = settings[1].split(".")[0]
    because = f"manage.py names the settings {settings[1]}"
    if named_in(packages, "gunicorn") and project.has(f"{site}/wsgi.py"):
        return _web(("gunicorn", "--bind", f"0.0.0.0:{PORT}", f"{site}.wsgi"), because)
    if named_in(packages, "uvicorn") and project.has(f"{site}/asgi.py"):
        return _web(("uvicorn", f"{site}.asgi:application", *_HOST), because)
    note = "this is Django's development server: add gunicorn, and run init again"
    return _web(("python", "manage.py", "runserver", f"0.0.0.0:{PORT}"), because, note)


def _asgi(project: Project, packages: str) -> Start | None:
    found = _assigned(project, _ASGI)
    if found is None and any(named_in(packages, each) for each in _ASGI_PACKAGES):
        found = _assigned(project, _CREATED) or _factory(project)
    if found is None:
        return None
    path, name, line = found
    folder, module = _module_name(project, path)
    has_server = named_in(packages, "uvicorn") or re.search(r"fastapi\[(all|standard)", packages)
    missing = () if has_server else ("no manifest names uvicorn, which the command needs: add it",)
    factory = ("--factory",) if name.endswith("()") else ()
    command = ("uvicorn", *factory, f"{module}:{name.removesuffix('()')}", *_HOST)
    return _web(command, f"{path} has `{line}`", *missing, packages=folder)


def _wsgi(project: Project, packages: str) -> Start | None:
    found = _assigned(project, _WSGI)
    if found is None and named_in(packages, "flask"):
        found = _assigned(project, _CREATED) or _factory(project)
    if found is None:
        return None
    path, name, line = found
    folder, module = _module_name(project, path)
    factory = name.endswith("()")
    because = f"{path} has `{line}`"
    if named_in(packages, "gunicorn"):
        words: tuple[str, ...] = ("gunicorn", "--bind", f"0.0.0.0:{PORT}", f"{module}:{name}")
        return _web(words, because, packages=folder)
    if named_in(packages, "waitress"):
        call = ("--call",) if factory else ()
        words = ("waitress-serve", f"--port={PORT}", *call, f"{module}:{name.removesuffix('()')}")
        return _web(words, because, packages=folder)
    note = "this is Flask's development server: add gunicorn, and run init again"
    words = ("flask", "--app", f"{module}:{name}", "run", *_HOST)
    return _web(words, because, note, packages=folder)


def _module(project: Project, _: str) -> Start | None:
    for path in project.code("/__main__.py"):
        folder, module = _module_name(project, path.removesuffix("/__main__.py") + ".py")
        if "/" not in path.removeprefix(f"{folder}/").removesuffix("/__main__.py"):
            return _plain(project, ("python", "-m", module), path, "is there", folder)
    return None


def _console_script(project: Project, _: str) -> Start | None:
    table = project.toml("pyproject.toml")
    scripts = inner(table, "project", "scripts") or inner(table, "tool", "poetry", "scripts")
    for name, target in scripts.items():
        module, _, function = str(target).partition(":")
        path = module.replace(".", "/")
        files = [f"{root}{path}{end}" for root in ("", "src/") for end in (".py", "/__init__.py")]
        file = next((each for each in files if project.has(each)), None)
        if file and re.fullmatch(r"\w+", function):
            code = f"from {module} import {function}; raise SystemExit({function}())"
            because = f"pyproject.toml has the script {name}; the project itself is not installed"
            folder = "src" if file.startswith("src/") else ""
            start = _plain(project, ("python", "-c", code), file, "", folder)
            return Start(
                start.command, start.port, Guess("entry point", str(target), because), (), folder
            )
    return None


def _script(project: Project, _: str) -> Start | None:
    name = next((each for each in _SCRIPTS if project.has(each)), None)
    return _plain(project, ("python", name), name, "is there", "") if name else None


def _assigned(project: Project, pattern: re.Pattern[str]) -> tuple[str, str, str] | None:
    """The file, the name and the line of a framework's application; the likeliest file first."""
    hits = []
    for path in project.code(".py"):
        found = pattern.search(project.text(path))
        if found:
            likely = path.rpartition("/")[2] in _LIKELY
            hits.append((not likely, path.count("/"), path, found[1], found[0]))
    return min(hits)[2:] if hits else None


def _factory(project: Project) -> tuple[str, str, str] | None:
    """The file, the call and the line of a function that makes the application."""
    for path in project.code(".py"):
        found = _FACTORY.search(project.text(path))
        if found:
            return path, f"{found[1]}()", found[0]
    return None


def _module_name(project: Project, path: str) -> tuple[str, str]:
    """The folder to import from, and the module's name."""
    folder = "src" if path.startswith("src/") and not project.has("src/__init__.py") else ""
    inside = path.removeprefix(f"{folder}/") if folder else path
    return folder, inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _web(command: tuple[str, ...], because: str, *notes: str, packages: str = "") -> Start:
    return Start(command, PORT, Guess("entry point", " ".join(command), because), notes, packages)


def _plain(
    project: Project, command: tuple[str, ...], path: str, because: str, packages: str
) -> Start:
    port = next(_ports(project.text(path)), None)
    listens = f"; it has port {port}" if port else ""
    guess = Guess("entry point", " ".join(command), f"{path} {because}{listens}")
    return Start(command, port, guess, packages=packages)


def _ports(text: str) -> Iterator[int]:
    for found in _PORT.finditer(text):
        yield int(found[1] or found[2])
