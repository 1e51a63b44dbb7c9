"""Removes what may be a secret from texts that others wrote: messages, log tails, outputs.

Registries, token servers and credential helpers repeat what they were sent, docker passes that on,
and applications print their own. The time is linear in the text's length, whatever stands in it:
no pattern begins a long search at more than one place of a word, and no search crosses words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORD = r"[\w.~+/=-]"
# Whatever stands before: PGPASSWORD, CI_JOB_TOKEN, AWS_SECRET_ACCESS_KEY, --api-key. It is looked
# for from the beginnings of words alone.
_NAMED = (
    r"(?<![\w-])[\w-]*?(?i:password|passwd|passphrase|_pwd|assertion|secret|token|"
    r"(?:secret|access|api|private)[_-]?(?:access[_-]?)?key)"
)
# After a name and before a value in quotes: in a file of settings, in JSON.
_IS = r"\s?=\s?\\?[\"']|\\?[\"']\s{0,9}:\s{0,9}\\?[\"']"
_OF_AWS = (
    r"(?i)(secret_?access_?key|session_?token)(\\?[\"']?\s{0,4}[:=]\s{0,4}\\?[\"']?)"
    r"[a-z0-9/+=]{16,}"
)
# Each pattern with what it leaves.
_PATTERNS = tuple(
    (re.compile(pattern), left)
    for pattern, left in (
        (r"(?<=://)[^/\s\"]+@", ""),
        # Neither a challenge (``Bearer realm=``) nor prose such as "basic authentication".
        (rf"\b(?i:(basic|bearer)) +(?!realm=)(?={_WORD}*[A-Z0-9+/=_~]){_WORD}{{6,}}", r"\1 ***"),
        # A token as most registries have it.
        (r"(?<![\w-])eyJ[\w-]{5,}+\.[\w-]{5,}+(?:\.[\w-]*)?", "***"),
        # GitHub's and GitLab's tokens, and the IDs of AWS's keys, have prefixes of their own.
        (r"\bgh[oprsu]_[A-Za-z0-9_]{16,}", "***"),
        (r"\bgithub_pat_\w{20,}", "***"),
        (r"\b(?:gl[a-z]{2,6}|GR1348941)-[\w.-]{16,}", "***"),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", "***"),
        # AWS's secret keys have none: they are told by what stands before them.
        (_OF_AWS, r"\1\2***"),
        (rf"({_NAMED})({_IS})[^\"'\\\n]+", r"\1\2***"),
        (rf"({_NAMED})(=)[^\s\"'&\\]+", r"\1\2***"),
        # The output of a credential helper that failed.
        (r"(error getting credentials - err: [^`]{0,999}out: `)[^`]*", r"\1***"),
    )
)
_NOT_BLANK = re.compile(r"[^\s\"]+")
_URL = re.compile(r"https?://")
_KEY_MARK = re.compile(r"-----(BEGIN|END) (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE = re.compile(r"[A-Za-z0-9+/=]{40,}")


def redact(text: str) -> str:
    """Remove from a text what may hold a secret.

    That is: logins and queries of URLs, private keys, tokens that can be told by their form
    (GitHub's, GitLab's, AWS's, JSON web tokens), and values whose names say that they are secret.
    """
    if "PRIVATE KEY-----" in text or "PRIVATE KEY BLOCK-----" in text:
        text = "".join(_without_keys(text))
    if "://" in text:
        text = _NOT_BLANK.sub(_without_query, text)
    for pattern, left in _PATTERNS:
        text = pattern.sub(left, text)
    return text


class LineRedactor:
    """:func:`redact` for lines that come one by one: a private key goes over several."""

    def __init__(self) -> None:
        self._in_key = False

    def __call__(self, line: str) -> str:
        """The line without what may hold a secret."""
        marks = list(_KEY_MARK.finditer(line))
        was_in_key = self._in_key
        if marks:
            self._in_key = marks[-1][1] == "BEGIN"
        if not was_in_key:
            return redact(line)
        return redact(line[marks[0].start() :]) if marks else "***"


def _without_query(word: re.Match[str]) -> str:
    """A word without the query of its URL; a colon at its end may be the sentence's."""
    said = word[0]
    url = _URL.search(said)
    query = said.find("?", url.end() + 1) if url else -1
    if query < 0:
        return said
    return said[:query] + (":" if said.endswith(":") else "")


def _without_keys(text: str) -> Iterator[str]:
    """The text without private keys; of one that is cut off, the lines that may be of it go."""
    at = 0
    marks = list(_KEY_MARK.finditer(text))
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        between = text[at : mark.start()]
        if mark[1] == "BEGIN":
            yield between
            after = text[mark.end() : following.start() if following else len(text)]
            whole = following is not None and following[1] == "END"
            rest = "" if whole else _after_key(after)
            yield mark[0] + ("***" if rest != after else "")
            at = mark.end() + len(after) - len(rest)
        else:
            # Of a whole one, nothing is left between.
            rest = _before_key(between)
            yield rest + ("***" if rest != between else "") + mark[0]
            at = mark.end()
    yield text[at:]


def _after_key(text: str) -> str:
    """What follows a key that has no end: all from the first line that cannot be of one."""
    lines = text.splitlines(keepends=True)
    for n, line in enumerate(lines):
        if line.strip() and not _KEY_LINE.search(line):
            return "".join(lines[n:])
    return ""


def _before_key(text: str) -> str:
    """What precedes a key that has no begin; its last line may be short."""
    lines = text.splitlines(keepends=True)
    left = len(lines)
    while left and (_KEY_LINE.search(lines[left - 1]) or left == len(lines)):
        left -= 1
    return "".join(lines[:left]) if left < len(lines) - 1 else text
