from __future__ import annotations

import pytest

from whalebuild.bakefile.others import may_write_files


@pytest.mark.parametrize(
    ("text", "may"),
    [
        (None, True),
        ('output = ["type=tar,dest=out.tar"]', True),
        ('output = ["dest=out.tar,type=oci"]', True),
        ('output = [{ type = "docker", dest = "out.tar" }]', True),
        ('output = [{ "type" = "oci", "dest" = "out.tar" }]', True),
        ('"output": [{"type": "docker", "dest": "out.tar"}]', True),
        ("output:\n  - type: oci\n    dest: out.tar", True),
        ('output = ["type=${KIND},dest=out"]', True),
        ('output = ["type=docker"]', False),
        ('output = ["type=local,dest=out"]', False),
        ('output = ["type=cacheonly"]', False),
        ("", False),
    ],
)
def test_files_that_a_bake_file_may_have_for_outputs(text: str | None, may: bool) -> None:
    assert may_write_files(text) is may
