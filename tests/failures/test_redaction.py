"""What is removed from log tails and messages, and that hostile ones take no time."""

from __future__ import annotations

import time

import pytest

from whalebuild.failures.redaction import hide, redact

LONG = "Zx9" * 14
KEY = "\n".join(
    ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"] * 3 + ["c2hvcnQ="]
)
BEGIN, END = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"cloning with ghp_{LONG}", "cloning with ***"),
        (f"https://x-access-token:gho_{LONG}@github.com/a", "https://github.com/a"),
        (f'token "ghs_{LONG}"', 'token "***"'),
        (f"github_pat_11ABC_{LONG}: bad", "***: bad"),
        (f"glpat-{LONG} and gldt-{LONG}", "*** and ***"),
        (f"job glcbt-64_{LONG}", "job ***"),
        (f"CI_JOB_TOKEN={LONG} x", "CI_JOB_TOKEN=*** x"),
        ("POSTGRES_PASSWORD=hunter2", "POSTGRES_PASSWORD=***"),
        ("key AKIAIOSFODNN7EXAMPLE is", "key *** is"),
        ("ASIAIOSFODNN7EXAMPLE", "***"),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "aws_secret_access_key = ***",
        ),
        (
            '{"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}',
            '{"SecretAccessKey": "***"}',
        ),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "AWS_SECRET_ACCESS_KEY=***"),
        ("postgres://app:p/ss/w@db:5432/x", "postgres://db:5432/x"),
        ("https://reg.example:5000/a@sha256:12", "https://reg.example:5000/a@sha256:12"),
        ('"auth": "dXNlcjpwYXNzd29yZA=="', '"auth": "***"'),
        ("X-Registry-Auth: eyJ1c2VybmFtZSI6", "X-Registry-Auth: ***"),
        ("> PRIVATE-TOKEN: abc def", "> PRIVATE-TOKEN: ***"),
        ("'Authorization': 'token abc'", "'Authorization': '***'"),
        ("Cookie: a=b; c=d\nnext", "Cookie: ***\nnext"),
        (f"AccountKey={LONG}==;Endpoint=x", "AccountKey=***;Endpoint=x"),
        (f"x?sv=1&sig={LONG}%3D", "x?sv=1&sig=***"),
        ("password = 'a b c'", "password = '***'"),
        # Whole keys, those whose begin or end a tail has lost, and of one in JSON.
        (f"a\n{BEGIN}\n{KEY}\n{END}\nb", f"a\n{BEGIN}***{END}\nb"),
        (f"{KEY}\n{END}\nb", f"***{END}\nb"),
        (f"a\n{BEGIN}\n{KEY[:130]}\nb", f"a\n{BEGIN}***b"),
        (
            rf'{{"k": "{BEGIN}\nMIIEvQIBADANBgkqhkiG9w0\n{END}\n"}} x',
            rf'{{"k": "{BEGIN}***{END}\n"}} x',
        ),
    ],
)
def test_forms_of_secrets(text: str, clean: str) -> None:
    assert redact(text) == clean


#: Made up, in the forms of gitleaks' rules: config/gitleaks.toml of gitleaks/gitleaks.
FORMS = [
    *(f"{prefix}_{LONG}" for prefix in ("ghp", "gho", "ghu", "ghs", "ghr", "github_pat", "npm")),
    *(f"{p}-{LONG}" for p in ("glpat", "gldt", "glrt", "glptt", "glcbt", "glsoat", "glagent")),
    *(f"{prefix}{'A1' * 8}" for prefix in ("AKIA", "ASIA", "ABIA", "ACCA", "A3TX")),
    f"GR1348941-{LONG}",
    f"pypi-AgEIcHlwaS5vcmc{LONG}",
    f"dckr_pat_{LONG}",
    f"dckr_oat_{LONG}",
    f"AIza{LONG}",
    f"ya29.{LONG}",
    f"GOCSPX-{LONG}",
    f"abc8Q~{LONG}",
    f"AGE-SECRET-KEY-1{'QPZRY9' * 10}",
    f"ATATT3{LONG}",
    f"LTAI{LONG}",
    f"SG.{LONG}.{LONG}",
    f"SK{'0a' * 16}",
    f"EAA{LONG}{LONG}",
    f"dop_v1_{'0a' * 32}",
    f"dp.pt.{LONG}",
    f"glc_{LONG}",
    f"glsa_{LONG}",
    f"hf_{'aB' * 17}",
    f"hvs.{LONG}",
    f"lin_api_{LONG}",
    f"ops_eyJ{LONG}",
    f"pscale_tkn_{LONG}",
    f"rubygems_{'0a' * 24}",
    f"sk_live_{LONG}",
    f"rk_test_{LONG}",
    f"sk-ant-api03-{LONG}",
    f"sk-proj-{LONG}",
    f"shpat_{'0a' * 16}",
    f"sq0atp-{LONG}",
    f"xoxb-{LONG}",
    f"xapp-1-A0-{LONG}",
]


@pytest.mark.parametrize("token", FORMS, ids=lambda token: token[:8])
def test_tokens_are_told_by_how_they_begin(token: str) -> None:
    assert redact(f"say {token} or '{token}', TOKEN={token}") == "say *** or '***', TOKEN=***"


def test_what_was_used_is_hidden_by_value() -> None:
    text = "the helper said: correct horse battery"
    assert redact(text) == text
    hide("correct horse battery", "short")
    assert redact(f"{text}, in short") == "the helper said: ***, in short"


@pytest.mark.parametrize(
    "text",
    [
        "expected -----BEGIN PRIVATE KEY----- at the begin of the file\nKeyError: 'x'",
        "sha256:123222a610db0123456789012345678901234567890123456789012345678901",
        "glibc-2.36-9+deb12u4 is too old",
        "no token: set GITHUB_TOKEN",
        "error: secret_key must be set",
        "the AKIA prefix",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        "http://",
        "https://a?",
        "eyJ-",
        "eyJabcde",
        "eyJabcde.",
        "a_",
        "a",
        "secret_",
        "token_key",
        f"{BEGIN}",
        f"{END}",
        f"{BEGIN}\n",
        f"{KEY}\n",
        "-----BEGIN A ",
        "ghp_",
        "ghp_" + "a" * 10,
        "glpat-",
        "gl-",
        "github_pat_",
        "AKIA",
        *(form[:9] for form in FORMS),
        "://a:",
        "authorization: ",
        '"auth":',
        "Cookie=",
        "secret_access_key  ",
        'secret_access_key\\" ',
        "password",
        "password=",
        'password" ',
        "basic ",
        "bearer a",
        "error getting credentials - err: ",
        "error getting credentials - err: out: ",
        "://@",
        "://a",
        "A" * 39 + "\n",
        " ",
        "\\",
        '"',
    ],
)
def test_hostile_texts_take_linear_time(piece: str) -> None:
    """100 kB of the start of a secret: a search from each of them would take a minute."""
    text = piece * (100_000 // len(piece))
    began = time.process_time()
    redact(text)
    redact(text + "!")
    assert time.process_time() - began < 2.0
