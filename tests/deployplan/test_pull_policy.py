"""Which images ``docker compose pull`` would look up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whalebuild.compose.model import Service
from whalebuild.deployplan.pull_policy import not_pulled
from whalebuild.oci.reference import Reference

DIGEST = f"sha256:{'1' * 64}"


@pytest.mark.parametrize(
    ("policy", "absent", "present", "present_latest"),
    [
        ("", True, True, True),
        ("always", True, True, True),
        ("daily", True, True, True),
        ("weekly", True, True, True),
        ("every_12h", True, True, True),
        ("missing", True, False, True),
        ("if_not_present", True, False, True),
        ("never", False, False, False),
        ("build", False, False, False),
    ],
)
def test_what_is_looked_up(policy: str, absent: bool, present: bool, present_latest: bool) -> None:
    """As ``TestShouldPullImage`` in ``pkg/compose/pull_test.go`` has it."""
    db = Service("db", Reference("postgres", "17"), pull_policy=policy)
    latest = replace(db, image=Reference("postgres"))
    assert (not not_pulled(db, on_host=False)) is absent
    assert (not not_pulled(db, on_host=True)) is present
    assert (not not_pulled(latest, on_host=True)) is present_latest


def test_an_image_by_digest_that_is_there() -> None:
    pinned = Service("db", Reference("postgres", digest=DIGEST), pull_policy="missing")
    assert not_pulled(pinned, on_host=True)
    assert not not_pulled(pinned, on_host=False)


def test_what_has_no_image_to_pull() -> None:
    job = Service("job", None, built=True)
    assert not_pulled(job, on_host=False) == "built here, by `docker compose build job`"
    assert not_pulled(Service("job", None), on_host=False) == "it names no image"
