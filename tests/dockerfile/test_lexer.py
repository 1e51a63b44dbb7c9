"""Words as BuildKit's shell lexer reads them; the tables follow its envVarTest and lex_test.go."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whalebuild.dockerfile.lexer import (
    Lexer,
    UnknownVariableError,
    WordError,
    _WordReader,
    unset,
)

VALUES = {"PWD": "/home", "SHELL": "bash", "NULL": "", "FOO": "xxyy", "BAR": "x", "STAR": "a*b"}
BAD = None


def word(text: str, escape: str = "\\") -> str | None:
    try:
        return Lexer(escape).word(text, VALUES.get)
    except WordError:
        return BAD


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", "hello"),
        ("he'll'o", "hello"),
        ("he'llo", BAD),
        (r"he\'llo", "he'llo"),
        (r"he\\'llo", BAD),
        (r"abc\tdef", "abctdef"),
        (r'"abc\tdef"', r"abc\tdef"),
        (r'"abc\\tdef"', r"abc\tdef"),
        (r"'abc\tdef'", r"abc\tdef"),
        ("hello\\", "hello"),
        ("hello\\\\", "hello\\"),
        (r'"hello\"', BAD),
        (r"'hello\'", "hello\\"),
        ("\"''\"", "''"),
        ("a  b", "a  b"),
        ("a<b", "a<b"),
        ("a<<b", "a<<b"),
    ],
)
def test_quotes_and_escapes(text: str, expected: str | None) -> None:
    assert word(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$.", "$."),
        ("$", "$"),
        ("he$1x", "hex"),
        ("he$12x", "hex"),
        ("a$@b", "ab"),
        ("he$pwd.", "he."),
        ("he$PWD", "he/home"),
        (r"he\$PWD", "he$PWD"),
        (r'"he\$PWD"', "he$PWD"),
        (r'"he\\$PWD"', r"he\/home"),
        ("'$PWD'", "$PWD"),
        ("\"'$PWD'\"", "'/home'"),
        (r"\${}aaa", "${}aaa"),
        ("${}", BAD),
        ("${.}", BAD),
        ("${PWD", BAD),
        ("${", BAD),
        ("he${hi}xx", "hexx"),
        ("he${PWD}xx", "he/homexx"),
    ],
)
def test_variables(text: str, expected: str | None) -> None:
    assert word(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${XXX:-000}", "000"),
        ("${NULL:-000}", "000"),
        ("${NULL-000}", ""),
        ("${XXX-000}", "000"),
        ("${PWD:-000}", "/home"),
        ("${XXX:-${YYY:-yyy}}", "yyy"),
        (r"${XXX:-\${PWD}z}", "${PWDz}"),
        ("${XXX:+000}", ""),
        ("${PWD:+${SHELL}}", "bash"),
        ("${NULL+000}", "000"),
        ("${NULL:+000}", ""),
        ("${XXX?}", BAD),
        ("${NULL?}", ""),
        ("${NULL:?no}", BAD),
        ("${PWD:?no}", "/home"),
        ("${PWD:=000}", BAD),
        ("${PWD=000}", BAD),
        ("${XXX:YYY}", BAD),
        ("${FOO#x}", "xyy"),
        ("${FOO##x*}", ""),
        ("${FOO#*x}", "xyy"),
        ("${FOO##*x}", "yy"),
        ("${FOO#$BAR}", "xyy"),
        ("${FOO#}", "xxyy"),
        ("${FOO#*}", "xxyy"),
        ("${FOO##*}", ""),
        ("${FOO%y}", "xxy"),
        ("${FOO%y*}", "xxy"),
        ("${FOO%%y*}", "xx"),
        ("${FOO%?}", "xxy"),
        ("${FOO%z}", "xxyy"),
        (r"${STAR#a\*}", "b"),
        (r"${STAR%\*b}", "a"),
        (r"${FOO#\x}", BAD),
        ("${FOO:#x}", BAD),
        ("${FOO/x/z}", "zxyy"),
        ("${FOO//x/z}", "zzyy"),
        ("${FOO//*/z}", "z"),
        ("${FOO/xy}", BAD),
        ("${FOO/[x]/z}", "xxyy"),
        (r"${PWD/\//_}", "_home"),
        ("${XXX/a/b}", ""),
    ],
)
def test_modifiers(text: str, expected: str | None) -> None:
    assert word(text) == expected


def test_a_template_in_a_replacement_is_not_followed() -> None:
    assert word(r"${FOO//x/\$1}") is BAD
    assert word(r"${FOO/x/\$1}") == r"\$1xyy"


def test_the_escape_character_is_the_dockerfiles() -> None:
    assert word("a`$PWD\\b", "`") == "a$PWD\\b"


@pytest.mark.parametrize("text", ["$NEW", "${NEW:-default}", "a${OLD:+$NEW}", "${NEW#x}"])
def test_a_value_that_cannot_be_told_is_said_with_its_name(text: str) -> None:
    def lookup(name: str) -> str | None:
        if name == "NEW":
            raise UnknownVariableError(name)
        return "old"

    with pytest.raises(UnknownVariableError, match="NEW"):
        Lexer().word(text, lookup)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello there", ["hello", "there"]),
        ("  a\t b ", ["a", "b"]),
        (r"hello\ there", ["hello there"]),
        ('hello" there  "', ["hello there  "]),
        ("a'' b", ["a", "b"]),
        ("x${SPACE}y", ["xa", "by"]),
        ('x"${SPACE}"y', ["xa  by"]),
        ("a <<EOF b", ["a", "<<EOF", "b"]),
        ("a << EOF b", ["a", "<< EOF", "b"]),
        ("a${XXX:-b}", ["b"]),
    ],
    ids=[*map(str, range(9)), "BuildKit forgets what stood before a modifier"],
)
def test_words_are_split_outside_of_quotes(text: str, expected: list[str]) -> None:
    assert Lexer().words(text, {"SPACE": "a  b"}.get) == expected


def test_raw_reading_keeps_quotes_escapes_and_unset_variables() -> None:
    raw = Lexer(raw_quotes=True, raw_escapes=True, skip_unset=True)
    text = r"""'a' "b c" \d $E ${F} ${G:-h} ${H/i/j}"""
    assert raw.word(text, unset) == text


@pytest.mark.parametrize(
    ("text", "expected"), [(r'"b\c"', r'"b\\c"'), (r'"b\"c"', r'"b\"c"'), (r'"\$b"', r'"\$b"')]
)
def test_raw_reading_doubles_an_escape_in_double_quotes_that_escapes_nothing(
    text: str, expected: str
) -> None:
    """As processDoubleQuote of BuildKit 0.25 does: it writes it as kept, then as a character."""
    assert Lexer(raw_quotes=True, raw_escapes=True).word(text, unset) == expected


@given(st.text(alphabet="aB_1 $\\'\"`{}:-+?#%/<*é"), st.sampled_from("\\`"))
def test_any_text_is_a_word_or_refused(text: str, escape: str) -> None:
    with contextlib.suppress(WordError):
        assert isinstance(Lexer(escape).word(text, VALUES.get), str)


@given(st.text(alphabet="abc .,/-_é\t"))
def test_text_without_special_characters_stays_as_it_is(text: str) -> None:
    assert word(text) == text
    assert Lexer().words(text, unset) == text.split()


@pytest.mark.parametrize("escape", ["\\", "`"])
@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("char", [chr(each) for each in (*range(1, 128), 0x85, 0xDC80, 0x3000)])
def test_a_word_that_is_taken_as_it_is_would_be_read_so(char: str, raw: bool, escape: str) -> None:
    lexer = Lexer(escape=escape, raw_quotes=raw, raw_escapes=raw)
    text = f"a{char}b "

    def read() -> str:
        return _WordReader(lexer, text, unset).read("", raw_escapes=raw)[0]

    try:
        expected = read()
    except WordError:
        with pytest.raises(WordError):
            lexer.word(text, unset)
    else:
        assert lexer.word(text, unset) == expected
