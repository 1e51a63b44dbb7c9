"""What the rest of a Dockerfile can be built on: its stub, the app base, or neither."""

from __future__ import annotations

from typing import Any

import pytest

from tests.appbase.cutting import PLATFORM, cut
from whalebuild.appbase.limits import needs, why_not, why_whole


def whole(text: str, **options: Any) -> str:
    return str(why_whole(cut(text, **options)))


def refused(text: str, **options: Any) -> str:
    return str(why_not(cut(text, **options)))


BASE = "FROM debian AS base\nRUN x\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{BASE}COPY . .\nUSER a\nWORKDIR b\nADD x.tar /\nCMD y", "None"),
        (f"{BASE}COPY . .\nRUN y", "a command runs after the code was taken in (line 4)"),
        (
            f"{BASE}COPY . .\nFROM base\nCOPY --from=base /a /b",
            "it uses stage base, which stands on the app base (line 5)",
        ),
        (
            f"{BASE}COPY . .\nFROM base AS mid\nCOPY lib /x\nFROM mid\nCOPY --from=1 /a /b",
            "it uses stage mid, which stands on the app base (line 7)",
        ),
        (
            f"{BASE}FROM base AS side\nCOPY . .\nRUN y\nFROM base\nCOPY --from=side /a /b",
            "it uses stage base, which stands on the app base (line 3)",
        ),
        (
            (
                f"{BASE}FROM alpine AS side\nCOPY --from=base / /\nCOPY . .\nFROM base\n"
                "COPY --from=side /a /b"
            ),
            "it uses stage base, which stands on the app base (line 4)",
        ),
        (
            (
                f"{BASE}FROM alpine AS side\nRUN --mount=from=base,target=/b y\nCOPY . .\n"
                "FROM base\nCOPY --from=side /a /b"
            ),
            "it uses stage base, which stands on the app base (line 4)",
        ),
        # The stage has no RUN: it is made anew as it was.
        (
            "FROM debian AS base\nFROM base AS side\nCOPY . .\nFROM base\nCOPY --from=side /a /",
            "None",
        ),
    ],
)
def test_what_needs_the_app_base_itself(text: str, why: str) -> None:
    assert whole(text, files={"x.tar": "", "lib/a": ""}) == why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{BASE}COPY . .", "None"),
        (
            "FROM scratch\nCOPY . .",
            "nothing stands before the boundary: there is no app base (line 1)",
        ),
        (f"{BASE}ONBUILD RUN y\nCOPY . .", "ONBUILD in the app base would run again (line 3)"),
        (f"{BASE}COPY . .\nONBUILD RUN y", "None"),
        (
            "FROM debian\nARG TARGETSTAGE\nRUN x\nCOPY . .",
            "TARGETSTAGE is another one in the app base (line 2)",
        ),
        (
            "ARG NAME=${TARGETSTAGE}\nFROM debian\nRUN x\nCOPY . .",
            "TARGETSTAGE is another one in the app base (line 1)",
        ),
        (
            (
                "FROM debian AS side\nARG TARGETSTAGE\nRUN x\nFROM debian\nCOPY --from=side /a /b\n"
                "COPY . ."
            ),
            "TARGETSTAGE is another one in the app base (line 2)",
        ),
        (f"{BASE}COPY . .\nARG TARGETSTAGE", "None"),
        (
            f"{BASE}FROM base\nRUN y\nCOPY . .\nCOPY --from=base /a /b",
            "stage base, which the app base was made from too, could be built anew (line 6)",
        ),
        (
            f"{BASE}FROM base AS side\nRUN y\nFROM base\nRUN z\nCOPY . .\nCOPY --from=side /a /b",
            "stage base, which the app base was made from too, could be built anew (line 3)",
        ),
        (
            (
                "FROM debian AS base\nENV A=1\nFROM base AS side\nCOPY . .\nRUN y\nFROM base\n"
                "RUN z\nCOPY --from=side /a /b"
            ),
            "None",
        ),
        (
            (
                "FROM debian AS made\nRUN x\nFROM debian\nCOPY --from=made /a /b\nCOPY . .\n"
                "COPY --from=made /c /d"
            ),
            "stage made, which the app base was made from too, could be built anew (line 6)",
        ),
    ],
)
def test_what_can_stand_on_no_image(text: str, why: str) -> None:
    assert refused(text) == why


def test_a_shared_stage_that_is_pinned_is_the_same_one() -> None:
    text = f"{BASE}FROM base\nRUN y\nCOPY . .\nCOPY --from=base /a /b"
    found = cut(text)
    assert why_not(found, pinned={"other"}) is not None
    assert why_not(found, pinned={"base"}) is None
    assert why_whole(found) is None


def test_a_stage_that_a_context_replaces_is_not_shared() -> None:
    text = f"{BASE}FROM debian\nCOPY --from=base /a /b\nCOPY . .\nCOPY --from=base /c /d"
    assert refused(text, contexts={"base": "docker-image://example.org/x"}) == "None"


def test_the_last_stage_of_a_name_is_the_one_that_is_copied_from() -> None:
    text = "FROM a AS x\nRUN y\nFROM b AS x\nCOPY app.py /\nFROM x\nRUN z\nCOPY --from=x /a /b"
    found = cut(text)
    assert [stage.index for stage in found.chain] == [1, 2]
    assert found.line == 4


@pytest.mark.parametrize(
    ("platform", "why_none"),
    [
        ("$TARGETPLATFORM", True),
        ("${TARGETPLATFORM}", True),
        (PLATFORM, True),
        ("linux/arm64", False),
        ("$BUILDPLATFORM", False),
        ("linux/$TARGETARCH", True),
        ("linux/$BUILDARCH", False),
    ],
)
def test_a_platform_in_the_chain(platform: str, why_none: bool) -> None:
    text = f"FROM --platform={platform} debian\nRUN x\nCOPY . ."
    assert (refused(text) == "None") is why_none


def test_a_platform_of_a_stage_made_from_another_counts_for_nothing() -> None:
    assert refused(f"{BASE}FROM --platform=linux/arm64 base\nRUN y\nCOPY . .") == "None"


def test_a_target_stage_that_is_given_is_the_same_everywhere() -> None:
    text = "FROM debian\nARG TARGETSTAGE\nRUN x\nCOPY . ."
    assert refused(text, args={"TARGETSTAGE": "x"}) == "None"


def test_a_base_image_with_instructions_of_its_own_is_refused() -> None:
    text = "FROM debian\nRUN x\nCOPY . ."
    assert refused(text, onbuild={"debian": ("USER x",)}) == (
        "debian brings instructions of its own (ONBUILD) (line 1)"
    )


def test_the_side_stages_of_a_tail() -> None:
    text = (
        "FROM a AS made\nFROM made AS assets\nCOPY . .\nFROM a AS unused\nFROM a\nRUN x\n"
        "COPY --from=assets /a /b"
    )
    assert [stage.label for stage in needs(cut(text)).side.values()] == ["assets", "made"]
    assert not needs(cut("FROM a\nRUN x\nCOPY . .")).side
