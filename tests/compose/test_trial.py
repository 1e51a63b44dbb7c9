"""A trial is found by nothing: no name, no label of the service, no variable of nginx-proxy."""

from __future__ import annotations

from typing import Any

import pytest

from whalebuild.compose.model import read_model
from whalebuild.compose.trial import as_trial


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"hostname": "x"}, {}),
        ({"labels": {"traefik.http.routers.web.rule": "Host(`a`)"}}, {}),
        ({"label_file": ["./labels"]}, {}),
        (
            {"environment": {"VIRTUAL_HOST": "a", "LETSENCRYPT_HOST": "a", "HOST": "b", "N": None}},
            {"environment": {"HOST": "b", "N": None}},
        ),
        ({"environment": {}, "command": ["a"]}, {"environment": {}, "command": ["a"]}),
    ],
)
def test_what_is_left_of_a_service(given: dict[str, Any], left: dict[str, Any]) -> None:
    other = {"image": "b", "labels": {"a": "b"}, "hostname": "db"}
    raw = {"name": "shop", "services": {"web": {"image": "web", **given}, "db": other}}
    model = read_model(raw)
    tried = as_trial(model, "web").raw["services"]
    assert tried == {"web": {"image": "web", **left}, "db": other}
    assert model.raw == raw
