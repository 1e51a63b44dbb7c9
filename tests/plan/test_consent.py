from __future__ import annotations

from typing import Any

import pytest

from tests.support.engine import FakeEngine, definition
from tests.support.planner import WEB, plan
from tests.support.registry import FakeRegistry
from tests.support.source_tree import FakeTree
from whalebuild.bakefile.request import BakeRequest
from whalebuild.errors import UsageError

ELSEWHERE = {"secret": [{"id": "token", "src": "/etc/hostname"}]}


def refused(targets: dict[str, Any], *default: str, **given: Any) -> UsageError:
    registry = FakeRegistry()
    engine = FakeEngine(definition(targets, *default))
    with pytest.raises(UsageError) as caught:
        plan(engine, FakeTree(), BakeRequest(**given), registry=registry)
    assert not registry.requests, "nothing is asked before"
    return caught.value


def test_what_needs_consent_is_refused_with_all_findings_and_flags() -> None:
    app = {**WEB, **ELSEWHERE, "entitlements": ["network.host"]}
    error = refused({"app": app})
    assert "additional privileges requested" in error.what
    assert error.cause == (
        'target "app" reads /etc/hostname (secret "token"); '
        'target "app" runs steps in the host\'s network (its entitlements)'
    )
    assert error.next_step is not None
    assert "--allow fs.read=/etc/hostname --allow network.host" in error.next_step


def test_the_path_that_a_link_leads_to_is_said() -> None:
    tree = FakeTree()
    (tree.root / "token").symlink_to("/etc/hostname")
    app = {**WEB, "secret": [{"id": "t", "src": "token"}], "output": ["/new/out"]}
    with pytest.raises(UsageError) as caught:
        plan(FakeEngine(definition({"app": app})), tree)
    assert caught.value.cause == (
        'target "app" reads token, which is /etc/hostname (secret "t"); '
        'target "app" writes /new/out, to be made in / (output)'
    )


def test_a_linked_target_counts_and_one_that_is_not_built_does_not() -> None:
    app = {**WEB, "contexts": {"lib": "target:lib"}}
    targets = {"app": app, "lib": {**ELSEWHERE}, "other": {**ELSEWHERE, "ssh": ["default"]}}
    error = refused(targets, "app")
    assert error.cause == 'target "lib" reads /etc/hostname (secret "token")'
    plan(FakeEngine(definition({"app": WEB, "other": ELSEWHERE}, "app")))


def test_with_consent_it_is_planned_and_the_bake_gets_it() -> None:
    targets = {"app": {**WEB, **ELSEWHERE, "cache-to": [{"type": "local", "dest": "/c"}]}}
    request = BakeRequest(overrides=("app.cache-to=type=local,dest=/",))
    made = plan(FakeEngine(definition(targets)), request=request, allow=("fs.read=/etc",))
    assert made.settings.allow == ("fs.read=/etc", "fs.write=/")
    assert made.settings.origin("allow") == "default, --set"


def test_print_needs_no_consent_as_with_buildx() -> None:
    plan(FakeEngine(definition({"app": {**WEB, **ELSEWHERE}})), ask=False)
