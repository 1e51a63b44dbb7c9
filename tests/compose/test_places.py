"""Where an image is named."""

from __future__ import annotations

import pytest

from whalebuild.compose.places import image_place

PLAIN = """\
services:
  db:
    image: postgres:17
  web:
    build: .
    image: "r.test/web:v2"  # ours
"""
VARIABLE = "services:\n  web:\n    image: ${REPO}/web:${TAG:-v1}\n"
ANCHOR = """\
x-app: &app
  image: r.test/web:${TAG}
services:
  db: {image: postgres}
  web:
    <<: *app
"""
ENV = "# shop\nREPO=r.test\nexport TAG=v2\n"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"compose.yaml": PLAIN}, "line 6 of compose.yaml"),
        ({"compose.yaml": PLAIN.replace("\n", "\r\n")}, "line 6 of compose.yaml"),
        ({"compose.yaml": VARIABLE, ".env": ENV}, "line 3 of .env (TAG)"),
        ({"compose.yaml": VARIABLE, ".env": ENV, "prod.env": "TAG=v2\n"},
         "line 1 of prod.env (TAG)"),
        ({"compose.yaml": VARIABLE}, "the variable TAG (line 3 of compose.yaml)"),
        ({"compose.yaml": ANCHOR, ".env": ENV}, "line 3 of .env (TAG)"),
        ({"compose.yaml": PLAIN, "compose.override.yaml": VARIABLE.replace("${TAG:-v1}", "v2")},
         "the variable REPO (line 3 of compose.override.yaml)"),
        ({"compose.yaml": "include: [other.yaml]\n"}, "services.web.image"),
        ({"compose.yaml": "services: {web: {image: r.test/web:v2}}\n"}, "services.web.image"),
        ({}, "services.web.image"),
    ],
)  # fmt: skip
def test_it(files: dict[str, str], said: str) -> None:
    assert image_place(files, "web", "r.test/web:v2") == said
