from __future__ import annotations

from typing import Any

import pytest

from whalebuild.bundle.build_inputs import (
    BuildInputs,
    BuildRecord,
    build_inputs,
    not_made_with,
    read_record,
    record_of,
)
from whalebuild.bundle.lock import Lock
from whalebuild.inputs.values import ContextFiles, ContextRead, FileEntry

FINAL, VERSION, CODE = "Dockerfile: stage final", "arg VERSION", "COPY app.py ."


def inputs(stage: str = "1", version: str = "1", code: str = "1", **files: str) -> BuildInputs:
    return BuildInputs({FINAL: stage}, {VERSION: version}, {CODE: code, **files})


def bakes(*states: BuildInputs) -> list[BuildRecord]:
    """The records of bakes that follow each other."""
    records = [BuildRecord()]
    for state in states:
        records.append(record_of(state, records[-1]))
    return records[1:]


def verdict(exported: BuildInputs, *states: BuildInputs) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a cache lacks for the last of these bakes."""
    last, record = bakes(*states)[-2:]
    return not_made_with(exported, record, last)


ONE = inputs()


def test_a_cache_of_the_same_inputs_lacks_nothing() -> None:
    assert verdict(ONE, ONE, ONE) == ((), ())
    assert verdict(ONE, ONE, ONE, inputs()) == ((), ())


@pytest.mark.parametrize(
    ("now", "lacks"),
    [
        (inputs(stage="2"), ((FINAL,), ())),
        (inputs(version="2"), ((VERSION,), ())),
        (inputs(code="2"), ((), (CODE,))),
        (inputs(more="1"), ((), ("more",))),
        (inputs(stage="2", version="2", code="2"), ((FINAL, VERSION), (CODE,))),
    ],
    ids=["instruction", "value", "files", "another instruction that reads", "all"],
)
def test_what_has_changed_since_a_cache_was_exported_is_lacking(
    now: BuildInputs, lacks: Any
) -> None:
    assert verdict(ONE, ONE, now) == lacks


def test_an_input_that_is_gone_is_not_missed() -> None:
    assert verdict(inputs(gone="1"), ONE, inputs()) == ((), ())


@pytest.mark.parametrize(("key", "lacks"), [("version", ((VERSION,), ())), ("code", ((), (CODE,)))])
def test_an_input_that_is_another_in_every_build_is_in_no_cache(key: str, lacks: Any) -> None:
    first, second, third = (inputs(**{key: n}) for n in "234")
    assert verdict(ONE, ONE, first) == lacks
    assert verdict(ONE, ONE, first, second) == ((), ())
    assert verdict(first, ONE, first, second, third) == ((), ())
    assert verdict(first, ONE, first, second, third, third) == lacks, "it stays as it is"
    assert verdict(first, ONE, first, first, second) == lacks, "the cache served meanwhile"


def test_instructions_always_count() -> None:
    first, second = inputs(stage="2"), inputs(stage="3")
    assert verdict(first, ONE, first, second) == ((FINAL,), ())


def test_of_a_build_after_an_unknown_one_nothing_is_known_to_change() -> None:
    assert record_of(ONE, BuildRecord()) == BuildRecord(ONE)
    assert record_of(inputs(code="2"), BuildRecord(ONE)).changed == {CODE}


@pytest.mark.parametrize(
    "record",
    [
        BuildRecord(),
        BuildRecord(missed=True),
        BuildRecord(ONE),
        BuildRecord(inputs(code="ä\n"), frozenset({CODE, VERSION}), missed=True),
    ],
)
def test_a_record_is_read_as_it_was_written(record: BuildRecord) -> None:
    assert read_record(record.as_annotations()) == record


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "[[],{},{}]", '[{"a":1},{},{}]', "[1,2,3]", "[" * 100_000, "null"]
)
def test_what_cannot_be_read_is_not_known(text: str) -> None:
    assert not BuildInputs.from_text(text)
    annotations = {"dev.whalebuild.app.inputs": text, "dev.whalebuild.app.changed": text[1:]}
    assert not read_record(annotations).inputs


def read(instruction: str, line: int = 1, context: str | None = None) -> ContextRead:
    return ContextRead(context, "final", line, instruction, (".",))


def entry(path: str, digest: str) -> FileEntry:
    return FileEntry(None, path, "file", 0o644, digest)


def made(digest: str, *, line: int = 1, facts: dict[str, str] | None = None) -> BuildInputs:
    files = ((read("COPY  a\n b", line), (entry("a", digest),)),)
    table = facts or {FINAL: "f", "arg A": "a"}
    return build_inputs(Lock({"linux/amd64": "k"}, {"linux/amd64": table}), ContextFiles(files))


def test_inputs_are_those_of_the_lock_and_the_files_by_instruction() -> None:
    one = made("x")
    assert (dict(one.stages), dict(one.values), list(one.files)) == (
        {FINAL: "f"},
        {"arg A": "a"},
        ["COPY a b"],
    )
    assert made("x", line=7) == one
    assert made("y").files != one.files


def test_platforms_that_differ_have_one_digest() -> None:
    facts = {"linux/amd64": {FINAL: "f", "arg A": "a"}, "linux/arm64": {FINAL: "f", "arg A": "b"}}
    found = build_inputs(Lock(dict.fromkeys(facts, "k"), facts), ContextFiles())
    assert found.stages == {FINAL: "f"}
    assert found.values["arg A"] not in {"a", "b", ""}


def test_instructions_of_one_text_are_one_input() -> None:
    files = tuple((read("COPY . .", line), (entry("a", str(line)),)) for line in (1, 2))
    lock = Lock({"linux/amd64": "k"}, {"linux/amd64": {FINAL: "f"}})
    both = build_inputs(lock, ContextFiles(files)).files
    assert list(both) == ["COPY . ."]
    assert both != build_inputs(lock, ContextFiles(files[:1])).files


def test_names_that_take_too_much_room_are_grouped() -> None:
    many = {FINAL: "f"} | {f"arg {'A' * 50}{n}": str(n) for n in range(300)}
    one, other = made("x", facts=many), made("x", facts={**many, "arg B": "b"})
    assert len(one.to_text()) < 400
    assert (one.stages, one.files) == (other.stages, other.files)
    assert one.values != other.values
