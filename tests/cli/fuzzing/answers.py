"""What a docker client may say: what it should, what it says when it fails, and nonsense."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.cli.fuzzing import pools
from tests.support.progress import recording

#: Which of the answers a command gets, by its words; the first that fits.
SCRIPT = """#!/bin/sh
at=$(dirname "$0")/../answers
case " $* " in
  *--list=*|*--list\\ *) a=list ;;
  *\\ bake\\ *--print*) a=print ;;
  *\\ bake\\ *) a=bake ;;
  *\\ buildx\\ inspect\\ *) a=builder ;;
  *\\ buildx\\ ls\\ *) a=builders ;;
  *\\ buildx\\ du\\ *) a=du ;;
  *\\ buildx\\ *) a=buildx ;;
  *\\ config\\ *) a=config ;;
  *\\ compose\\ *) a=compose ;;
  *\\ image\\ ls\\ *) a=ids ;;
  *\\ container\\ ls\\ *) a=ids ;;
  *\\ image\\ inspect\\ *) a=images ;;
  *\\ container\\ inspect\\ *) a=containers ;;
  *\\ info\\ *) a=info ;;
  *) a=other ;;
esac
while [ $# -gt 0 ]; do
  if [ "$1" = --metadata-file ]; then cat "$at/metadata.out" >"$2"; fi
  shift
done
cat "$at/$a.err" >&2
cat "$at/$a.out"
exit "$(cat "$at/$a.code")"
"""
FAILURES = (
    *("ERROR: failed to find target nosuch\n", "ERROR: boom\n", "", "\n\n", "ERROR: \n"),
    "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?\n",
    "docker: 'buildx' is not a docker command.\n",
    "unknown flag: --print\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n",
    'ERROR: process "/bin/sh -c false" did not complete successfully: exit code: 1\n',
    "ERROR: failed to push REG/web: denied: no\n",
    'ERROR: no builder "x" found\n',
    "docker-bake.hcl:1\n--------\n   1 | >>> x\n--------\nERROR: docker-bake.hcl:1,1-2: Invalid\n",
    'Pass "--allow=x" to grant requested privileges.\n\nERROR: additional privileges requested\n',
    "Error response from daemon: No such container: x\n",
    "\udcff\udcfe ERROR: \udcff\n",
    "x" * 100000,
    *("unknown entitlement key\n", '{"level":"error","msg":"no such service"}\n'),
)
NONSENSE = (
    *("", "null", "[]", "{}", "0", '"x"', "true", "[null]", "[[]]", '{"target": null}', "NaN"),
    *('{"target": {"app": 1}, "group": []}', '{"target": {"app": {"tags": 5}}}', "not json", "{"),
    *("[" * 5000, '{"a":' * 3000, '"\\ud800"', "\udcff", "\x00", "9" * 6000, "\ufeff{}"),
)


_STREAM = "".join(recording("cached", "app"))
_BUILDER = """\
Name:   default
Driver: docker

Nodes:
Name:      default
Endpoint:  default
Status:    running
Platforms: linux/amd64, linux/386
"""


@dataclass(frozen=True)
class Answer:
    """What a docker command says on both streams, and its exit code."""

    out: str = ""
    err: str = ""
    code: int = 0


def answers(random: Random, wild: float) -> Mapping[str, Answer]:
    """An answer for each kind of command; one of them is strange with a probability of ``wild``."""
    return {name: _spoilt(random, Answer(*good), wild) for name, good in _good(random).items()}


def _spoilt(random: Random, good: Answer, wild: float) -> Answer:
    if random.random() < wild:
        return random.choice(
            (
                Answer("", random.choice(FAILURES), random.choice((1, 1, 17, 125, 255))),
                Answer(random.choice(NONSENSE)),
                Answer(good.out[: random.randint(0, len(good.out))], good.err, good.code),
                Answer(changed(random, good.out), good.err, good.code),
            )
        )
    return good


def changed(random: Random, text: str) -> str:
    """JSON with one value in the place of another."""
    try:
        document = json.loads(text)
    except ValueError:
        return text.replace(random.choice(text or "x"), random.choice(pools.ODD))
    for _ in range(random.randint(1, 3)):
        document = _exchanged(random, document)
    return json.dumps(document)


def _exchanged(random: Random, value: Any, depth: int = 0) -> Any:
    keys: Sequence[Any] = ()
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = range(len(value))
    if keys and (depth == 0 or random.random() < 0.8):
        key = random.choice(keys)
        changed = dict(value) if isinstance(value, dict) else list(value)
        changed[key] = _exchanged(random, value[key], depth + 1)
        return changed
    others = (None, 0, -1, 1.5, True, "", "x", [], {}, [None], {"a": None}, 10**30)
    return random.choice((*others, random.choice(pools.ODD).encode(errors="replace").decode()))


def _good(random: Random) -> Mapping[str, tuple[Any, ...]]:
    service = {"image": "REG/web:latest", "networks": {"default": None}}
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    container = {
        "Id": "c" * 64,
        "Name": "/shop-web-1",
        "Image": pools.DIGEST,
        "Created": "2026-01-01T00:00:00Z",
        "State": {"Status": "running", "Health": {"Status": "healthy"}},
        "Config": {"Image": "REG/web:latest", "Labels": labels},
        "NetworkSettings": {"Networks": {}},
    }
    image = {
        "Id": pools.DIGEST,
        "RepoTags": ["REG/web:latest"],
        "RepoDigests": [f"REG/web@{pools.DIGEST}"],
        "Os": "linux",
        "Architecture": "amd64",
        "RootFS": {"Layers": [pools.DIGEST]},
    }
    nodes = [
        {
            "Name": "default",
            "Endpoint": "default",
            "Status": "running",
            "Platforms": ["linux/amd64"],
        }
    ]
    info = {"ID": "x", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
    bake = (1, "ERROR: failed to solve: boom\n") if random.random() < 0.2 else (0, "")
    return {
        "list": (json.dumps([{"name": n} for n in ("app", "deps", "other")]),),
        "print": (json.dumps(_definition(random)),),
        "bake": ("", _STREAM + bake[1], bake[0]),
        "metadata": (json.dumps({n: {"containerimage.digest": "WEB"} for n in ("app", "deps")}),),
        "builder": (_BUILDER,),
        "builders": (json.dumps({"Name": "default", "Driver": "docker", "Nodes": nodes}),),
        "du": ("Reclaimable:\t1.2GB\nTotal:\t\t3GB\n",),
        "buildx": ("",),
        "config": (
            json.dumps({"name": "shop", "services": {"web": service, "db": {"image": "x"}}}),
        ),
        "compose": ("",),
        "ids": ("c" * 64 + "\n",),
        "images": (json.dumps([image]),),
        "containers": (json.dumps([container]),),
        "info": (json.dumps({**info, "OSType": "linux", "Architecture": "x86_64"}),),
        "other": ("",),
    }


def _definition(random: Random) -> Mapping[str, Any]:
    """A bake definition as ``--print`` shows it."""
    attributes: Mapping[str, Sequence[Any]] = {
        "tags": (["REG/web:latest"], ["REG/web:v1", "REG/web:latest"], [], ["Bad Name"], None),
        "platforms": (["linux/amd64"], ["linux/amd64", "linux/arm64"], ["x"]),
        "target": ("dependencies", "final", "nosuch"),
        "args": ({"A": "1"}, {"A": None}, {"SOURCE_DATE_EPOCH": "x"}),
        "output": (
            [{"type": "cacheonly"}],
            [{"type": "local", "dest": "out"}],
            [{"type": "registry"}],
        ),
        "secret": ([{"id": "t", "src": "../t"}], [{"id": "t", "env": "T"}], ["id=t,src=x"]),
        "ssh": ([{"id": "default"}], ["default=x"]),
        "contexts": ({"lib": "target:other"}, {"lib": ".."}, {"lib": "docker-image://x"}),
        "cache-to": ([{"type": "local", "dest": "c"}], [{"type": "inline"}]),
        "call": ("check", "outline,format=json"),
        "entitlements": (["network.host"], ["device=x"]),
        "dockerfile-inline": ("FROM scratch AS dependencies\n", "", "FROM"),
        "dockerfile": ("Dockerfile", "missing", "../Dockerfile"),
        "context": (".", "..", "folder", "https://x/y.git", "missing"),
        "no-cache-filter": (["x"],),
        "labels": ({"a": "b"}, {"a": None}),
        "attest": ([{"type": "provenance", "mode": "max"}],),
    }
    targets = {}
    for name in ("app", "deps", "other")[: random.randint(1, 3)]:
        given = {k: random.choice(v) for k, v in attributes.items() if random.random() < 0.12}
        given.setdefault("tags", ["REG/web:latest"] if name == "app" else None)
        targets[name] = {"context": ".", "dockerfile": "Dockerfile", **given}
    return {"group": {"default": {"targets": list(targets)}}, "target": targets}
