"""What makes dependencies be rebuilt, what does not, and what the plan says of it."""

from __future__ import annotations

import json
import os

import pytest

from tests.integration.pairs import CODE, ON_DEPS, Pair, push_base
from tests.integration.sandbox import Sandbox


def test_changed_requirements_rebuild_and_the_plan_says_so(sandbox: Sandbox, pair: Pair) -> None:
    pair.bake()
    deps, images = pair.digest(), pair.images("deps")
    pair.change_requirements("two")
    shown = pair.whalebuild("plan", "--check")
    assert shown.returncode == 10, shown.stderr
    assert "app-deps: rebuild because requirements.txt changed (" in shown.stdout
    plan = json.loads(pair.whalebuild("plan", "--format", "json", check=True).stdout)
    assert plan["rebuild"] is True
    planned = plan["targets"][0]
    assert planned["action"] == "rebuild"
    assert planned["reasons"] == ["requirements.txt changed"]
    (change,) = planned["changes"]
    assert (change["name"], change["what"], change["file"]) == ("requirements.txt", "changed", True)
    assert change["before"] != change["after"]
    assert planned["inputs"] == {"manifests": ["requirements.txt"], "other": []}
    assert planned["published"] == [deps]

    made = pair.bake()
    assert made["deps"]["action"] == "built"
    assert "requirements.txt changed" in made.stderr
    assert pair.digest() != deps
    assert pair.images("deps") != images
    assert pair.whalebuild("plan", "--check").returncode == 0
    assert pair.prints("latest", "cat", "/opt/venv/installed").splitlines()[-1] == "two"
    pair.check_whole()


@pytest.mark.extended
def test_what_is_no_input_changes_nothing(pair: Pair) -> None:
    helper = "FROM base AS helper\nRUN mkdir /helped\n"
    first, _, rest = ON_DEPS.partition("\n")
    pair.write(f"{first}\n{helper}{rest}{CODE}")
    pair.bake()
    # Another stage stands elsewhere, there are comments, the final stage does something else.
    rest = rest.replace("RUN ", "# What it takes.\nRUN   ").replace("COPY req", "copy req")
    rest = rest.replace("FROM dependencies", f"{helper}FROM dependencies")
    pair.write(f"# New.\n{first}\n{rest}{CODE}LABEL another=one\n")
    os.utime(pair.folder / "requirements.txt", (1, 1))
    (pair.folder / "unread.txt").write_text("new")
    plan = pair.plan()
    assert (plan["deps"]["action"], plan["deps"]["changes"]) == ("reuse", [])
    assert plan["app"]["reasons"] == ["its code or its other inputs changed"]


@pytest.mark.extended
def test_a_base_image_that_moves(sandbox: Sandbox, pair: Pair) -> None:
    base = f"{pair.image}-base:1"
    folder = pair.folder / "base"
    push_base(sandbox, folder, base)
    pair.write(ON_DEPS + CODE, base)
    pair.bake()
    deps = pair.digest()
    push_base(sandbox, folder, base, mark="2")

    plan = pair.plan()
    assert plan["deps"]["action"] == "reuse"
    assert plan["deps"]["bases_moved"] == [base]
    pair.change_code("two")
    assert pair.bake()["deps"]["action"] == "reused"
    assert pair.digest() == deps
    assert "MARK=1" in pair.env("latest")

    followed = pair.plan("--base", "follow")["deps"]
    assert (followed["action"], followed["reasons"]) == ("rebuild", [f"base {base} moved"])
    assert pair.bake("--pull")["deps"]["action"] == "built"
    assert "MARK=2" in pair.env("deps")
    assert "MARK=2" in pair.env("latest")

    push_base(sandbox, folder, base, mark="3")
    pair.change_requirements("two")  # a rebuild for another reason keeps the pin as well
    pair.bake()
    assert "MARK=2" in pair.env("deps")
    pair.bake("--base", "follow")
    assert "MARK=3" in pair.env("deps")
    assert "MARK=3" in pair.env("latest")
