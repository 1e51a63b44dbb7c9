"""The result of a bake or a merge, as text and as JSON; errors as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from whalebuild.bake.result import BakeResult, ImageAction, OtherResult, TargetResult
from whalebuild.cli.output.table import columns
from whalebuild.errors import retry_summary
from whalebuild.text import human_bytes, human_seconds, short_digest

SCHEMA = "whalebuild.bake/1"


def result_table(result: BakeResult, width: int | None = None) -> str:
    """The short table that ends every bake; see :func:`columns` for the width."""
    heads = ("TARGET", "IMAGE", "ACTION", "DIGEST", "PLATFORMS", "RUN", "CACHED", "PULLED", "TIME")
    rows = [heads, *(row for other in result.others for row in _other_rows(other))]
    rows += [row for target in result.targets for row in _result_rows(target)]
    return "\n".join(["", *columns(rows, width, head=True), "", _summary(result)])


def digest_lines(result: BakeResult) -> Iterator[str]:
    """What ``--quiet`` prints, a line an image, as ``docker build --quiet`` does.

    What is pushed is named so that it can be pulled and run; dependencies only where they were
    asked for alone.
    """
    made: list[TargetResult | OtherResult] = [each for each in result.targets if each.role == "app"]
    made += [other for other in result.others if other.digest]
    for each in made or result.targets:
        if each.digest:
            pushed = result.published and each.tags
            yield f"{_repository(each.tags[0])}@{each.digest}" if pushed else each.digest


def next_pull_lines(result: BakeResult) -> Iterator[str]:
    """What each application costs a host that has the version before."""
    for target in result.targets:
        pulls = {
            platform: f"{human_bytes(pull.download_bytes)} of {human_bytes(pull.total_bytes)}"
            for platform, pull in (target.next_pull or {}).items()
        }
        if pulls:
            several = [f"{pull} ({platform})" for platform, pull in pulls.items()]
            what = ", ".join(several if len(several) > 1 else pulls.values())
            yield f"a host with the previous {_short(target.tags[0])} will download {what}"


def _result_rows(target: TargetResult) -> Iterator[tuple[str, ...]]:
    first, *others = target.tags
    yield (
        target.target,
        first,
        target.action,
        short_digest(target.digest) or "-",
        ",".join(target.platforms) or "-",
        str(target.steps_run),
        str(target.steps_cached),
        human_bytes(target.bytes_pulled),
        human_seconds(target.seconds),
    )
    for tag in others:
        yield ("", tag, "", "", "", "", "", "", "")


def _other_rows(other: OtherResult) -> Iterator[tuple[str, ...]]:
    yield (
        other.target,
        other.tags[0] if other.tags else _made(other),
        other.call or ("pushed" if other.tags else "built"),
        short_digest(other.digest) or "-",
        ",".join(other.platforms) or "-",
        str(other.steps_run),
        str(other.steps_cached),
        human_bytes(other.bytes_pulled),
        human_seconds(other.seconds),
    )
    for tag in other.tags[1:]:
        yield ("", tag, "", "", "", "", "", "", "")


def _made(other: OtherResult) -> str:
    """What was made of the result of a target that was not pushed."""
    if other.call:
        return "-"
    kinds = (f"{o.get('type', '?')} {o.get('dest', '')}".strip() for o in other.outputs)
    return ", ".join(kinds) or "-"


def _summary(result: BakeResult) -> str:
    pushed = any(other.tags for other in result.others) or result.targets
    done = "published" if result.published and pushed else "built, nothing pushed"
    if result.part:
        done = f"nothing is published yet: {result.part} is for `whalebuild merge`; built"
    parts = [f"{done} in {human_seconds(result.seconds)}"]
    parts.append(f"{human_bytes(result.bytes_pulled)} of layers pulled")
    sent = [target.bytes_pushed for target in result.targets if target.action == ImageAction.BUILT]
    known = [each for each in sent if each is not None]
    if known and len(known) == len(sent):
        parts.append(f"{human_bytes(sum(known))} pushed")
    if result.retries:
        parts.append(retry_summary(result.retries))
    return "; ".join(parts)


def _repository(tag: str) -> str:
    """An image's name without its tag; a port has a slash after it."""
    name, _, rest = tag.rpartition(":")
    return name if name and "/" not in rest else tag


def _short(tag: str) -> str:
    """An image without its registry and its folders, ``web:latest``."""
    name = tag.rpartition("/")[2]
    return name if ":" in name else f"{name}:latest"


def result_json(result: BakeResult) -> dict[str, Any]:
    """The versioned form of a bake or a merge; sizes are bytes."""
    values = asdict(replace(result, metadata={}))
    del values["metadata"]
    return {"schema": SCHEMA, **values}
