"""Which RUNs are small: their grammar, and what they are said to change."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.appbase.cutting import cut
from tests.support.properties import examples
from whalebuild.appbase.limits import why_whole
from whalebuild.appbase.small_runs import SmallRun, small_run
from whalebuild.appbase.values import WhyNot
from whalebuild.dockerfile.lines import Instruction, split_instructions
from whalebuild.rebase.commands import Touched

ONES = "1" * 64


def step(text: str) -> Instruction:
    (found,) = split_instructions(f"RUN {text}", "\\")
    return found


def small(text: str) -> SmallRun:
    found = small_run(step(text))
    assert isinstance(found, SmallRun), found
    return found


@pytest.mark.parametrize(
    ("text", "touched"),
    [
        ("chmod +x /app/run", [Touched("/app/run")]),
        ("chmod -R 0755 a b/c", [Touched("a", below=True), Touched("b/c", below=True)]),
        ("chmod 777 -R /app", [Touched("/app", below=True)]),
        ("chmod u=rwx,go-w 'with space'", [Touched("with space")]),
        ("chown app:app x", [Touched("x")]),
        ("chown -Rh 1000:0 .", [Touched(".", below=True)]),
        ("chown :staff x", [Touched("x")]),
        ("mkdir -p -m 2775 /data/a", [Touched("/data/a")]),
        ("ln -sf /app/run /bin/app", [Touched("/bin/app", absent=True)]),
        ("rm -rf /app/docs", [Touched("/app/docs", absent=True)]),
        (r"sed -i 's/\r$//' run", [Touched("run", absent=True)]),
        (r'sed -i -e "s/\r$//g" run', [Touched("run", absent=True)]),
        (r"sed -i s/a/b/ run && x", None),
        ("mkdir a && chmod 700 a", [Touched("a"), Touched("a")]),
        ("mkdir a \\\n  # why\n  && rm b", [Touched("a"), Touched("b", absent=True)]),
    ],
)
def test_what_a_small_run_changes(text: str, touched: list[Touched] | None) -> None:
    found = small_run(step(text))
    assert (list(found.touched) if isinstance(found, SmallRun) else None) == touched


@pytest.mark.parametrize(
    "text",
    [
        *("", "pip install x", "chmod", "chmod +x", "./chmod +x a", "/bin/chmod +x a"),
        # What a shell does more than run commands one after another.
        *("chmod +x *.sh", "chmod +x $A", "chmod +x ${A}", "chmod +x `a`", "chmod +x a > b"),
        *("chmod +x a; rm b", "chmod +x a || rm b", "chmod +x a & rm b", "chmod +x a | rm b"),
        *("A=1 chmod +x a", "chmod +x ~/a", "chmod +x [ab]", "chmod +x {a,b}", "(chmod +x a)"),
        *(
            "! rm a",
            "chmod +x a # b",
            "chmod +x a\\ b",
            'chmod +x "$A"',
            "rm 'a",
            "rm a &&",
            "&& rm",
        ),
        *("if true; then rm a; fi", "rm a && && rm b", "set -e && rm a", "cd /app && rm a"),
        "rm é",
        # Options, modes and words that are not of the grammar.
        *("chmod --reference=a b", "chmod -x a", "chmod 77 a", "chmod +q a", "chmod a=u b"),
        *("chown -L a b", "chown --from=a b c", "chown a.b c", "chown a: -- c", "chown +1 a"),
        *("mkdir", "mkdir -Z a", "mkdir -m", "mkdir -m x a", "mkdir --parents a", "mkdir -m 755"),
        *("rm", "rm -i a", "rm --", "rm -", "ln a b", "ln -s a", "ln -s a b c", "ln -sr a b"),
        *("sed s/a/b/ c", "sed -i s/a/b/ c", "sed -n -i 's/\\r$//' a", "sed -i.bak 's/\\r$//' a"),
        *("sed -i 's/\\r$//'", "sed -i 's/\\r$//' -s a", "sed -i 's/\\r$//e' a", "sed -i"),
        *("rm ../a", "rm a/../b", "rm ''", 'mkdir ""', "rm 'a\tb'", "rm 'a;b'"),
        # Other ways to run something.
        *('["chmod", "+x", "a"]', "--mount=type=cache,target=/c rm a", "--network=none rm a"),
        "<<E\nrm a\nE",
        "ln -s a b && rm c",
    ],
)
def test_whatever_else_is_not_small(text: str) -> None:
    (found,) = split_instructions(f"RUN {text}", "\\") or [None]
    if found is not None:
        assert isinstance(small_run(found), WhyNot)


_PIECES = (
    *(
        "a",
        "b/c",
        ".",
        "..",
        "'",
        '"',
        "'d e'",
        '"f g"',
        " ",
        "\t",
        "&&",
        ";",
        "$",
        "$/",
        "\\",
        "\\r",
    ),
    *(
        "*",
        "~",
        "#",
        "-",
        "-R",
        "=",
        ":",
        "@",
        "%",
        ",",
        "+",
        "é",
        "(",
        "{",
        "`",
        "!",
        "|",
        "<",
        "\\r$",
    ),
)


@given(
    st.lists(st.sampled_from(_PIECES), max_size=8).map("".join), st.sampled_from(["rm ", "mkdir "])
)
@settings(max_examples=examples(gate=50, extended=500), deadline=None)
def test_a_shell_reads_the_words_that_are_read_here(written: str, begin: str) -> None:
    found = small_run(step(f"{begin}-v {written}"))
    assume(isinstance(found, SmallRun))
    assert isinstance(found, SmallRun)
    script = f"""
        show() {{ for each; do case $each in -*) ;; *) printf '%s\\n' "$each" ;; esac; done; }}
        rm() {{ show "$@"; }}; mkdir() {{ show "$@"; }}
        {begin}-v {written}
    """
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == [each.path for each in found.touched]


def test_a_reason_says_more_where_a_run_was_nearly_small() -> None:
    assert str(small_run(step("pip install x"))) == (
        "a command runs after the code was taken in (line 1)"
    )
    assert str(small_run(step("chmod -x a"))) == (
        "a command runs after the code was taken in, and it has the option -x (line 1)"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("COPY . /app/\nRUN chmod +x /app/run\nCOPY lib /app/lib\nCMD x", None),
        ("COPY . /app/\nRUN ln -s a /b\nCMD x", None),
        (
            "COPY . /app/\nRUN ln -s a /b\nCOPY lib /b",
            "an instruction comes after a command that makes a link (line 4)",
        ),
        (
            'COPY . /app/\nSHELL ["a"]\nRUN rm a',
            "a command runs after the code was taken in (line 5)",
        ),
        (
            "COPY . /app/\nRUN rm a\nCOPY --from=busybox /x /x",
            "a command runs after the code was taken in (line 4)",
        ),
        (
            f"COPY . /app/\nADD --checksum=sha256:{ONES} https://example.org/x /x\nRUN rm a",
            "a command runs after the code was taken in (line 5)",
        ),
    ],
)
def test_what_a_small_run_may_stand_beside(text: str, why: str | None) -> None:
    found = why_whole(
        cut(f"FROM debian\nRUN pip install x\n{text}", files={"lib/a": "", "run": ""})
    )
    assert (str(found) if found else None) == why


def test_a_shell_of_the_app_base_runs_commands_in_its_own_way() -> None:
    found = why_whole(cut('FROM debian\nSHELL ["bash", "-c"]\nRUN x\nCOPY . .\nRUN rm a'))
    assert str(found) == "commands are run by another SHELL (line 2)"
