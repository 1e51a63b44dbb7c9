"""What a deploy sees of a host."""

from __future__ import annotations

import pytest

from whalebuild.deployplan.host_state import HostState
from whalebuild.oci.reference import Reference, parse_reference
from whalebuild.published.host_images import HostImage
from whalebuild.published.kept import kept_name

ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")


def ref(text: str) -> Reference:
    return parse_reference(text, where="test")


IMAGES = (
    HostImage("sha256:id", (ref("postgres:17"),), (ref(f"postgres@{ONE}"),)),
    HostImage(TWO, (ref("acme/db:1"), ref("acme/web:1")), (ref(f"acme/web@{TWO}"),)),
    HostImage(f"sha256:{'3' * 64}", kept=(kept_name(f"sha256:{'3' * 64}"),)),
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("postgres:17", "sha256:id"),
        ("docker.io/library/postgres:17", "sha256:id"),
        (f"docker.io/library/postgres:17@{ONE}", "sha256:id"),
        ("postgres:16", None),
        (f"postgres@{TWO}", None),
        (f"acme/web:9@{TWO}", TWO),
        # Of two names of one image, docker lists one with its digest.
        (f"acme/db:1@{TWO}", TWO),
        (f"acme/api:1@{TWO}", None),
        (f"acme/api:1@sha256:{'3' * 64}", f"sha256:{'3' * 64}"),
    ],
)
def test_what_the_engine_has_under_a_name(name: str, found: str | None) -> None:
    image = HostState.at((), IMAGES).image(ref(name))
    assert (image.id if image else None) == found
