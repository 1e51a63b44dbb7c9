from __future__ import annotations

import pytest

from tests.scaffold.projects import project
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.errors import UsageError
from whalebuild.scaffold.fill import fill
from whalebuild.scaffold.image_name import guess_image, parse_image
from whalebuild.scaffold.project import Guess
from whalebuild.scaffold.propose import Proposal, propose
from whalebuild.source.project_files import read_template

PIP = {"requirements.txt": "bottle\n", "main.py": "run(port=8000)\n"}
GIVEN = Guess("image", "ghcr.io/acme/shop", "--image names it")


def proposed(files: dict[str, str], image: Guess | None = GIVEN) -> Proposal:
    return propose(project(files), read_template, image)


def texts(proposal: Proposal) -> dict[str, str]:
    return {file.path: file.text for file in proposal.files}


def test_a_project_without_anything_gets_three_files() -> None:
    files = texts(proposed(PIP))
    assert list(files) == ["Dockerfile", ".dockerignore", "compose.yaml"]
    assert "image: ghcr.io/acme/shop\n    build: ." in files["compose.yaml"]
    assert '- "8000:8000"' in files["compose.yaml"]
    assert not any("{{" in text for text in files.values())
    stages = parse_dockerfile(files["Dockerfile"]).stages
    assert [stage.name for stage in stages] == ["base", "installer", "dependencies", "final"]


def test_dockerfiles_of_tests_are_nobodys() -> None:
    files = texts(proposed({**PIP, "tests/Dockerfile": "", "a/b/Dockerfile": ""}))
    assert "Dockerfile" in files


def test_what_listens_nowhere_has_no_ports() -> None:
    files = texts(proposed({**PIP, "main.py": "print('x')\n"}))
    assert "EXPOSE" not in files["Dockerfile"]
    assert "ports" not in files["compose.yaml"]
    assert "  app:\n    image" in files["compose.yaml"]


def test_what_is_there_stays() -> None:
    proposal = proposed({**PIP, ".dockerignore": "x\n", "compose.yaml": "services: {db: {}}\n"})
    assert set(texts(proposal)) == {"Dockerfile", "whalebuild.toml"}
    assert proposal.kept == (".dockerignore", "compose.yaml")
    (more,) = proposal.to_add
    assert more.path == "compose.yaml"
    assert more.text.startswith("  web:\n    image: ghcr.io/acme/shop\n")


def test_a_project_with_a_dockerfile_gets_the_setting_alone() -> None:
    proposal = proposed({**PIP, "Dockerfile": "FROM x\n"})
    assert texts(proposal) == {
        "whalebuild.toml": "# The image that whalebuild bake publishes, as :deps and :latest.\n"
        'image = "ghcr.io/acme/shop"\n'
    }
    assert proposal.builds


@pytest.mark.parametrize(
    "files",
    [
        {"docker-bake.hcl": 'target "app" {\n  tags = ["acme/x"]\n}\n'},
        {
            "compose.yaml": "services:\n  x:\n    image: acme/x\n    build: ./x\n",
            "x/Dockerfile": "",
        },
        {"Dockerfile": "", "whalebuild.toml": 'image = "ghcr.io/acme/other"\n'},
        {"Dockerfile": "", "pyproject.toml": '[tool.whalebuild]\nimage = "ghcr.io/acme/other"\n'},
    ],
)
def test_nothing_is_missing_where_the_image_is_named(files: dict[str, str]) -> None:
    proposal = proposed(files)
    assert proposal.builds
    assert proposal.files == ()
    assert proposal.to_add == ()
    assert proposal.notes[0].startswith("ghcr.io/acme/shop is not used: ")
    assert proposed(files, None).notes == ()


@pytest.mark.parametrize(
    "files",
    [
        {"docker-bake.hcl": 'target "app" {}\n'},
        {"compose.yaml": "services:\n  x:\n    build: ./x\n", "x/Dockerfile": ""},
    ],
)
def test_a_bake_file_that_names_no_image_leaves_it_to_the_settings(files: dict[str, str]) -> None:
    assert set(texts(proposed(files))) == {"whalebuild.toml"}


def test_settings_that_lack_the_image_are_not_changed() -> None:
    proposal = proposed({"Dockerfile": "", "pyproject.toml": "[tool.whalebuild]\nkeep = 3\n"})
    assert proposal.files == ()
    (more,) = proposal.to_add
    assert more.text == '[tool.whalebuild]\nimage = "ghcr.io/acme/shop"\n'


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"docker/Dockerfile.prod": "FROM x\n", **PIP}, "nothing says what is built"),
        ({"go.mod": ""}, "does not know"),
        ({"setup.py": ""}, "does not know"),
    ],
)
def test_what_is_not_served_says_what_is(files: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        proposed(files)
    assert refused.value.next_step
    assert "write" in refused.value.next_step


@pytest.mark.parametrize(
    ("config", "image"),
    [
        ("", "localhost:5000/my-shop"),
        ('[remote "origin"]\n\turl = git@github.com:Acme/Shop.git\n', "ghcr.io/acme/shop"),
        ('[remote "origin"]\n\turl = https://github.com/acme/shop\n', "ghcr.io/acme/shop"),
        (
            '[core]\n[remote "origin"]\n\tfetch = x\n\turl = ssh://git@gitlab.com/acme/team/shop.git\n',
            "registry.gitlab.com/acme/team/shop",
        ),
        ('[remote "origin"]\n\turl = git@example.org:acme/shop.git\n', "localhost:5000/my-shop"),
        (
            '[remote "origin"]\n\turl = /srv/x\n[remote "up"]\n\turl = git@github.com:a/b.git\n',
            "localhost:5000/my-shop",
        ),
    ],
)
def test_the_name_of_the_image_is_a_guess(config: str, image: str) -> None:
    guess = guess_image("My Shop", config)
    assert guess.value == image
    assert not guess.sure


def test_an_empty_value_takes_its_line_with_it() -> None:
    filled = fill("a\n  {{x}}\nb {{y}}\n", {"x": "", "y": ""})
    assert filled == "a\nb \n"
    assert fill("  {{x}}\n", {"x": "one\ntwo"}) == "  one\n  two\n"


@pytest.mark.parametrize(
    "name", ["up/case", "Up.example/case", "UP:5000/case", "localhost/a", "case", "LOCALHOST:1/a"]
)
def test_a_name_that_is_given_is_taken(name: str) -> None:
    assert parse_image(name, where="--image") == name


@pytest.mark.parametrize("name", ["UP/case", "gHcr/acme/web", "Localhost/a"])
def test_a_name_whose_owner_has_upper_case_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_image(name, where="--image")
    assert f"write {name.lower()}, or" in (refused.value.next_step or "")
