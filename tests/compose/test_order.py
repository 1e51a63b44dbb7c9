"""In which order services need each other."""

from __future__ import annotations

from tests.support.project import model, service
from whalebuild.compose.order import dependencies_of, in_order, needed_healthy

SHOP = model(
    service("web", depends_on={"migrate": "service_completed_successfully", "gone": "x"}),
    service("migrate", depends_on={"db": "service_healthy"}),
    service("db"),
    service("mail"),
)


def test_what_is_needed_comes_first() -> None:
    assert [s.name for s in dependencies_of(SHOP, ["web"])] == ["db", "migrate"]
    assert [s.name for s in dependencies_of(SHOP, ["web", "migrate"])] == ["db"]
    assert [s.name for s in in_order(SHOP, ["web", "mail", "db"])] == ["db", "web", "mail"]
    assert dependencies_of(SHOP, ["nobody"]) == ()


def test_services_that_need_each_other() -> None:
    """compose refuses them; here they must not hang."""
    both = model(
        service("a", depends_on={"b": "service_started"}),
        service("b", depends_on={"a": "service_started"}),
    )
    assert {s.name for s in in_order(both, ["a", "b"])} == {"a", "b"}


def test_whose_health_is_waited_for() -> None:
    assert needed_healthy(SHOP) == {"db"}
