"""A plan of a given engine, source tree and registry."""

from __future__ import annotations

from typing import Any

from tests.support.engine import FakeEngine
from tests.support.registry import FakeRegistry
from tests.support.retrier import patient
from tests.support.source_tree import FakeTree
from whalebuild.bakefile.images import BuildOptions
from whalebuild.bakefile.request import BakeRequest
from whalebuild.plan.plan import Plan
from whalebuild.plan.planner import Planner
from whalebuild.settings import Settings

WEB = {"tags": ["acme/web:latest"]}


def plan(
    engine: FakeEngine,
    tree: FakeTree | None = None,
    request: BakeRequest | None = None,
    *,
    registry: FakeRegistry | None = None,
    options: BuildOptions | None = None,
    ask: bool = True,
    **settings: Any,
) -> Plan:
    places = (engine, registry or FakeRegistry(), tree or FakeTree())
    planner = Planner(*places, Settings(**settings), patient(), ask)
    return planner.plan(request or BakeRequest(), options or BuildOptions())
