from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.actions_log import read_log
from whalebuild.ci.commands import command, inert, resume, stop

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))


@given(TEXTS, TEXTS.filter(bool), st.integers(1))
def test_the_runner_reads_what_was_meant(data: str, file: str, line: int) -> None:
    said = command("error", data, file=file, line=line, title="")
    # The runner gets a line at a time; "\r" and "\n" are all that it ends at.
    assert "\n" not in said
    assert "\r" not in said
    (read,) = read_log([said]).commands
    assert (read.name, read.data) == ("error", data)
    assert read.properties == {"file": file, "line": str(line)}


def test_what_is_escaped() -> None:
    said = command("error", "50%\r\n::x", file="a:b,c%")
    assert said == "::error file=a%3Ab%2Cc%25::50%25%0D%0A::x"
    assert command("endgroup") == "::endgroup::"


@given(st.text(st.sampled_from(":#[] \nerror=,%a")))
def test_in_an_inert_text_there_is_no_command(text: str) -> None:
    tried = f"  ::error::{text}\nx ##[error]{text}{text}"
    assert read_log(inert(tried).split("\n")).commands == []


def test_nothing_is_carried_out_until_it_resumes() -> None:
    lines = [stop("t1"), "::error::x", "##[add-mask]y", "::t2::", resume("t1"), "::notice::z"]
    log = read_log(lines)
    assert [(each.name, each.data) for each in log.commands] == [("notice", "z")]
    assert log.shown == ["::error::x", "##[add-mask]y", "::t2::"]
