from __future__ import annotations

import pytest

from whalebuild.bakefile.variables import check_variables
from whalebuild.errors import UsageError

HCL = (
    'variable "IMAGE_TAG" {\n  default = "1"\n}\nPUSH = "no"\ntarget "app" { tags = [IMAGE_TAG] }\n'
)
COMPOSE = "services:\n  web:\n    image: app:${TAG:-1}\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("IMAGE_TAG", HCL),
        ("IMAGE_TAG_JSON", HCL),
        ("PUSH", HCL),
        ("TAG", COMPOSE),
        ("V", '{"variable": {"V": {"default": "1"}}}'),
    ],
)
def test_what_the_bake_file_has_may_be_given(name: str, text: str) -> None:
    check_variables([name], text)


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("IMAGE_TGA", HCL, 'did you mean "IMAGE_TAG"?'),
        ("TAGS", COMPOSE, 'did you mean "TAG"?'),
        ("NOPE", HCL, 'declare it: variable "NOPE"'),
        ("ANY", "", "declare it"),
    ],
)
def test_what_it_does_not_have_is_refused(name: str, text: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"--var {name}: the bake file has no variable") as raised:
        check_variables([name], text)
    assert hint in (raised.value.next_step or "")


@pytest.mark.parametrize("text", [None, "include: [other.yaml]\n", "    extends:\n      file: a\n"])
def test_where_other_files_may_have_it_nothing_is_refused(text: str | None) -> None:
    check_variables(["ANY"], text)
