"""What an application that stands on a dependencies stage, or target, needs of its image."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.engine import FakeEngine, definition
from tests.support.planner import WEB, plan
from tests.support.source_tree import FakeTree
from whalebuild.plan.plan import AppPlan, Plan

DEPS = (
    "FROM debian AS dependencies\nWORKDIR /srv\nCOPY requirements.txt .\n"
    "RUN pip install -r requirements.txt\n"
)
FINAL = f"{DEPS}FROM dependencies\n"


def planned(text: str, **targets: dict[str, Any]) -> tuple[Plan, AppPlan]:
    tree = FakeTree(text, contents={"app.py": "", "start.sh": "", "web/a.js": ""})
    made = plan(FakeEngine(definition({"app": dict(WEB), **targets})), tree)
    (app,) = made.apps
    return made, app


@pytest.mark.parametrize(
    "after",
    [
        "COPY . .\n",
        'WORKDIR app\nCOPY . .\nCMD ["python", "app.py"]\n',
        "COPY --link . /srv/\nCOPY --chown=1000 start.sh /\n",
        "FROM dependencies AS later\nENV A=b\nFROM later\nCOPY . .\n",
    ],
)
def test_plain_copies_need_the_stub_alone(after: str) -> None:
    made, app = planned(FINAL + after)
    assert app.pins == ("dependencies",)
    assert made.long_because(app) == ""
    assert not made.uses_caches(app)
    assert [step.keyword for step in app.needs.rest.steps][-1] in {"COPY", "CMD"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            f"{FINAL}COPY . .\nRUN compile .\n",
            "a command runs after the code was taken in (line 7)",
        ),
        (
            f"{FINAL}RUN adduser app\nCOPY . .\n",
            "a command runs after the code was taken in (line 6)",
        ),
        (
            f"{FINAL}COPY --link . .\nUSER app\n",
            "what it adds fits any image (COPY --link)",
        ),
        (
            f"{FINAL}ADD app.py /srv/\n",
            "ADD may unpack an archive, which may link to other files (line 6)",
        ),
    ],
)
def test_what_takes_the_image_itself(text: str, why: str) -> None:
    made, app = planned(text)
    assert made.long_because(app) == why


def test_stages_beside_it_have_their_caches() -> None:
    assets = "FROM node AS assets\nCOPY web .\nRUN make\n"
    made, app = planned(f"{assets}{FINAL}COPY --from=assets /out web\nCOPY . .\n")
    assert made.long_because(app) == ""
    assert made.uses_caches(app)


def test_dependencies_that_are_a_target_of_their_own() -> None:
    given = {"context": ".", "tags": ["acme/web:deps"], "dockerfile-inline": DEPS}
    on = {**WEB, "contexts": {"base": "target:deps"}, "target": None}
    made, app = planned("FROM base\nCOPY . .\n", app=on, deps={**given, "target": "dependencies"})
    assert app.pins == ("base",)
    assert made.long_because(app) == ""
    assert [step.keyword for step in app.needs.rest.steps] == ["COPY"]


def test_what_only_copies_from_a_target_of_its_own_takes_the_image_itself() -> None:
    text = f"{DEPS}FROM debian\nCOPY --from=dependencies /venv /venv\nCOPY . .\n"
    made, app = planned(
        text, deps={"context": ".", "target": "dependencies", "tags": ["acme/web:deps"]}
    )
    assert app.image.app_base is None
    assert made.long_because(app) == "it copies from its dependencies, and does not stand on them"


_INSTALLED = "FROM debian AS installer\nRUN pip install\n"
_COPYING = "FROM alpine AS dependencies\nCOPY --from={} /x /x\n"
_USED = "FROM dependencies AS later\nCOPY --from=installer /z /z\n"
_TWO = """\
FROM debian AS tools
FROM debian AS installer
COPY --from=tools /y /y
FROM debian AS dependencies
RUN --mount=from=installer,target=/x cp /x /y
"""


@pytest.mark.parametrize(
    ("text", "idle"),
    [
        (f"{_INSTALLED}{_COPYING.format('installer')}", ("installer",)),
        (_TWO, ("installer", "tools")),
        (f"{_INSTALLED}FROM installer AS dependencies\nRUN x\n", ("installer",)),
        # The application takes from it, too.
        (f"{_INSTALLED}{_COPYING.format('installer')}{_USED}", ()),
        # As a named context it would take the place of the image as well.
        (
            "FROM debian AS debian\nRUN x\nFROM alpine AS dependencies\nCOPY --from=debian /x /x\n",
            (),
        ),
        (_COPYING.format("busybox"), ()),
    ],
    ids=["one", "two", "below", "used", "an image's name", "none"],
)
def test_stages_that_only_the_dependencies_need_are_idle(text: str, idle: tuple[str, ...]) -> None:
    last = "later" if " AS later" in text else "dependencies"
    _, app = planned(f"{text}FROM {last}\nCOPY . .\n")
    assert app.needs.whole == ""
    assert app.needs.idle == idle
