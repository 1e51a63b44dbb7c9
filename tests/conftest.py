from __future__ import annotations

import pytest

from tests.properties import register_profiles

register_profiles()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Engine tests first: they wait a lot, and unit tests fill the time that is left at the end."""
    items.sort(key=lambda item: item.get_closest_marker("engine") is None)
