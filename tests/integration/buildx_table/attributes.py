"""Rows: the attributes of a bake file's target."""

from __future__ import annotations

from tests.integration.buildx_table.row import Printed, Row, Table, Tried

_SAME = "the same"


def _printed(name: str, value: str, *, deps: bool = True, more: bool = False) -> Printed:
    return Printed(name, bakefile=f"{name} = {value}", words="app", deps=deps, more=more)


ATTRIBUTES = Table(
    "Attributes of a target",
    (
        Row(
            "annotations",
            "the same on the application; dependencies outlive it, and have none",
            _printed("annotations", '["index:a=b", "c=d"]', deps=False),
        ),
        Row("args", _SAME, _printed("args", '{ A = "a", B = "$${B}" }')),
        Row("attest", _SAME, _printed("attest", '["type=provenance,mode=max"]')),
        Row(
            "cache-from",
            "the same, beside the published caches",
            _printed("cache-from", '["type=registry,ref=r.example/cache"]', more=True),
        ),
        Row(
            "cache-to",
            "the same for the application, beside the published cache",
            _printed("cache-to", '["type=registry,ref=r.example/cache"]', deps=False, more=True),
        ),
        Row(
            "call",
            "the same; nothing is published",
            Tried('`call = "check"` beside the application'),
        ),
        Row("context", _SAME, _printed("context", '"."')),
        Row(
            "contexts",
            "the same; the dependencies are one more",
            _printed("contexts", '{ lib = "docker-image://r.example/lib" }', more=True),
        ),
        Row("description", _SAME, _printed("description", '"what it is"', deps=False)),
        Row("dockerfile", _SAME, _printed("dockerfile", '"./Dockerfile"')),
        Row(
            "dockerfile-inline",
            _SAME,
            _printed(
                "dockerfile-inline",
                '"FROM scratch AS dependencies\\nCOPY requirements.txt /\\nFROM dependencies\\n'
                'COPY app.txt /\\n"',
            ),
        ),
        Row("entitlements", _SAME, _printed("entitlements", '["network.host"]')),
        Row("extra-hosts", _SAME, _printed("extra-hosts", '{ h = "1.2.3.4" }')),
        Row(
            "inherits",
            _SAME,
            Tried("`inherits` from two: the last one wins, its own wins over both"),
        ),
        Row(
            "labels",
            "the same on the application; dependencies outlive it, and have none",
            _printed("labels", '{ a = "$${b}" }', deps=False),
        ),
        Row("matrix", _SAME, Tried("a matrix with a repository for each")),
        Row("name", _SAME, Tried("one target of a matrix")),
        Row("network", _SAME, _printed("network", '"none"')),
        Row("no-cache", _SAME, _printed("no-cache", "true")),
        Row("no-cache-filter", _SAME, _printed("no-cache-filter", '["final"]')),
        Row(
            "output",
            "an image is published as a pair; other outputs are made as buildx makes them",
            Tried("`type=registry` and `type=local` in one target"),
        ),
        Row("platforms", _SAME, _printed("platforms", '["linux/amd64", "linux/arm64"]')),
        Row(
            "policy",
            "passed on; an older buildx ignores it",
            _printed("policy", '[{ filename = "app.txt" }]'),
            since="0.31",
        ),
        Row("pull", "the same, and pinned base images are renewed", _printed("pull", "true")),
        Row(
            "resources",
            "passed on; an older buildx ignores it",
            _printed("resources", '{ memory = "2g" }'),
            since="0.35",
        ),
        Row("secret", _SAME, _printed("secret", '["id=a,src=app.txt", "id=b,env=B"]')),
        Row("shm-size", _SAME, _printed("shm-size", '"64m"')),
        Row("ssh", _SAME, Tried("`ssh`: the agent's keys")),
        Row(
            "tags",
            "those of the application; `:deps` is beside each",
            Tried("several tags in two repositories"),
        ),
        Row(
            "target",
            "the same; the dependencies are a stage of it",
            _printed("target", '"final"', deps=False),
        ),
        Row("ulimits", _SAME, _printed("ulimits", '["nofile=1024:1024"]')),
    ),
)

TABLES = (ATTRIBUTES,)
