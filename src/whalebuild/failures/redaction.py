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
# Tokens that are told by how they begin. Which ones: the rules of gitleaks that need no name before
# a value (https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml), and registries'.
_PREFIXED = "|".join(  # noqa: FLY002 - a list is what it is
    (
        r"gh[oprsu]_\w{16,}",
        r"github_pat_\w{20,}",
        r"(?:gl[a-z]{2,6}|GR1348941)-[\w.-]{16,}",
        r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}\b",
        r"npm_[A-Za-z0-9]{20,}",
        r"pypi-[\w-]{20,}",
        r"dckr_[a-z]{3}_[\w-]{16,}",
        r"AIza[\w-]{30,}",
        r"ya29\.[\w-]{16,}",
        r"GOCSPX-[\w-]{16,}",
        r"[\w~.]{3}[78]Q~[\w~.-]{30,}",  # a client secret of Azure's
        r"AGE-SECRET-KEY-1[A-Z0-9]{50,}",
        r"A3-[A-Z0-9]{6}-[A-Z0-9-]{16,}",
        r"ATATT3[\w=-]{30,}",
        r"LTAI[A-Za-z0-9]{16,}",
        r"PMAK-[a-f0-9]{20,}-[a-f0-9]{16,}",
        r"SG\.[\w=-]{16,}(?:\.[\w=-]{16,})?",
        r"SK[0-9a-f]{32}\b",
        r"EAA[A-Za-z0-9]{60,}",
        r"do[opr]_v1_[a-f0-9]{40,}",
        r"dp\.(?:pt|st|sa|ct|scim)\.[\w.-]{30,}",
        r"gl(?:c|sa)_[A-Za-z0-9+/=_]{30,}",
        r"hf_[A-Za-z]{30,}",
        r"hv[bs]\.[\w-]{20,}",
        r"lin_api_[A-Za-z0-9]{30,}",
        r"ops_eyJ[A-Za-z0-9+/]{20,}",
        r"pscale_[a-z]{2,5}_[\w.=-]{20,}",
        r"rubygems_[a-f0-9]{40,}",
        r"[rs]k_(?:live|test|prod)_\w{10,}",
        r"sk-(?:ant-|proj-|svcacct-|admin-)?[\w-]{40,}",
        r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{30,}",
        r"sq0[a-z]{3}-[\w-]{20,}",
        r"tfp_\w{40,}",
        r"xapp-\d-[\w-]{10,}",
        r"xox[abceoprs]-[\w-]{10,}",
    )
)
# Headers whose values are logins, however they are printed.
_HEADERS = (
    r"(?i)(?<![\w-])((?:proxy-)?authorization|x-registry-(?:auth|config)|(?:private|job|deploy)-token|"
    r"x-(?:api-key|auth-token|vault-token|amz-security-token|goog-api-key)|(?:set-)?cookie)"
    r"(\\?[\"']?\s{0,4}[:=]\s{0,4}\\?[\"'\[]?)(?!\s|(?:basic|bearer) +realm=)[^\"'\\\r\n\]]+"
)
# Each pattern with what it leaves.
_PATTERNS = tuple(
    (re.compile(pattern), left)
    for pattern, left in (
        (r"(?<=://)[^/\s\"]+@", ""),
        # A password with slashes in it; a port and a path with an at sign are none.
        (r"(?<=://)[^/\s\":@]{1,99}:(?!\d{1,5}/)[^\s\"@]{1,200}@", ""),
        (_HEADERS, r"\1\2***"),
        # Neither a challenge (``Bearer realm=``) nor prose such as "basic authentication".
        (rf"\b(?i:(basic|bearer)) +(?!realm=)(?={_WORD}*[A-Z0-9+/=_~]){_WORD}{{6,}}", r"\1 ***"),
        # A token as most registries have it.
        (r"(?<![\w-])eyJ[\w-]{5,}+\.[\w-]{5,}+(?:\.[\w-]*)?", "***"),
        (rf"\b(?:{_PREFIXED})", "***"),
        # A registry's login in docker's configuration file.
        (r"([\"']auth\\?[\"']\s{0,4}:\s{0,4}\\?[\"'])[A-Za-z0-9+/=]+", r"\1***"),
        (r"(?i)\b(account_?key|shared_?access_?key|sig)(=)[A-Za-z0-9+/=%]{16,}", r"\1\2***"),
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


_SHORTEST = 8  # characters of a secret that can be told from other words


#: Secrets that this run has used; a table, as several threads add to it.
_known: dict[str, None] = {}


def hide(*secrets: str) -> None:
    """Have these values be removed from all texts from now on, whatever stands around them.

    Those of a few characters are left out: they may be a part of any word.
    """
    _known.update(dict.fromkeys(each for each in secrets if len(each) >= _SHORTEST))


def redact(text: str) -> str:
    """Remove from a text what may hold a secret.

    That is: what this run has used (:func:`hide`), logins and queries of URLs, private keys, tokens
    that can be told by their form (GitHub's, GitLab's, npm's, PyPI's, Docker's, clouds', JSON web
    tokens), headers with logins, and values whose names say that they are secret.
    """
    for secret in sorted(_known.copy(), key=len, reverse=True):
        text = text.replace(secret, "***")
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
