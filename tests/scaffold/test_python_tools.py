from __future__ import annotations

import pytest

from tests.scaffold.projects import project
from whalebuild.errors import UsageError
from whalebuild.scaffold.python_tools import python_recipe

MAIN = {"main.py": "print('hello')\n"}
PYPROJECT = '[project]\nname = "x"\ndependencies = []\n'


@pytest.mark.parametrize(
    ("files", "template", "because"),
    [
        ({"requirements.txt": ""}, "pip", "requirements.txt is there"),
        ({"requirements/prod.txt": ""}, "pip", "requirements/prod.txt is there"),
        ({"requirements.txt": "", "pyproject.toml": PYPROJECT}, "pip", "requirements.txt"),
        ({"pyproject.toml": PYPROJECT}, "pyproject", "no lock file"),
        ({"pyproject.toml": PYPROJECT, "uv.lock": ""}, "uv", "uv.lock is there"),
        ({"pyproject.toml": PYPROJECT, "pdm.lock": ""}, "pdm", "pdm.lock is there"),
        ({"pyproject.toml": "", "poetry.lock": ""}, "poetry", "poetry.lock is there"),
        ({"Pipfile": "", "Pipfile.lock": "{}"}, "pipenv", "Pipfile.lock is there"),
        ({"pyproject.toml": "", "uv.lock": "", "requirements.txt": ""}, "uv", "uv.lock is there"),
    ],
)
def test_the_lock_decides_which_tool(files: dict[str, str], template: str, because: str) -> None:
    recipe = python_recipe(project({**MAIN, **files}))
    assert recipe
    assert recipe.template == f"{template}.Dockerfile"
    assert because in recipe.guesses[0].because


def test_what_is_no_python_project() -> None:
    assert python_recipe(project({"main.py": ""})) is None
    assert python_recipe(project({"main.py": "", "pyproject.toml": "[tool.ruff]\n"})) is None


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"Pipfile": ""}, "pipenv lock"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.12"\n'}, "poetry lock"),
        ({"requirements.txt": "flask\n-e .\n"}, "any"),
        ({"requirements.txt": "./libs/common\n"}, "any"),
        ({"requirements.txt": "common @ file:libs/common\n"}, "any"),
        (
            {
                "pyproject.toml": f'{PYPROJECT}[tool.uv.workspace]\nmembers = ["a"]\n',
                "uv.lock": "",
            },
            "any",
        ),
        (
            {
                "pyproject.toml": f'{PYPROJECT}[tool.uv.sources]\na = {{ path = "a" }}\n',
                "uv.lock": "",
            },
            "any",
        ),
        ({"pyproject.toml": "no toml"}, "correct"),
    ],
)
def test_what_is_refused_says_what_to_do(files: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        python_recipe(project({**MAIN, **files}))
    assert said in (refused.value.next_step or "")


def test_no_entry_point_is_refused() -> None:
    with pytest.raises(UsageError, match="no entry point"):
        python_recipe(project({"requirements.txt": "flask"}))


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({}, "3.13"),
        ({".python-version": "3.12.4\n"}, "3.12"),
        ({".python-version": "cpython@3.11"}, "3.11"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.11"\n'}, "3.13"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.14"\n'}, "3.14"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.10,<3.13"\n'}, "3.12"),
        ({"pyproject.toml": '[project]\nrequires-python = "==3.11.*"\n'}, "3.11"),
        ({"pyproject.toml": '[project]\nrequires-python = "~=3.11"\n'}, "3.13"),
        ({"pyproject.toml": '[project]\nrequires-python = "~=3.11.2"\n'}, "3.11"),
        ({"pyproject.toml": '[project]\nrequires-python = ">3.12.1,!=3.13.0"\n'}, "3.13"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.12"\n'}, "3.13"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "~3.12"\n'}, "3.12"),
        ({"Pipfile": '[requires]\npython_version = "3.12"\n', "Pipfile.lock": "{}"}, "3.12"),
    ],
)
def test_the_version(files: dict[str, str], version: str) -> None:
    lock = {"poetry.lock": ""} if "poetry" in "".join(files.values()) else {"requirements.txt": ""}
    recipe = python_recipe(project({**MAIN, **lock, **files}))
    assert recipe
    assert recipe.values["version"] == version


@pytest.mark.parametrize(
    ("files", "because"),
    [
        ({"requires-python": "rubbish"}, "requires-python (rubbish) cannot be read"),
        ({"requires-python": "=="}, "requires-python (==) cannot be read"),
        ({"requires-python": "==3.9.*"}, "the project wants ==3.9.*, and init knows 3.10 to 3.14"),
        ({"requires-python": ">=3.12"}, "the project wants >=3.12"),
        ({"requires-python": "!=3.14.1"}, "the project wants !=3.14.1"),
    ],
)
def test_a_version_that_is_no_conclusion_is_said(files: dict[str, str], because: str) -> None:
    ((name, value),) = files.items()
    text = f'[project]\n{name} = "{value}"\n'
    recipe = python_recipe(project({**MAIN, "requirements.txt": "", "pyproject.toml": text}))
    assert recipe
    (found,) = (guess for guess in recipe.guesses if guess.what == "python")
    assert found.because.startswith(because)
    assert found.sure == (because == f"the project wants {value}")


def test_requirements_that_include_others_are_copied_where_they_look_for_each_other() -> None:
    files = {
        "requirements/prod.txt": "-r base.txt\n-c ../constraints.txt\n",
        "requirements/base.txt": "-r base.txt\nflask\n",
        "constraints.txt": "flask==3\n",
    }
    recipe = python_recipe(project({**MAIN, **files}))
    assert recipe
    assert sorted(recipe.values["copies"].splitlines()) == [
        "COPY constraints.txt /tmp/",
        "COPY requirements/prod.txt requirements/base.txt /tmp/requirements/",
    ]
    assert recipe.values["requirements"] == "requirements/prod.txt"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('greenlet; platform_machine == "x86_64"', "platform_machine"),
        ("x @ git+https://example.org/x.git", "git repository"),
    ],
)
def test_what_will_not_go_well_is_said(line: str, said: str) -> None:
    recipe = python_recipe(project({**MAIN, "requirements.txt": f"flask\n{line}\n"}))
    assert recipe
    assert said in "".join(recipe.notes)
