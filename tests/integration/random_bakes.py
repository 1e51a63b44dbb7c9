"""Random bake files and command lines, each made from a seed.

What they are to do is not known here: buildx says it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tests.integration.bake_files import (
    BakeFile,
    Raw,
    Template,
    Value,
    as_compose,
    as_hcl,
    as_json,
)
from tests.integration.random_recipes import APPLICATIONS, BROKEN, PLACES, RECIPES, Place

#: In arguments: the registry and repository that everything is published in.
IMAGE = "@IMAGE@"
T = TypeVar("T")
ODD_TEXTS = {
    "odd text: ${": "costs ${PRICE} or $PRICE",
    "odd text: %{": "%{ if true }100%",
    "odd text: quotes": "a \"b\" 'c' \\ d",
    "odd text: not ASCII": "zażółć ☃ =,=",
    "odd text: lines": "one\ntwo",
    "odd text: none": "",
    "odd text: $$": "$${A} %%{B} $$",
}
NAMES = (
    *("app", "web", "worker", "default", "deps", "app-deps", "dependencies", "test-deps"),
    *("lint", "test", "docs", "tool"),
)
_CONTEXT_FILES = {
    "requirements.txt": "left==1\n",
    "src/app.txt": "the application\n",
    "src/skipped.txt": "ignored\n",
    ".dockerignore": "src/skip*\n",
}
_OTHER_FILES = {
    "assets/one.txt": "one\n",
    "token.txt": "s3cret\n",
    "out/there.txt": "before\n",
    "../beside/assets/two.txt": "two\n",
    "../beside/token.txt": "s3cret too\n",
}
# With @ for the target's name.
TAGS = {
    "tags: one": ["${IMAGE}/@:latest"],
    "tags: another one": ["${IMAGE}/@:v1"],
    "tags: without a tag": ["${IMAGE}/@"],
    "tags: several": ["${IMAGE}/@:latest", "${IMAGE}/@:1.0"],
    "tags: the other order": ["${IMAGE}/@:1.0", "${IMAGE}/@:latest"],
    "tags: two repositories": ["${IMAGE}/@:latest", "${IMAGE}/@-more:latest"],
    "tags: shared": ["${IMAGE}/shared:latest"],
    "tags: none": [],
}
OUTPUTS: Mapping[str, Sequence[Value]] = {
    "output: registry": ["type=registry"],
    "output: image, push": ["type=image,push=true"],
    "output: image": ["type=image"],
    "output: image, push=false": ["type=image,push=false"],
    "output: image with a name": [Template("type=image,name=${IMAGE}/named:v1,push=true")],
    "output: local": ["type=local,dest=out/@"],
    "output: tar": ["type=tar,dest=out/@.tar"],
    "output: oci": ["type=oci,dest=out/@.tar"],
    "output: oci, a folder": ["type=oci,dest=out/@,tar=false"],
    "output: docker": ["type=docker"],
    "output: docker, a file": ["type=docker,dest=out/@.tar"],
    "output: cacheonly": ["type=cacheonly"],
    "output: registry and files": ["type=registry", "type=local,dest=out/@"],
    "output: outside": ["type=local,dest=../elsewhere/@"],
    "output: an object": [{"type": "local", "dest": "out/@"}],
    "output: an object that pushes": [{"type": "registry"}],
}
PLATFORMS = {
    "platform: one": ["linux/amd64"],
    "platform: a foreign one": ["linux/arm64"],
    "platform: two": ["linux/amd64", "linux/arm64"],
}
SECRETS = {
    "secret: file": "type=file,id=token,src=token.txt",
    "secret: variable": "type=env,id=token,env=TOKEN",
    "secret: outside": "type=file,id=token,src=../beside/token.txt",
}
CONTEXTS: Mapping[str, tuple[str, str]] = {
    "context: local": ("assets", "assets"),
    "context: outside": ("assets", "../beside/assets"),
    "context: image": ("assets", Template("docker-image://${BASE}")),
    "context: image for a stage": ("base", Template("docker-image://${BASE}")),
    "context: unused": ("nobody", "assets"),
}
NETWORKS = {"network: host": "host", "network: none": "none"}
SWITCHES: Mapping[str, Value] = {
    "no-cache": True,
    "pull": True,
    "no-cache-filter": ["final"],
    "shm-size": "64m",
    "description": "what ${it} is for",
    "ulimits": ["nofile=1024:1024"],
    "extra-hosts": {"example.org": "127.0.0.1"},
}
CALLS = {f"call: {each}": each for each in ("check", "outline", "targets", "build")}
# `--set`, with @ for a target.
OVERRIDES = {
    "set: argument": "@.args.WHO=${set} %{by} $hand",
    "set: argument of all": "*.args.FLAVOUR=of all",
    "set: label": "@.labels.set=by hand",
    "set: tags": f"@.tags={IMAGE}/set:v1",
    "set: cacheonly": "*.output=type=cacheonly",
    "set: files": "@.output=type=local,dest=out/set",
    "set: registry": "@.output=type=registry",
    "set: files outside": "@.output=type=local,dest=../elsewhere/set",
    "set: platform": "*.platform=linux/arm64",
    "set: check": "@.call=check",
    "set: stage": "@.target=final",
    "set: no-cache": "@.no-cache=true",
    "set: context": "@.contexts.assets=assets",
    "set: attestation": "@.attest=type=provenance,disabled=true",
    "set: no such target": "nobody.args.WHO=me",
}
FLAGS = {
    "--push": "--push",
    "--load": "--load",
    "--no-cache": "--no-cache",
    "--pull": "--pull",
}
ALLOWANCES: Mapping[str, Sequence[str]] = {
    "allow: reading": ("--allow", "fs.read=.."),
    "allow: files": ("--allow", "fs=.."),
    "allow: network": ("--allow", "network.host"),
    "allow: nothing": (),
}
# Then: what is changed before the command is run once more.
CHANGES = {
    "then: code": ("src/app.txt", "and more\n"),
    "then: dependencies": ("requirements.txt", "right==2\n"),
    "then: what is ignored": ("src/skipped.txt", "and more\n"),
    "then: a Dockerfile": ("dockerfile", "LABEL more=yes\n"),
}
_OUTSIDE = {
    *("context is the parent", "context: outside", "secret: outside", "output: outside"),
    *("set: files outside", "network: host"),
}


@dataclass(frozen=True)
class Example:
    """A project and a command, as a user might write them.

    Attributes:
        files: Texts by path, from the folder where the command is run.
        flags: Options of the command, but for ``--var``.
        requested: Targets and groups.
        targets: All of the bake files, but for those that others only inherit from.
        variables: What ``--var`` of whalebuild says, and the environment for buildx.
        constructs: What there is in it.
        changes: Files that are written then, before the command is run once more; empty is no more.
    """

    seed: int
    files: Mapping[str, str]
    flags: tuple[str, ...]
    requested: tuple[str, ...]
    targets: tuple[str, ...]
    variables: Mapping[str, str]
    constructs: frozenset[str]
    changes: Mapping[str, str]

    @property
    def shown(self) -> Mapping[str, str]:
        """Those of its files that say what is to be done."""
        given = {**_OTHER_FILES, **_CONTEXT_FILES}
        return {path: text for path, text in self.files.items() if text not in given.values()}

    def with_all_targets(self) -> Example:
        """The same, with all targets asked for."""
        return replace(self, requested=self.targets)


def example(seed: int) -> Example:
    """The example of a seed, always the same."""
    return _Draw(seed, random.Random(seed)).example()


@dataclass
class _Draw:
    """Draws one example; what it takes is noted."""

    seed: int
    chance: random.Random
    constructs: set[str] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)
    bake: BakeFile = field(default_factory=BakeFile)
    flags: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    def example(self) -> Example:
        kind = self._one_of("hcl", "hcl", "hcl", "json", "compose", "two files", "a file by name")
        names = self.chance.sample(NAMES, self.chance.choice((1, 2, 2, 3, 3, 4)))
        self._places = self.chance.sample(PLACES, self.chance.choice((1, 1, 2)))
        self._write_recipes()
        for name in names:
            self.bake.targets[name] = self._target(name)
        if kind != "compose":
            self._structure(names)
        self._link(names)
        for name, target in self.bake.targets.items():
            own = Template(f"{name}-${{flavour}}") if "matrix" in target else name
            if "output" in target:
                target["output"] = _named(target["output"], own)
        if kind == "compose":
            self._forget()
        requested = self._requested()
        self._flags()
        self._write_bake_files(kind)
        changes = self._changes()
        return Example(
            self.seed,
            {**_OTHER_FILES, **self.files},
            tuple(self.flags),
            requested,
            tuple(name for name in self.bake.targets if name not in _TEMPLATES),
            self.variables,
            frozenset(self.constructs),
            changes,
        )

    # Dockerfiles

    def _write_recipes(self) -> None:
        self._recipes: dict[Place, str] = {}
        for place in self._places:
            weights = [4 if r in APPLICATIONS else 0.4 if r in BROKEN else 2 for r in RECIPES]
            (recipe,) = self.chance.choices(list(RECIPES), weights)
            self._recipes[place] = self._note(recipe)
            self.files[place.path] = RECIPES[recipe]
            prefix = f"{place.folder}/" if place.folder else ""
            self.files |= {prefix + path: text for path, text in _CONTEXT_FILES.items()}

    # Targets

    def _target(self, name: str) -> dict[str, Value]:
        self._note(f"named {name}")
        place = self.chance.choice(self._places)
        recipe = self._recipes[place]
        target: dict[str, Value] = {}
        if self._maybe(0.08, "dockerfile-inline"):
            recipe = self.chance.choice(APPLICATIONS)
            target["dockerfile-inline"] = RECIPES[recipe]
            self.files |= _CONTEXT_FILES
        else:
            self._note(place.construct)
            target |= place.attributes
        stages = {"a stage": "final"} if recipe in APPLICATIONS else {}
        text = RECIPES[recipe].lower()
        stages |= {"the dependencies' stage": "dependencies"} if " as dependencies" in text else {}
        stages |= {"another stage": "test"} if " as test" in text else {}
        if stages and self._maybe(0.5):
            target["target"] = self._from(stages)
        target |= self._tags(name)
        if self._maybe(0.65):
            target["output"] = self._from(OUTPUTS)
        if self._maybe(0.12):
            target["call"] = self._from(CALLS)
        target |= self._details(name)
        return target

    def _tags(self, name: str) -> dict[str, Value]:
        written = [tag.replace("@", name) for tag in self._from(TAGS)]
        return {"tags": [Template(tag) for tag in written]} if written else {}

    def _details(self, name: str) -> dict[str, Value]:
        """What is in some targets only."""
        target: dict[str, Value] = {}
        if self._maybe(0.4, "args"):
            target["args"] = {self.chance.choice(("WHO", "FLAVOUR")): self._from(ODD_TEXTS)}
        if self._maybe(0.2, "labels"):
            target["labels"] = {"org.example.note": self._from(ODD_TEXTS)}
        if self._maybe(0.1, "annotations"):
            target["annotations"] = ["org.example.note=on the manifest", "index:org.example.at=top"]
        if self._maybe(0.2):
            target["platforms"] = self._from(PLATFORMS)
        target |= self._inputs()
        if self._maybe(0.08, "attestations: none"):
            target["attest"] = ["type=provenance,disabled=true"]
        elif self._maybe(0.05, "attestations: more"):
            target["attest"] = ["type=provenance,mode=max"]
        if self._maybe(0.06, "cache-to: inline"):
            target["cache-to"] = ["type=inline"]
        elif self._maybe(0.06, "cache-to: local"):
            target["cache-to"] = [f"type=local,dest=cache/{name}"]
        target |= self._switches()
        return target

    def _inputs(self) -> dict[str, Value]:
        """What a target reads beside its context."""
        target: dict[str, Value] = {}
        if self._maybe(0.15):
            target["secret"] = [self._from(SECRETS)]
        elif self._maybe(0.01, "secret: missing"):
            target["secret"] = ["type=file,id=token,src=nowhere.txt"]
        if self._maybe(0.15):
            context, where = self._from(CONTEXTS)
            target["contexts"] = {context: where}
        if self._maybe(0.06):
            target["network"] = self._from(NETWORKS)
        return target

    def _switches(self) -> dict[str, Value]:
        """Attributes that say how to build, and change nothing here."""
        taken = [name for name in SWITCHES if self._maybe(0.03, name)]
        return {name: SWITCHES[name] for name in taken}

    # What is between targets

    def _structure(self, names: list[str]) -> None:
        targets = self.bake.targets
        for variable in ("IMAGE", "BASE"):
            self.bake.variables[variable] = None
        if self._maybe(0.3, "a template"):
            targets["_common"] = {"args": {"WHO": "common"}, "labels": {"common": "yes"}}
            self._inherit("_common")
        if self._maybe(0.15, "docker/metadata-action"):
            tags = [Template("${IMAGE}/meta:v2"), Template("${IMAGE}/meta:latest")]
            targets["docker-metadata-action"] = {"tags": tags} if self._maybe(0.7) else {}
            heir = targets[self.chance.choice(names)]
            heir["inherits"] = ["docker-metadata-action"]
            heir.pop("tags", None)
        if len(names) > 1 and self._maybe(0.25, "inherits from a target"):
            heir, parent = names[0], names[1]
            targets[heir] = {k: v for k, v in targets[heir].items() if self.chance.random() < 0.6}
            # Two that write the same files at once are not always done with it.
            targets[parent].pop("cache-to", None)
            if "@" in str(targets[parent].get("output")):
                targets[heir].setdefault("output", ["type=registry"])
            targets[heir]["inherits"] = [parent]
            if self._maybe(0.7):
                targets[heir] |= self._tags(heir)
        if self._maybe(0.2, "variables"):
            self.bake.variables |= {"WHO": "default", "UNSET": None}
            given: Value = Raw("upper(WHO)") if self._maybe(0.5, "functions") else Raw("WHO")
            targets[self.chance.choice(names)]["args"] = {"WHO": given, "FLAVOUR": Raw("UNSET")}
            if self._maybe(0.5, "--var"):
                self.variables["WHO"] = self._from(ODD_TEXTS)
        if self._maybe(0.2, "matrix"):
            self._matrix(self.chance.choice(names))
        self._groups(names)

    def _forget(self) -> None:
        """Leave out what compose files have no words for."""
        for target in self.bake.targets.values():
            for attribute in _NOT_IN_COMPOSE:
                target.pop(attribute, None)
            if "output" in target:
                target["output"] = [_as_text(each) for each in _list(target["output"])]
        self.constructs = {c for c in self.constructs if not c.startswith(_NOT_IN_COMPOSE)}

    def _inherit(self, parent: str) -> None:
        heirs = [t for name, t in self.bake.targets.items() if name != parent and self._maybe(0.6)]
        for heir in heirs:
            heir["inherits"] = [parent]

    def _matrix(self, name: str) -> None:
        target = self.bake.targets[name]
        repository = Template("${IMAGE}/" + name + ":${flavour}")
        if self._maybe(0.3, "matrix in one repository but for the tag"):
            tags: list[Value] = [repository]
        else:
            tags = [Template("${IMAGE}/" + name + "-${flavour}:latest")]
        target |= {
            "name": Template(name + "-${flavour}"),
            "matrix": {"flavour": ["mild", "hot"]},
            "args": {"FLAVOUR": Raw("flavour")},
        }
        if "tags" in target:
            target["tags"] = tags

    def _groups(self, names: list[str]) -> None:
        groups = self.bake.groups
        some = [name for name in names if self._maybe(0.7)] or names
        if "default" not in names and self._maybe(0.8, "group: default"):
            groups["default"] = self.chance.sample(some, len(some))
        if len(names) > 1 and self._maybe(0.3, "group"):
            groups["all"] = list(names)
            if "default" in groups and self._maybe(0.6, "group in a group"):
                groups["default"] = [*groups["default"][:1], "all"]

    def _link(self, names: Sequence[str]) -> None:
        if len(names) < 2 or not self._maybe(0.25):
            return
        linking, linked = names[0], names[1]
        contexts = self.bake.targets[linking].setdefault("contexts", {})
        assert isinstance(contexts, dict)
        context = {"context: target": "assets", "context: target for a stage": "dependencies"}
        contexts[self._from(context)] = f"target:{linked}"

    # The command

    def _requested(self) -> tuple[str, ...]:
        targets = [name for name in self.bake.targets if name not in _TEMPLATES]
        known = [*targets, *self.bake.groups]
        if self._maybe(0.35 if "default" in known else 0.03, "request: default"):
            return ()
        count = self.chance.randint(1, len(known))
        requested = self.chance.sample(known, count)
        if count > 1:
            self._note("request: several")
            if "default" in requested[1:]:
                self._note("request: default among others")
        if self._maybe(0.03, "request: twice"):
            requested.append(requested[0])
        if self._maybe(0.02, "request: unknown"):
            requested.append("nobody")
        return tuple(requested)

    def _flags(self) -> None:
        if self._maybe(0.45):
            name = self.chance.choice([n for n in self.bake.targets if n not in _TEMPLATES])
            if "matrix" in self.bake.targets[name]:
                name += "-mild"
            self.flags += ["--set", self._from(OVERRIDES).replace("@.", f"{name}.", 1)]
        if self._maybe(0.25):
            self.flags.append(self._from(FLAGS))
        if self.constructs & _OUTSIDE:
            if self._maybe(0.5, "allow: everything"):
                self.flags += ("--allow", "fs=*", "--allow", "network.host")
            else:
                self.flags += self._from(ALLOWANCES)

    def _write_bake_files(self, kind: str) -> None:
        if kind == "compose":
            self.files["compose.yaml"] = as_compose(self.bake)
        elif kind == "json":
            self.files["docker-bake.json"] = as_json(self.bake)
        elif kind == "two files":
            (first, *rest) = self.bake.targets
            groups, targets = self.bake.groups, self.bake.targets
            one = BakeFile(self.bake.variables, groups, {name: targets[name] for name in rest})
            two = BakeFile({}, {}, {first: targets[first]})
            self.files["docker-bake.hcl"] = as_hcl(one)
            self.files["docker-bake.override.json"] = as_json(two)
        elif kind == "a file by name":
            self.files["bake/images.hcl"] = as_hcl(self.bake)
            self.flags += ["--file", "bake/images.hcl"]
        else:
            self.files["docker-bake.hcl"] = as_hcl(self.bake)

    def _changes(self) -> dict[str, str]:
        if not self._maybe(0.3):
            return {}
        name, more = self._from(CHANGES)
        changed = (path for path in self.files if path.lower().endswith(name))
        return {path: self.files[path] + more for path in changed}

    # Chances

    def _maybe(self, probability: float, construct: str = "") -> bool:
        taken = self.chance.random() < probability
        if taken and construct:
            self._note(construct)
        return taken

    def _note(self, construct: str) -> str:
        self.constructs.add(construct)
        return construct

    def _one_of(self, *constructs: str) -> str:
        return self._note(self.chance.choice(constructs))

    def _from(self, table: Mapping[str, T]) -> T:
        return table[self._note(self.chance.choice(list(table)))]


def _list(value: Value) -> list[Value]:
    assert isinstance(value, list)
    return value


def _as_text(output: Value) -> Value:
    """An object as it is written for the command line."""
    pairs = output.items() if isinstance(output, dict) else ()
    return ",".join(f"{name}={value}" for name, value in pairs) or output


def _named(value: Value, own: str) -> Value:
    """Put a target's name in the place of ``@``."""
    match value:
        case str():
            written = value.replace("@", own)
            return Template(written) if Template in {type(value), type(own)} else written
        case dict():
            return {key: _named(each, own) for key, each in value.items()}
        case list():
            return [_named(each, own) for each in value]
    return value


_NOT_IN_COMPOSE = (
    "annotations",
    "attest",
    "call",
    "description",
    "ulimits",
    "extra-hosts",
    "output: an object",
)
_TEMPLATES = ("_common", "docker-metadata-action")
