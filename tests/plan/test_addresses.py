"""What is behind addresses that nothing pins: pinned as base images are."""

from __future__ import annotations

import pytest

from tests.support.bake import BakeWorld, app_of, bundle_of
from tests.support.platforms import AMD64
from whalebuild.bakefile.images import Portion
from whalebuild.bundle.annotations import from_annotations
from whalebuild.bundle.lock import Lock
from whalebuild.inputs.values import Undetermined
from whalebuild.plan.decision import DepsAction
from whalebuild.plan.plan import AppAction

URL, REPO = "https://example.org/agent", "https://example.org/x.git#main"
IN_DEPS = (
    f"FROM debian AS dependencies\nCOPY requirements.txt .\nADD {URL} /\n"
    "FROM dependencies\nCOPY --link app.py .\n"
)
IN_APP = (
    "FROM debian AS dependencies\nCOPY requirements.txt .\nRUN x\n"
    f"FROM dependencies\nADD --link {URL} /\nCOPY --link app.py .\n"
)


def world(text: str, **there: str) -> BakeWorld:
    made = BakeWorld()
    made.base()
    made.tree.text = text
    made.web.there = there or {URL: "etag:1"}
    made.bake()
    made.web.asked.clear()
    return made


def lock_of(made: BakeWorld) -> Lock:
    lock = from_annotations(bundle_of(made).annotations)
    assert isinstance(lock, Lock)
    return lock


def test_dependencies_are_reused_and_nobody_is_asked() -> None:
    made = world(IN_DEPS)
    assert lock_of(made).bases[AMD64][f"address {URL}"] == "etag:1"
    made.web.there[URL] = "etag:2"
    plan = made.plan()
    assert plan.deps[0].reused
    assert plan.apps[0].action is AppAction.NOTHING
    assert made.web.asked == []


@pytest.mark.parametrize("how", ["--pull", "follow"])
def test_follow_moves_it(how: str) -> None:
    made = world(IN_DEPS)
    made.set(**({"base": "follow"} if how == "follow" else {}))
    options = {"pull": True} if how == "--pull" else {}
    assert made.plan(**options).deps[0].reused
    assert made.web.asked == [(URL, "etag:1")], "a conditional request"
    made.web.there[URL] = "etag:2"
    plan = made.plan(**options)
    assert plan.deps[0].decision.reasons == (f"ADD {URL} changed",)
    made.bake(**options)
    assert lock_of(made).bases[AMD64][f"address {URL}"] == "etag:2"


def test_what_is_built_for_another_reason_has_what_is_there_now() -> None:
    made = world(IN_DEPS)
    made.web.there[URL] = "etag:2"
    made.tree.write(**{"requirements.txt": "x==2\n"})
    plan = made.plan()
    assert set(plan.deps[0].decision.reasons) == {"requirements.txt changed", f"ADD {URL} changed"}
    made.bake()
    assert lock_of(made).bases[AMD64][f"address {URL}"] == "etag:2"
    assert made.plan().deps[0].reused


def test_a_server_that_does_not_answer_is_left_to_buildkit() -> None:
    made = world(IN_DEPS)
    made.web.down = True
    assert made.plan().deps[0].reused, "it is not asked"
    made.set(base="follow")
    deps = made.plan().deps[0]
    assert deps.decision.action is DepsAction.ASK
    assert isinstance(deps.lock, Undetermined)
    assert f"what is behind {URL} may change" in str(deps.lock)
    assert "(line 3)" in str(deps.lock)


def test_thorough_plans_say_what_has_moved() -> None:
    made = world(IN_DEPS)
    assert made.plan(thorough=True).deps[0].drifted_bases == ()
    made.web.there[URL] = "etag:2"
    assert made.plan(thorough=True).deps[0].drifted_bases == (f"address {URL}",)


def test_an_application_keeps_what_it_was_built_with() -> None:
    made = world(IN_APP)
    record = app_of(made).record
    assert record
    assert record.bases[f"address {URL}"] == "etag:1"
    made.web.there[URL] = "etag:2"
    assert made.plan().apps[0].action is AppAction.NOTHING
    assert made.web.asked == []
    assert made.plan(pull=True).apps[0].action is AppAction.BUILD


def test_an_application_that_is_built_has_what_is_there_now() -> None:
    made = world(IN_APP)
    made.web.there[URL] = "etag:2"
    made.tree.write(**{"app.py": "2\n"})
    made.bake()
    record = app_of(made).record
    assert record
    assert record.bases[f"address {URL}"] == "etag:2"
    assert made.plan().apps[0].action is AppAction.NOTHING


@pytest.mark.parametrize("text", [IN_DEPS, IN_APP])
def test_what_changes_while_it_is_built_is_built_again(text: str) -> None:
    made = BakeWorld()
    made.base()
    made.tree.text = text
    made.web.there = {URL: "etag:1"}
    made.web.then = lambda url: made.web.there.update({url: "etag:2"})
    result = made.bake()
    (warned,) = result.warnings
    assert warned.startswith(f"what is behind {URL} changed while ")
    made.web.then = lambda _: None
    plan = made.plan()
    built = plan.deps[0].decision.action if text == IN_DEPS else plan.apps[0].action
    assert built in {DepsAction.REBUILD, AppAction.BUILD}
    assert made.bake().warnings == ()
    plan = made.plan()
    assert plan.deps[0].reused
    assert plan.apps[0].action is AppAction.NOTHING


def test_references_of_git_and_named_contexts() -> None:
    made = BakeWorld()
    made.base()
    made.targets(
        app={"tags": ["acme/web:latest"], "contexts": {"assets": "https://example.org/a.tgz"}}
    )
    made.tree.text = (
        f"FROM debian AS dependencies\nADD {REPO} /x\nCOPY --from=assets / /a\nFROM dependencies\n"
        "COPY --link app.py .\n"
    )
    made.web.there = {REPO: f"commit:{'1' * 40}", "https://example.org/a.tgz": "etag:1"}
    made.bake()
    assert made.plan().deps[0].reused
    for url in (REPO, "https://example.org/a.tgz"):
        before = made.web.there[url]
        made.web.there[url] = "commit:2"
        assert not made.plan(pull=True).deps[0].reused
        made.web.there[url] = before
    assert made.plan(pull=True).deps[0].reused


def test_print_asks_nobody() -> None:
    made = world(IN_DEPS)
    made.plan(ask=False)
    assert made.web.asked == []


def test_a_part_leaves_it_to_buildkit() -> None:
    made = world(IN_DEPS)
    made.set(platform=(AMD64,))
    plan = made.plan(portion=Portion((AMD64,), "token"), pull=True)
    assert plan.deps[0].decision.action is DepsAction.ASK
    assert made.web.asked == []
