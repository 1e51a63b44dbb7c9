"""Which storage two versions of a service would share."""

from __future__ import annotations

import pytest

from whalebuild.compose.model import read_model
from whalebuild.compose.mounts import shared_storage

RAW = {
    "name": "shop",
    "volumes": {"run": {"name": "shop_run"}, "media": {"name": "media"}},
    "services": {
        "web": {
            "image": "web",
            "tmpfs": ["/tmp"],
            "volumes": [
                {"type": "volume", "source": "run", "target": "/run"},
                {"type": "volume", "source": "media", "target": "/media", "read_only": True},
                {"type": "volume", "target": "/cache"},
                {"type": "tmpfs", "target": "/t"},
                {"type": "bind", "source": "/srv/a", "target": "/a"},
                {"type": "bind", "source": "/etc/x", "target": "/x", "read_only": True},
            ],
        }
    },
}


@pytest.mark.parametrize(
    ("safe", "left"),
    [
        ((), ("shop_run", "/srv/a")),
        (("run",), ("/srv/a",)),
        (("shop_run", "/srv/a"), ()),
        (("media",), ("shop_run", "/srv/a")),
    ],
)
def test_what_is_shared(safe: tuple[str, ...], left: tuple[str, ...]) -> None:
    model = read_model(RAW)
    assert shared_storage(model, model.services["web"], safe) == left
