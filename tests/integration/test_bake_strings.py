"""Strings of a bake file reach BuildKit as buildx alone would hand them over, whatever is in them.

Buildx itself is asked: it reads the user's file (HCL, JSON or compose) and prints it, we read what
it prints and write a definition, and buildx prints that. ``bake --print`` needs no engine.
"""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.integration.sandbox import Sandbox
from tests.support.properties import examples
from whalebuild.bakefile.target import Target, parse_print
from whalebuild.bakefile.templates import PROBE, escape, is_escaped
from whalebuild.plan.definition import make_definition

KINDS = ("hcl", "json", "compose")
# Making an example smaller would call buildx for minutes.
UNSHRUNK = (Phase.explicit, Phase.generate)
# Lone surrogates are in no file; HCL normalises, compose and --set do not (they are refused).
UNICODE = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
TEXTS = st.one_of(
    st.text(st.sampled_from("$%{}\"\\'\n~ax"), max_size=12),
    st.text(UNICODE, max_size=12),
    st.sampled_from(["$${", "%%{x}", "$$${HOME}", "${", "%{ if true }", "$$", "\\${x}", "\r\n\t"]),
).map(lambda text: unicodedata.normalize("NFC", text))
# Commas, quotes and blank ends mean something where buildx reads a list of options; names of
# contexts are references.
PLAIN = st.text(st.sampled_from("$%{}~ax"), min_size=1, max_size=8)
NAMES = st.lists(PLAIN, min_size=2, max_size=2, unique=True)


@st.composite
def targets(draw: st.DrawFn) -> dict[str, Any]:
    """Attributes of a target with all kinds of strings in all kinds of places."""

    def text() -> str:
        return draw(TEXTS)

    def plain() -> str:
        return draw(PLAIN)

    first, second = draw(NAMES)
    return {
        "description": text(),
        "context": f"c{plain()}",
        "dockerfile": f"d{plain()}",
        "dockerfile-inline": f"# {text()}",
        "args": {first: text(), second: text()},
        "labels": {first: text(), second: text()},
        "annotations": [f"index:{first}={text()}"],
        "contexts": {first: f"docker-image://{plain()}", second: f"x{plain()}"},
        "target": text(),
        "tags": [f"registry.example/{plain()}"],
        "network": plain(),
        "no-cache-filter": [f"x{text()}"],
        "extra-hosts": {first: text()},
        "cache-from": [{"type": "registry", "ref": plain()}],
        "cache-to": [{"type": "local", "dest": plain()}],
        "output": [{"type": "image", "annotation.x": plain()}],
        "secret": [{"id": f"a{plain()}", "env": f"A{plain()}"}],
        "attest": [{"type": "provenance", "mode": plain()}],
        "entitlements": [f"x{plain()}"],
    }


def hcl(value: Any) -> str:
    """A value in HCL's own syntax."""
    if isinstance(value, str):
        quoted = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        for control in ("\b", "\f"):  # HCL knows fewer escapes than JSON
            quoted = quoted.replace(json.dumps(control)[1:-1], f"\\u{ord(control):04x}")
        return quoted.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{hcl(name)} = {hcl(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(hcl, value)) + "]"
    return json.dumps(value)


def compose(attributes: dict[str, Any]) -> dict[str, Any]:
    """The service with what a compose file can say of these attributes; names are no templates."""
    said: dict[str, Any] = {"context": "."}
    for name in ("args", "labels"):
        said[name] = {key: text.replace("$", "$$") for key, text in attributes[name].items()}
    said["dockerfile_inline"] = attributes["dockerfile-inline"].replace("$", "$$")
    return {"build": said}


def written(folder: Path, targets: dict[str, dict[str, Any]], kind: str) -> Path:
    if kind == "json":
        definition = {"target": {name: escape(name, each) for name, each in targets.items()}}
        file, text = folder / "docker-bake.json", json.dumps(definition)
    elif kind == "hcl":
        blocks = (
            f'target "{name}" {{\n'
            + "".join(f"  {key} = {hcl(value)}\n" for key, value in each.items())
            + "}\n"
            for name, each in targets.items()
        )
        file, text = folder / "docker-bake.hcl", "".join(blocks)
    else:  # JSON is YAML, but for surrogates
        services = {name: compose(each) for name, each in targets.items()}
        text = json.dumps({"services": services}, ensure_ascii=False)
        text = re.sub("[^ -~]", lambda char: f"\\U{ord(char[0]):08X}", text)
        file = folder / "compose.yaml"
    file.write_text(text)
    return file


def printed(sandbox: Sandbox, file: Path, *words: str) -> dict[str, Any]:
    done = sandbox.run(
        *("docker", "buildx", "bake", "--print", "--file", file.name, *words), cwd=file.parent
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def read(sandbox: Sandbox, file: Path, *words: str) -> dict[str, Target]:
    return dict(parse_print(printed(sandbox, file, "*", *words), escaped=True).targets)


def handed_over(sandbox: Sandbox, targets: dict[str, Target], folder: Path) -> dict[str, Target]:
    """The targets as buildx reads them from our definition."""
    made = list(targets.values())
    file = folder / "generated.json"
    file.write_text(json.dumps(make_definition(made, {})))
    return read(sandbox, file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("strings")


@settings(max_examples=examples(gate=2, extended=30), phases=UNSHRUNK)
@given(some=st.lists(targets(), min_size=4, max_size=4), kind=st.sampled_from(KINDS))
def test_every_string_is_read_and_handed_over_as_it_is(
    sandbox: Sandbox, folder: Path, some: list[dict[str, Any]], kind: str
) -> None:
    """Several targets at once: a call of buildx takes much longer than what it does."""
    given = {f"app{number}": target for number, target in enumerate(some)}
    found = read(sandbox, written(folder, given, kind))
    same = ("args", "labels", "dockerfile-inline")
    if kind != "compose":
        same += ("annotations", "target", "no-cache-filter", "extra-hosts", "contexts", "tags")
    for name, target in given.items():
        for key in same:  # what buildx keeps as it was written
            assert found[name].attributes.get(key) == target[key]
    assert handed_over(sandbox, found, folder) == found


@pytest.mark.extended
@settings(max_examples=20, phases=UNSHRUNK)
@given(texts=st.lists(TEXTS, min_size=8, max_size=8))
def test_overrides_are_handed_over_as_they_are(
    sandbox: Sandbox, folder: Path, texts: list[str]
) -> None:
    names = [f"A{number}" for number in range(len(texts))]
    empty = dict.fromkeys(names, "")
    file = written(folder, {"app": {"args": empty, "labels": empty}}, "json")
    overrides = [
        f"--set=app.{key}.{name}={text}"
        for name, text in zip(names, texts, strict=True)
        for key in ("args", "labels")
    ]
    found = read(sandbox, file, *overrides)
    wanted = dict(zip(names, texts, strict=True))
    assert found["app"].attributes["args"] == found["app"].attributes["labels"] == wanted
    assert handed_over(sandbox, found, folder) == found


@pytest.mark.extended
def test_the_probe_says_that_this_buildx_escapes(sandbox: Sandbox, folder: Path) -> None:
    file = folder / "probe.json"
    file.write_text(json.dumps(PROBE))
    assert is_escaped(printed(sandbox, file))
