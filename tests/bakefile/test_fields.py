from __future__ import annotations

import pytest

from whalebuild.bakefile.fields import fields_of, output_fields, ssh_fields


@pytest.mark.parametrize(
    ("written", "fields"),
    [
        ({"type": "local", "dest": "out"}, {"type": "local", "dest": "out"}),
        ("type=local,dest=out", {"type": "local", "dest": "out"}),
        ('type=local,"dest=a,b"', {"type": "local", "dest": "a,b"}),
        ("Type=local, DEST=out", {"type": "local", "dest": "out"}),
        ("acme/cache", {"acme/cache": None}),
        ("", {}),
        ("a\nb", {}),
    ],
)
def test_one_line_is_read_as_an_object_is(written: object, fields: dict[str, str]) -> None:
    assert fields_of(written) == fields


def test_an_output_that_is_one_word_is_a_folder_or_standard_output() -> None:
    assert output_fields("out") == {"type": "local", "dest": "out"}
    assert output_fields("-") == {"type": "tar", "dest": "-"}
    assert output_fields("type=cacheonly") == {"type": "cacheonly"}


def test_ssh_agents_and_keys() -> None:
    assert ssh_fields("default") == ("default", ())
    assert ssh_fields("github=a,b") == ("github", ("a", "b"))
    assert ssh_fields({"id": "default"}) == ("default", ())
    assert ssh_fields({"id": "x", "paths": ["a"]}) == ("x", ("a",))
