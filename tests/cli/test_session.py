from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from whalebuild.bakefile.request import BakeRequest
from whalebuild.cli.session import make_request, open_session
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.errors import UsageError
from whalebuild.inputs.find import find_inputs
from whalebuild.inputs.values import Build, ContextFiles, StageInputs
from whalebuild.settings import Settings
from whalebuild.source import content_digests


def test_a_request_has_the_words_for_buildx() -> None:
    made = make_request(
        Settings(file=("a.hcl",)), ["app"], ["*.args.A=1=2", "app.tags="], ["TAG=v1", "EMPTY="]
    )
    assert made == BakeRequest(
        files=("a.hcl",),
        targets=("app",),
        overrides=("*.args.A=1=2", "app.tags="),
        variables={"TAG": "v1", "EMPTY": ""},
    )
    assert make_request(Settings(), None, None, None) == BakeRequest()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ({"targets": ["app", "https://github.com/a/b.git"]}, "is not a target"),
        ({"targets": ["-x"]}, '"-x" is not a target'),
        ({"overrides": ["app.tags"]}, '"app.tags" is not an assignment (--set)'),
        ({"overrides": ["=x"]}, '"=x" is not an assignment (--set)'),
        ({"variables": ["TAG"]}, '"TAG" is not an assignment (--var)'),
    ],
    ids=["remote", "flag", "no value", "no name", "variable"],
)
def test_a_malformed_word_is_a_usage_error(words: dict[str, Any], what: str) -> None:
    given: dict[str, Any] = {
        "settings": Settings(),
        "targets": None,
        "overrides": None,
        "variables": None,
        **words,
    }
    with pytest.raises(UsageError) as caught:
        make_request(**given)
    assert what in caught.value.what
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("words", "remote", "targets"),
    [
        (["https://github.com/a/b.git#v1", "app"], ["https://github.com/a/b.git#v1"], ["app"]),
        (["git@github.com:a/b.git"], ["git@github.com:a/b.git"], []),
        (["https://x.example/b.hcl", "https://x.example/c.git", "app"], None, ["app"]),
        (["app"], [], ["app"]),
    ],
    ids=["repository", "ssh", "command context", "local"],
)
def test_addresses_stand_before_the_targets(
    words: list[str], remote: list[str] | None, targets: list[str]
) -> None:
    made = make_request(Settings(builder="far"), words, None, None)
    assert list(made.remote) == (words[:2] if remote is None else remote)
    assert list(made.targets) == targets
    assert made.builder == ("far" if made.remote else None)


@pytest.mark.parametrize("fails", [False, True])
def test_digests_of_a_large_context_are_kept_however_the_session_ends(
    project: Path, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "cache"))
    monkeypatch.setattr(content_digests, "_TICK", -(10**10))  # also what was written just now
    (project / "src").mkdir()
    for number in range(300):
        (project / f"src/{number}").write_text(f"{number}\n")
    inputs = find_inputs(parse_dockerfile("FROM scratch\nCOPY src /\n"), None, Build())
    assert isinstance(inputs, StageInputs)

    def run() -> None:
        with open_session({}) as session:
            found = session.tree.context_files(inputs, Build(), "Dockerfile")
            assert isinstance(found, ContextFiles)
            if fails:
                raise UsageError("no")

    if fails:
        with pytest.raises(UsageError):
            run()
    else:
        run()
    assert len(list((project / "cache/whalebuild/files").iterdir())) == 1
