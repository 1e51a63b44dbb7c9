"""The stub of an app base: directories, links, who is a user, and what is in the way."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
import tracemalloc

import pytest

from tests.rebase.trees import ACL, derive, entry, folder, link, read, stub, tar, xattr
from whalebuild.errors import VerificationError
from whalebuild.rebase.images import Image, read_image
from whalebuild.rebase.reach import Reach, covers
from whalebuild.rebase.stub import (
    STUB,
    STUB_REACHES,
    WHOLE_LIMIT,
    NoStub,
    StubLayer,
    derive_stub,
    stub_image,
)

PASSWD = b"root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n"
GROUP = b"root:x:0:\napp:x:1000:\n"
ETC = [folder("etc"), entry("etc/passwd", content=PASSWD), entry("etc/group", content=GROUP)]


def layer(*args: object, **kwargs: object) -> StubLayer:
    found = derive(*args, **kwargs)  # type: ignore[arg-type]
    assert isinstance(found, StubLayer), found
    return found


def test_directories_and_links_with_their_metadata_and_no_file() -> None:
    made = stub(
        [
            folder("srv", mode=0o2775, uid=1000, gid=33, mtime=1_700_000_000),
            folder("tmp", mode=0o1777),
            folder("usr"),
            entry("usr/program", content=b"x" * 5000, mode=0o4755),
            link("bin", "usr/bin", uid=7, mtime=12),
            entry("usr/again", tarfile.LNKTYPE, linkname="usr/program"),
        ]
    )
    assert list(made) == ["bin", "srv", "tmp", "usr"]
    srv = made["srv"]
    assert (srv.mode, srv.uid, srv.gid, srv.mtime) == (0o2775, 1000, 33, 1_700_000_000)
    assert made["tmp"].mode == 0o1777
    assert (made["bin"].linkname, made["bin"].uid, made["bin"].mtime) == ("usr/bin", 7, 12)


@pytest.mark.parametrize("prefix", ["", "./", "/"])
def test_names_as_tars_write_them(prefix: str) -> None:
    made = stub(
        [folder("./"), folder(f"{prefix}etc"), entry(f"{prefix}etc/passwd", content=PASSWD)]
    )
    assert list(made) == ["etc", "etc/passwd"]


def test_a_name_that_leads_out_is_refused() -> None:
    with pytest.raises(VerificationError) as raised:
        derive([folder("a/../../b")])
    assert "a/../../b" in str(raised.value.cause)


def test_who_is_a_user_keeps_its_content_and_metadata() -> None:
    made = read(layer([*ETC[:2], entry("etc/group", content=GROUP, mode=0o600, gid=42)]))
    assert {i.name: c for i, c in made if i.isreg()} == {"etc/passwd": PASSWD, "etc/group": GROUP}
    assert [(i.mode, i.gid) for i, _ in made if i.name == "etc/group"] == [(0o600, 42)]


@pytest.mark.parametrize(
    "target", ["/nix/store/1/etc/passwd", "../nix/store/1/etc/passwd", "static/passwd"]
)
def test_who_is_a_user_is_found_through_links(target: str) -> None:
    tree = [
        folder("etc"),
        link("etc/passwd", target),
        link("etc/static", "/nix/store/1/etc"),
        entry("nix/store/1/etc/passwd", content=PASSWD),
        entry("nix/store/1/etc/other", content=b"not this"),
    ]
    made = read(layer(tree))
    assert {i.name: c for i, c in made if i.isreg()} == {"nix/store/1/etc/passwd": PASSWD}
    assert [i.linkname for i, _ in made if i.name == "etc/passwd"] == [target]


def test_who_is_a_user_may_be_a_hard_link() -> None:
    tree = [
        *ETC[:2],
        entry("etc/passwd-", tarfile.LNKTYPE, linkname="etc/passwd"),
        entry("lib/group", content=GROUP),
        entry("etc/group", tarfile.LNKTYPE, linkname="./lib/group"),
    ]
    found = {i.name: c for i, c in read(layer(tree)) if i.isreg()}
    assert found == {"etc/passwd": PASSWD, "etc/group": GROUP}


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ([entry("etc/passwd", content=b"x" * ((1 << 20) + 1))], "/etc/passwd has 1.0 MB"),
        ([entry("etc/passwd", tarfile.CHRTYPE)], "/etc/passwd is no regular file"),
        (
            [link("etc/group", "/lib/users"), entry("lib/users", content=GROUP)],
            "/etc/group (that is /lib/users) is a link to a file of another name",
        ),
        (
            [link("etc/passwd", "passwd")],
            "links on the way to a destination lead in a circle",
        ),
    ],
)
def test_who_is_a_user_cannot_be_told(tree: list[object], reason: str) -> None:
    assert derive(tree) == NoStub(reason)  # type: ignore[arg-type]


def test_no_users_at_all_is_a_stub() -> None:
    assert list(stub([folder("app"), link("etc/passwd", "/gone")])) == ["app", "etc", "etc/passwd"]


def test_what_is_in_the_way_of_a_destination_is_an_empty_file() -> None:
    made = read(
        layer(
            [
                folder("app"),
                entry("app/main.py", content=b"print()", mode=0o640, uid=5, mtime=99),
                entry("app/pipe", tarfile.FIFOTYPE),
                entry("app/device", tarfile.CHRTYPE, devmajor=1, devminor=3),
                entry("app/hard", tarfile.LNKTYPE, linkname="app/main.py"),
                entry("application", content=b"beside it"),
            ],
            reaches=["/app"],
        )
    )
    assert [i.name for i, _ in made] == ["app", "app/device", "app/hard", "app/main.py", "app/pipe"]
    assert all(i.isreg() and i.size == 0 for i, _ in made[1:])
    main = made[3][0]
    assert (main.mode, main.uid) == (0o640, 5)


def test_an_empty_file_in_the_way_has_a_time_that_no_file_of_the_code_has() -> None:
    """Else an empty file of the code that goes over it would be missing in the layer."""
    tree = [entry("app.py", content=b"print()", mtime=99), entry("etc/passwd", mtime=99)]
    made = {i.name: i for i, _ in read(layer(tree, reaches=["/"]))}
    assert made["app.py"].mtime == 0x7FFF_FFFE
    assert made["etc/passwd"].mtime == 99


WAYS = [
    entry("file", content=b"1"),
    folder("srv"),
    entry("srv/app", content=b"1"),
    link("current", "srv"),
    link("abs", "/opt/../real"),
    folder("real"),
    entry("real/deep/x", content=b"1"),
    link("chain", "current"),
]


@pytest.mark.parametrize(
    ("reach", "files"),
    [
        (Reach("/file", below=False), {"file"}),
        (Reach("/file/below/it"), {"file"}),  # it has to fail: a file is no directory
        (Reach("/srv", below=False), {"srv/app"}),  # a file copied there is put into it
        (Reach("/srv/app/", below=False), {"srv/app"}),
        (Reach("/current/app", below=False), {"srv/app"}),
        (Reach("chain/"), {"srv/app"}),
        (Reach("/chain/app/more"), {"srv/app"}),
        (Reach("/abs"), {"real/deep/x"}),
        (Reach("/abs/deep", below=False), {"real/deep/x"}),
        (Reach("/new"), set()),
        (Reach("/"), {"file", "srv/app", "real/deep/x"}),
        (Reach("/x/../srv"), {"srv/app"}),
        (Reach("/real", excluded=("deep",)), set()),
        (Reach("/abs", excluded=("./deep/",)), set()),
        (Reach("/real", excluded=("dee",)), {"real/deep/x"}),
    ],
)
def test_destinations_through_links(reach: Reach, files: set[str]) -> None:
    made = stub(WAYS, reaches=[reach])
    assert {name for name, info in made.items() if info.isreg()} == files
    assert {n for n, i in made.items() if not i.isreg()} >= {"abs", "chain", "current", "real"}


def test_dots_in_a_link_as_buildkit_takes_them() -> None:
    # RootPath follows `a` by one link, to `b`, and takes `..` out of `b/../g`: /g and not /c/g.
    tree = [link("a", "b"), link("b", "c/d"), link("c/d/f", "../g"), entry("c/g"), entry("g")]
    assert {n for n, i in stub(tree, reaches=["/a/f"]).items() if i.isreg()} == {"g"}


def test_a_circle_has_no_stub() -> None:
    found = derive([link("a", "b"), link("b", "a")], reaches=["/a/x"])
    assert found == NoStub("links on the way to a destination lead in a circle")


def test_xattrs_that_are_no_text_survive() -> None:
    value = xattr("system.posix_acl_default", ACL) | xattr("user.empty", b"")
    (made,) = stub([folder("srv", pax_headers=value)]).values()
    names = {"SCHILY.xattr.system.posix_acl_default", "SCHILY.xattr.user.empty"}
    got = {k: v.encode("utf-8", "surrogateescape") for k, v in made.pax_headers.items()}
    assert {k: v for k, v in got.items() if k in names} == {
        "SCHILY.xattr.system.posix_acl_default": ACL,
        "SCHILY.xattr.user.empty": b"",
    }
    assert made.name == "srv"


def test_names_that_are_no_text_survive() -> None:
    name = b"\xff\xfe caf\xe9".decode("utf-8", "surrogateescape")
    made = stub([folder(name), link(f"{name}/é", name), folder("é" * 60), folder("a" * 120)])
    assert sorted(made) == sorted([name, f"{name}/é", "é" * 60, "a" * 120])
    assert made[f"{name}/é"].linkname == name


def test_times_are_whole_seconds_rounded_down() -> None:
    late = folder("late", pax_headers={"mtime": "1699999999.999999999"})
    made = stub([late, folder("early", mtime=-5), folder("far", mtime=1 << 34)])
    assert [made[n].mtime for n in ("late", "early", "far")] == [1_699_999_999, 0, 1 << 34]


def test_layers_are_put_over_each_other() -> None:
    made = stub(
        [
            *ETC,
            folder("gone"),
            folder("gone/below"),
            folder("opaque"),
            folder("opaque/old"),
            folder("was"),
            folder("was/in"),
            link("lib", "usr/lib"),
            folder("usr/lib"),
            link("to-directory", "x"),
        ],
        [
            entry(".wh.gone"),
            folder("opaque", mode=0o700),
            folder("opaque/new"),
            entry("opaque/.wh..wh..opq"),
            entry("was"),
            folder("lib/python"),  # through the link
            folder("to-directory"),
            entry("etc/passwd", content=b"other"),
        ],
    )
    assert {n for n, i in made.items() if i.isdir()} == {
        "etc",
        "opaque",
        "opaque/new",
        "usr",
        "usr/lib",
        "usr/lib/python",
        "to-directory",
    }
    assert made["opaque"].mode == 0o700
    assert made["etc/passwd"].size == 5


def test_the_same_tree_gives_the_same_bytes() -> None:
    tree = [*ETC, folder("b", pax_headers=xattr("user.b", b"1") | xattr("user.a", b"2"))]
    one, other = layer(tree, reaches=["/b", "/a"]), layer(reversed(tree), reaches=["/a", "/b"])
    assert one == other
    content = gzip.decompress(one.blob)
    assert one.diff_id == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert one.digest == f"sha256:{hashlib.sha256(one.blob).hexdigest()}"
    assert one.blob[4:8] == b"\0\0\0\0"  # no time


def test_gnu_tar_reads_it() -> None:
    made = layer([*ETC, folder("é" * 60), link("l", "x")])
    told = subprocess.run(
        ["tar", "-tzf", "-"], input=made.blob, capture_output=True, check=True
    ).stdout
    assert told.count(b"\n") == 5


def test_over_the_limit_only_what_is_reached_is_left() -> None:
    many = [folder(f"lib/{hashlib.sha256(str(n).encode()).hexdigest()}") for n in range(300)]
    tree = [*ETC, folder("lib"), *many, folder("app/new"), link("current", "app")]
    assert len(stub(tree, reaches=["/current"])) > 300
    made = stub(tree, reaches=["/current"], limit=2000)
    assert sorted(made) == ["app", "app/new", "current", "etc", "etc/group", "etc/passwd"]
    assert derive(tree, reaches=["/"], limit=2000) == NoStub(
        "the directories, and the files in the way of its instructions, make up"
        f" {_kilobytes(tree)}, more than 2.0 KB"
    )


def test_what_cannot_be_reached_is_left_out_where_all_of_it_is_over_16_kilobytes() -> None:
    many = [folder(f"lib/{hashlib.sha256(str(n).encode()).hexdigest()}") for n in range(600)]
    tree = [*ETC, folder("lib"), *many, folder("app/new")]
    whole = layer(tree, reaches=["/lib"])
    assert len(whole.blob) > WHOLE_LIMIT, "as large as what is reached"
    assert len(stub(tree, reaches=["/lib"])) > len(many)
    assert sorted(stub(tree, reaches=["/app"])) == [
        *("app", "app/new", "etc", "etc/group", "etc/passwd")
    ]


def _kilobytes(tree: list[object]) -> str:
    size = len(layer(tree, reaches=["/"], limit=1 << 30).blob)
    return f"{size / 1000:.0f} KB"


@pytest.mark.parametrize("cut", [1, 511, 512, 700, 1024, 1536])
def test_a_tar_that_ends_early_is_refused(cut: int) -> None:
    whole = tar([folder("a"), entry("b", content=b"x" * 10), folder("c")])
    with pytest.raises(VerificationError):
        derive_stub([io.BytesIO(whole[:cut])], [])


def test_a_tar_that_is_damaged_in_the_middle_is_refused() -> None:
    whole = bytearray(tar([folder("a"), folder("b"), folder("c")]))
    whole[512 + 10] ^= 0xFF
    with pytest.raises(VerificationError):
        derive_stub([io.BytesIO(bytes(whole))], [])


def test_contents_are_not_held() -> None:
    class Zeros(io.RawIOBase):
        """A file of 16 MiB, with a header and an end, that are made as they are read."""

        def __init__(self) -> None:
            self.head = io.BytesIO(entry("big", size=16 << 20)[0].tobuf())
            self.left = 16 << 20
            self.end = io.BytesIO(b"\0" * 1024)

        def read(self, size: int = -1) -> bytes:
            if part := self.head.read(size):
                return part
            if self.left:
                count = min(size, self.left)
                self.left -= count
                return b"x" * count
            return self.end.read(size)

    tracemalloc.start()
    found = derive_stub([Zeros()], [Reach("/")])  # type: ignore[list-item]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found, StubLayer)
    assert peak < 6 << 20


def test_what_a_stub_covers() -> None:
    record = layer([], reaches=[Reach("/app/", excluded=(".venv",)), Reach("/f", below=False)])
    had = record.reaches
    assert json.loads(had) == [
        {"path": "/app", "below": True, "excluded": [".venv"]},
        {"path": "/f", "below": False, "excluded": []},
    ]
    left_out = (".venv", "node_modules")
    assert covers(had, [])
    assert covers(had, [Reach("/app", excluded=left_out), Reach("/f", below=False)])
    assert covers(had, [Reach("/app", below=False, excluded=left_out)])
    assert not covers(had, [Reach("/app")])
    assert not covers(had, [Reach("/f")])
    assert not covers(had, [Reach("/app/below", excluded=left_out)])
    assert not covers("{}", [Reach("/f")])
    assert not covers("[{}]", [Reach("/f")])


BASE_CONFIG = {
    "architecture": "arm64",
    "os": "linux",
    "variant": "v8",
    "config": {"Env": ["PATH=/bin"], "User": "app", "WorkingDir": "/app"},
    "created": "2024-05-01T10:00:00Z",
    "rootfs": {"type": "layers", "diff_ids": [f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"]},
    "history": [{"created_by": "a"}, {"created_by": "ENV", "empty_layer": True}],
    "unknown": 1,
}


def image(config: dict[str, object]) -> Image:
    raw = json.dumps(config).encode()
    diff_ids = config["rootfs"]["diff_ids"]  # type: ignore[index]
    of = {"digest": f"sha256:{hashlib.sha256(raw).hexdigest()}", "size": len(raw)}
    manifest = {
        "schemaVersion": 2,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **of},
        "layers": [
            {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": d, "size": 1}
            for d in diff_ids
        ],
    }
    return Image(json.dumps(manifest).encode(), raw)


def test_the_image_of_a_stub() -> None:
    base, of = image(BASE_CONFIG), layer(ETC, reaches=["/app"])
    made = stub_image(base, of)
    read = read_image(made, "it")
    assert read.diff_ids == (of.diff_id,)
    assert read.layers[0]["digest"] == of.digest
    assert read.layers[0]["size"] == len(of.blob)
    assert len(read.history) == 1
    assert read.history[0]["created"] == BASE_CONFIG["created"]
    assert read.manifest["annotations"] == {STUB: base.digest, STUB_REACHES: of.reaches}
    kept = {"config", "os", "architecture", "variant", "unknown"}
    assert {k: read.config[k] for k in kept} == {k: BASE_CONFIG[k] for k in kept}
    assert made == stub_image(base, of)


def test_an_inlined_cache_is_not_the_stubs() -> None:
    base = image({**BASE_CONFIG, "moby.buildkit.cache.v0": {"layers": []}})
    assert b"moby.buildkit" not in stub_image(base, layer(ETC)).config


def test_triggers_have_no_stub() -> None:
    with pytest.raises(ValueError, match="ONBUILD"):
        stub_image(image({**BASE_CONFIG, "config": {"OnBuild": ["RUN x"]}}), layer(ETC))
