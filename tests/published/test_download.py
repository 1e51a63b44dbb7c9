from __future__ import annotations

import json

import pytest

from tests.support.platforms import AMD64
from tests.support.published_pair import Layer, image_manifest
from whalebuild.cli.output.diff import diff_json
from whalebuild.errors import UsageError
from whalebuild.oci.image_config import ImageConfig, read_config
from whalebuild.oci.manifest import digest_of, parse_image
from whalebuild.oci.reference import Reference
from whalebuild.published.download import (
    HostContent,
    HostSide,
    HostSource,
    ImageDiff,
    ImageToPull,
    KnownBy,
    compare,
    diff_request,
)
from whalebuild.published.view import ImageView

WEB = Reference("registry.test/web", "latest")
BASE, PACKAGES, CODE = ("base", 50_000), ("packages", 2_000), ("code", 90)
IDS = ("sha256:b", "sha256:p", "sha256:c")


def blob(layer: Layer) -> str:
    return digest_of(layer[0].encode())


def published(*layers: Layer, ids: tuple[str, ...] = IDS, index: int | None = 40) -> ImageToPull:
    raw = image_manifest("it", layers)
    image = ImageView(digest_of(raw), len(raw), parse_image(raw))
    config = ImageConfig(ids, tuple(f"RUN {layer_id[-1]}" for layer_id in ids))
    return ImageToPull(WEB, "sha256:index" if index else image.digest, index, AMD64, image, config)


TO = published(BASE, PACKAGES, CODE)


def against(have: HostContent, to: ImageToPull = TO) -> ImageDiff:
    return compare(to, have, HostSource(HostSide.LOCAL))


def there(diff: ImageDiff) -> list[KnownBy | None]:
    return [layer.known_by for layer in diff.layers]


def test_a_host_with_nothing_downloads_all() -> None:
    diff = against(HostContent())
    assert diff.download == diff.total == 40 + TO.image.size + 100 + 52_090
    assert len(diff.new) == 3
    assert diff.exact


def test_what_it_has_by_digest_is_not_downloaded() -> None:
    diff = against(HostContent(frozenset({blob(BASE), blob(PACKAGES)})))
    assert diff.download == 40 + TO.image.size + 100 + 90
    assert [layer.instruction for layer in diff.new] == ["RUN c"]
    assert there(diff) == [KnownBy.DIGEST, KnownBy.DIGEST, None]


def test_the_index_alone_is_new_after_a_build_of_the_same() -> None:
    everything = {TO.image.digest, *TO.image.blobs}
    assert against(HostContent(frozenset(everything))).download == 40
    assert against(HostContent(frozenset({*everything, TO.digest}))).download == 0


def test_an_image_without_an_index_is_no_more_than_itself() -> None:
    plain = published(BASE, index=None, ids=IDS[:1])
    diff = against(HostContent(), plain)
    assert diff.index is None
    assert diff.download == plain.image.size + 100 + 50_000


def test_the_same_content_is_said_not_to_be_sure() -> None:
    diff = against(HostContent(frozenset({blob(BASE)}), frozenset(IDS[:2])))
    assert there(diff) == [KnownBy.DIGEST, KnownBy.DIFF_ID, None]
    assert not diff.exact


def test_a_graph_driver_downloads_all_above_what_is_new() -> None:
    blobs = frozenset({blob(BASE), blob(PACKAGES), blob(CODE)})
    assert there(against(HostContent(blobs)))[-1] is KnownBy.DIGEST
    above = HostContent(blobs, chains=(("sha256:b", "sha256:x", "sha256:c"), ("sha256:p",)))
    assert there(against(above)) == [KnownBy.DIGEST, None, None]
    lost = HostContent(blobs - {blob(BASE)}, chains=(IDS,))
    assert there(against(lost)) == [None, None, None], "one that it does not know by its blob"
    assert len(against(HostContent(blobs, chains=(IDS,))).new) == 0


def test_a_layer_that_stands_twice_is_sent_once() -> None:
    twice = published(BASE, CODE, PACKAGES, CODE, ids=("b", "c", "p", "c"))
    diff = against(HostContent(frozenset({blob(BASE)})), twice)
    assert [layer.diff_id for layer in diff.layers] == ["b", "c", "p"]
    assert sum(layer.size for layer in diff.new) == 2_090


def test_a_silent_configuration_leaves_sizes() -> None:
    diff = against(HostContent(frozenset(), frozenset(IDS)), published(BASE, CODE, ids=()))
    assert [(layer.size, layer.instruction) for layer in diff.layers] == [
        (50_000, None),
        (90, None),
    ]
    assert len(diff.new) == 2


def test_the_json_form() -> None:
    origin = HostSource(HostSide.REGISTRY, ((WEB, "sha256:old"), (None, "sha256:older")))
    shown = json.loads(
        json.dumps(diff_json([compare(TO, HostContent(frozenset({blob(BASE)})), origin)]))
    )
    assert shown["schema"] == "whalebuild.diff/1"
    [image] = shown["images"]
    assert image["from"] == {
        "kind": "registry",
        "images": [
            {"reference": "registry.test/web:latest", "digest": "sha256:old"},
            {"reference": None, "digest": "sha256:older"},
        ],
    }
    assert image["shared_layers_bytes"] == 50_000
    assert image["new_layers_bytes"] == 2_090
    assert image["download_bytes"] == image["total_bytes"] - 50_000
    assert image["layers"][0] == {
        "digest": blob(BASE),
        "diff_id": "sha256:b",
        "bytes": 50_000,
        "there": True,
        "known_by": "digest",
        "instruction": "RUN b",
    }


@pytest.mark.parametrize(
    ("start", "kind", "reference"),
    [
        (None, HostSide.LOCAL, None),
        ("local", HostSide.LOCAL, None),
        ("running", HostSide.RUNNING, None),
        ("v1", HostSide.REGISTRY, "registry.test/web:v1"),
        (":v1", HostSide.REGISTRY, "registry.test/web:v1"),
        ("sha256:" + "a" * 64, HostSide.REGISTRY, f"registry.test/web@sha256:{'a' * 64}"),
        ("@sha256:" + "a" * 64, HostSide.REGISTRY, f"registry.test/web@sha256:{'a' * 64}"),
        ("registry.test/other:v1", HostSide.REGISTRY, "registry.test/other:v1"),
    ],
)
def test_where_from(start: str | None, kind: HostSide, reference: str | None) -> None:
    read = diff_request(WEB, start, None)
    assert (read.to, read.origin) == (WEB, kind)
    assert (str(read.start) if read.start else None) == reference


def test_where_to() -> None:
    assert str(diff_request(WEB, None, "v2").to) == "registry.test/web:v2"
    assert str(diff_request(WEB, "v1", "deps").start) == "registry.test/web:v1"
    with pytest.raises(UsageError) as caught:
        diff_request(WEB, None, "no such/Name")
    assert "(--to)" in caught.value.what


def config(*created: str | None, layers: int) -> bytes:
    history = [{"created_by": each} for each in created if each]
    history.insert(1, {"created_by": "ENV A=b", "empty_layer": True})
    ids = [f"sha256:{number}" for number in range(layers)]
    return json.dumps({"rootfs": {"diff_ids": ids}, "history": history}).encode()


@pytest.mark.parametrize(
    ("created", "shown"),
    [
        ("COPY app.sh /app.sh # buildkit", "COPY app.sh /app.sh"),
        ("RUN /bin/sh -c pip install  \\\n x # buildkit", "RUN pip install \\ x"),
        ("RUN |2 TOKEN=a b OTHER=c /bin/sh -c make # buildkit", "RUN make"),
        ("RUN make # buildkit", "RUN make"),
        ("/bin/sh -c #(nop) ADD file:1 in / ", "ADD file:1 in /"),
        ("/bin/sh -c apt-get update", "RUN apt-get update"),
        ("|1 TOKEN=x /bin/sh -c apt-get update", "RUN apt-get update"),
        ("# debian.sh --arch 'amd64'", "# debian.sh --arch 'amd64'"),
    ],
)
def test_an_instruction_is_shown_without_values_of_arguments(created: str, shown: str) -> None:
    read = read_config(config("FROM", created, layers=2))
    assert read.instructions == ("FROM", shown)
    assert read.diff_ids == ("sha256:0", "sha256:1")


def test_a_history_that_does_not_fit_tells_nothing() -> None:
    assert read_config(config("one", layers=2)) == ImageConfig(("sha256:0", "sha256:1"))


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b'{"rootfs": 3}', b'{"rootfs":{}}'])
def test_what_is_no_configuration_tells_nothing(raw: bytes) -> None:
    assert read_config(raw) == ImageConfig()
