"""The tools that small RUNs need on a stub: which files they are made of, and what is refused."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.rebase.elfs import elf
from tests.rebase.trees import Entry, entry, folder, link, tar
from whalebuild.rebase.commands import Commands, Touched
from whalebuild.rebase.elf import Elf, read_elf
from whalebuild.rebase.reach import Reach, covers, refusal, write_record
from whalebuild.rebase.stub import StubLayer, derive_stub
from whalebuild.rebase.tars import read_tree
from whalebuild.rebase.tools import NoToolsError, find_tools, is_of_tools

LOADER = "/lib64/ld-linux-x86-64.so.2"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
SEARCH = ("/usr/local/bin", "/usr/bin", "/bin")
CHMOD = Commands(frozenset({"chmod"}), SEARCH, (Touched("/app/run"),))


def program(name: str, *needed: str, **fields: object) -> Entry:
    content = elf(LOADER, needed or ("libc.so.6",))
    return entry(f"usr/bin/{name}", content=content, mode=0o755, **fields)


def library(name: str, *needed: str) -> Entry:
    return entry(f"{LIBRARIES}/{name}", content=elf(needed=needed), mode=0o755)


# As Debian's: links from / into /usr.
BASE: list[Entry] = [
    *(folder(each) for each in ("usr", "usr/bin", "usr/lib", LIBRARIES, "usr/lib64", "etc", "app")),
    *(link(each, f"usr/{each}") for each in ("bin", "lib", "lib64")),
    *(entry(f"etc/{each}", content=b"root:x:0:\n") for each in ("passwd", "group")),
    entry("etc/ld.so.cache", content=b"cache"),
    entry("etc/nsswitch.conf", content=b"passwd: files # why\ngroup:  files\nhosts: dns\n"),
    link("usr/lib64/ld-linux-x86-64.so.2", "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
    library("ld-linux-x86-64.so.2"),
    library("libc.so.6", "ld-linux-x86-64.so.2"),
    program("dash"),
    link("usr/bin/sh", "dash"),
    *(program(each) for each in ("chmod", "chown")),
    program("sed", "libselinux.so.1", "libc.so.6"),
    library("libselinux.so.1", "libpcre2-8.so.0"),
    library("libpcre2-8.so.0.14"),
    link(f"{LIBRARIES}/libpcre2-8.so.0", "libpcre2-8.so.0.14"),
    entry("usr/bin/python", content=b"other", mode=0o755),
]
FOR_CHMOD = {
    *("usr", "usr/bin", "usr/lib", "usr/lib64", LIBRARIES, "etc", "bin", "lib", "lib64"),
    *("usr/bin/sh", "usr/bin/dash", "usr/bin/chmod", "etc/ld.so.cache"),
    *("usr/lib64/ld-linux-x86-64.so.2", f"{LIBRARIES}/ld-linux-x86-64.so.2"),
    f"{LIBRARIES}/libc.so.6",
}


def tools(
    *more: Entry, commands: Commands = CHMOD, reaches: tuple[Reach, ...] = (Reach("/app"),)
) -> set[str]:
    layers = [io.BytesIO(tar(layer)) for layer in (BASE, more)]
    return set(find_tools(read_tree(layers, is_of_tools), reaches, commands))


def touching(*touched: Touched, tool: str = "chmod", utf8: bool = False) -> Commands:
    return Commands(frozenset({tool}), SEARCH, touched, utf8)


def test_a_tool_has_its_shell_its_loader_and_its_libraries() -> None:
    assert tools() == FOR_CHMOD


def test_libraries_of_libraries_and_where_links_lead() -> None:
    found = tools(commands=touching(tool="sed"))
    names = ("libselinux.so.1", "libpcre2-8.so.0", "libpcre2-8.so.0.14")
    assert found == FOR_CHMOD - {"usr/bin/chmod"} | {
        "usr/bin/sed",
        *(f"{LIBRARIES}/{name}" for name in names),
    }


def test_every_library_that_a_loader_may_choose() -> None:
    fast = f"{LIBRARIES}/glibc-hwcaps/x86-64-v3"
    more = [folder(f"{LIBRARIES}/glibc-hwcaps"), folder(fast)]
    more.append(entry(f"{fast}/libc.so.6", content=elf()))
    assert f"{fast}/libc.so.6" in tools(*more)


def test_the_first_program_of_path_is_the_one_that_runs() -> None:
    more = [folder("usr/local"), folder("usr/local/bin"), link("usr/local/bin/chmod", "/bin/dash")]
    assert {"usr/local/bin/chmod"} == tools(*more) - FOR_CHMOD - {"usr/local"} - {"usr/local/bin"}


def test_users_are_read_from_files() -> None:
    old = library("libnss_files.so.2", "libc.so.6")
    found = tools(old, commands=touching(tool="chown"))
    assert {"etc/nsswitch.conf", f"{LIBRARIES}/libnss_files.so.2"} <= found


def test_a_locale_is_taken_where_a_tool_minds_it() -> None:
    path = "usr/lib/locale/C.utf8"
    more = [folder("usr/lib/locale"), folder(path), entry(f"{path}/LC_CTYPE", content=b"x")]
    assert f"{path}/LC_CTYPE" in tools(*more, commands=touching(tool="sed", utf8=True))
    assert f"{path}/LC_CTYPE" not in tools(*more, commands=touching(tool="sed"))
    assert tools(*more, commands=touching(utf8=True)) == FOR_CHMOD


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ([entry("etc/ld.so.preload", content=b"x")], "the app base has /etc/ld.so.preload"),
        ([entry("usr/bin/dash", content=b"#!x", mode=0o755)], "what /usr/bin/dash loads"),
        ([entry("usr/bin/dash", content=elf(runpath="/x"), mode=0o755)], "what /usr/bin/dash"),
        ([entry("usr/bin/dash", content=elf()[:80], mode=0o755)], "what /usr/bin/dash loads"),
        ([program("dash", "libodd.so.1")], "commands load libodd.so.1, of which nothing is known"),
        ([program("dash", "libacl.so.1")], "commands load libacl.so.1, of which nothing is known"),
        ([entry("usr/bin/chmod", content=elf(), mode=0o644)], "/usr/bin/chmod is no program"),
        ([folder("usr/bin/chmod")], "/usr/bin/chmod is no program"),
        ([entry(".wh.bin")], "the app base has no sh"),
        ([entry("usr/bin/.wh.chmod")], "the app base has no chmod"),
        ([link("usr/bin/sh", "sh")], "links lead in a circle"),
        ([folder("opt"), entry("opt/libc.so.6", content=elf())], "libc.so.6 in an unusual place"),
        # Too large, or by another name: the content was not kept.
        ([link("usr/bin/chmod", "python")], "the content of /usr/bin/python is not known"),
    ],
)
def test_what_is_not_sure_is_refused(more: list[Entry], why: str) -> None:
    with pytest.raises(NoToolsError, match=re.escape(why)):
        tools(*more)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ([entry("etc/nsswitch.conf", content=b"passwd: files systemd\ngroup: files")], "sources"),
        ([entry("etc/nsswitch.conf", content=b"passwd: files\n")], "other sources of users"),
        (
            [entry("etc/.wh.nsswitch.conf"), library("libnss_compat.so.2")],
            "there is no /etc/nsswitch.conf",
        ),
    ],
)
def test_users_from_elsewhere_are_refused(more: list[Entry], why: str) -> None:
    assert tools(*more)
    with pytest.raises(NoToolsError, match=why):
        tools(*more, commands=touching(tool="chown"))


def test_a_locale_from_an_archive_is_refused() -> None:
    more = [folder("usr/lib/locale"), entry("usr/lib/locale/locale-archive", content=b"x")]
    with pytest.raises(NoToolsError, match="locale-archive"):
        tools(*more, commands=touching(tool="sed", utf8=True))


@pytest.mark.parametrize(
    ("touched", "why"),
    [
        (Touched("/app/run"), None),
        (Touched("/app"), None),
        (Touched("/app", absent=True), "the app base has /app"),
        (Touched("/app", below=True), "changes all of /app, and the app base has /app/lib/x"),
        (Touched("/app/empty", below=True), None),
        (Touched("/app/lib/x"), "the app base has /app/lib/x"),
        (Touched("/app/lib/x/y"), "the app base has /app/lib/x"),
        (Touched("/to-app/lib/x"), "the app base has /app/lib/x"),
        (Touched("/to-app/new"), None),
        (Touched("/to-app"), "the app base has /to-app"),
        (Touched("/app/empty/../lib/x"), "the app base has /app/lib/x"),
        (Touched("/"), "the root directory"),
        *((Touched(path), "mounts") for path in ("/proc/x", "/etc/hosts", "/dev", "/sys/a")),
        (Touched("/etc", below=True), "mounts"),
    ],
)
def test_only_what_is_the_codes_own_may_be_changed(touched: Touched, why: str | None) -> None:
    more = [folder("app/lib"), entry("app/lib/x"), folder("app/empty"), link("to-app", "app")]
    more.append(link("app/empty/link", "nowhere"))
    if why is None:
        assert tools(*more, commands=touching(touched)) >= FOR_CHMOD
        return
    with pytest.raises(NoToolsError, match=re.escape(why)):
        tools(*more, commands=touching(touched))


@pytest.mark.parametrize(
    ("reach", "fits"),
    [
        (Reach("/usr/local/bin/run", below=False), True),
        (Reach("/usr/local/bin/chmod", below=False), False),  # it would be the first in PATH
        (Reach("/usr/local/bin"), False),
        (Reach("/usr/local"), False),
        (Reach("/"), False),
        (Reach("/", below=False), True),
        (Reach("/bin"), False),
        (Reach("/etc"), False),
        (Reach("/etc/app"), True),
        (Reach("/etc/passwd", below=False), False),
        (Reach("/etc/ld.so.preload", below=False), False),
        (Reach("/usr/local/lib"), False),
        (Reach("/lib/x86_64-linux-gnu"), False),
        (Reach("/usr/lib/libacl.so.1", below=False), False),
        (Reach("/usr/lib/app"), True),
    ],
)
def test_code_that_may_take_the_place_of_a_tool(reach: Reach, fits: bool) -> None:
    if fits:
        assert tools(reaches=(reach,)) == FOR_CHMOD
        return
    with pytest.raises(NoToolsError, match="code may be written to"):
        tools(reaches=(reach,))


def test_a_stub_has_the_tools_as_a_layer_of_its_own() -> None:
    made = derive_stub([io.BytesIO(tar(BASE))], [Reach("/app")], commands=CHMOD)
    assert isinstance(made, StubLayer)
    assert made.tools is not None
    plain = derive_stub([io.BytesIO(tar(BASE))], [Reach("/app")])
    assert isinstance(plain, StubLayer)
    assert (plain.blob, plain.layers) == (made.blob, (plain,))
    assert made.layers == (made, made.tools)
    assert covers(made.reaches, [Reach("/app")], CHMOD)
    assert not covers(made.reaches, [Reach("/app")])
    assert not covers(plain.reaches, [Reach("/app")], CHMOD)
    assert not covers(made.reaches, [Reach("/app")], touching(Touched("/app/other")))
    again = derive_stub([io.BytesIO(tar(BASE))], [Reach("/app")], commands=CHMOD)
    assert again == made


def test_a_stub_says_why_commands_need_the_whole() -> None:
    commands = touching(Touched("/etc/passwd"))
    made = derive_stub([io.BytesIO(tar(BASE))], [Reach("/app")], commands=commands)
    assert isinstance(made, StubLayer)
    assert made.tools is None
    assert not covers(made.reaches, [Reach("/app")], commands)
    assert "the app base has /etc/passwd" in refusal(made.reaches, commands)
    assert not refusal(made.reaches, CHMOD)
    assert not refusal(write_record([Reach("/app")]), CHMOD)
    assert not refusal("[", CHMOD)


@pytest.mark.parametrize("bits", [32, 64])
def test_an_elf_file_is_read_as_it_was_written(bits: int) -> None:
    made = elf("/lib/ld.so", ["libc.so.6", "libm.so"], runpath="/x", bits=bits)
    assert read_elf(made) == Elf("/lib/ld.so", ("libc.so.6", "libm.so"), elsewhere=True)
    assert read_elf(elf(bits=bits)) == Elf("", (), elsewhere=False)
    assert read_elf(b"#!/bin/sh\n") is None
    for cut in range(len(made) - 16):
        read_elf(made[:cut])  # whatever it is, it is read or not


@pytest.mark.skipif(not shutil.which("ldd"), reason="there is no ldd")
@pytest.mark.parametrize("name", ["sh", "chmod", "sed"])
def test_ldd_names_the_same_libraries_of_this_systems_own_programs(name: str) -> None:
    path = Path(shutil.which(name) or "").resolve()
    said = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    known = set(re.findall(r"^\s*(?:/\S*/)?([^\s/]+)", said, re.MULTILINE)) - {"linux-vdso.so.1"}
    found: set[str] = set()
    todo = [path]
    while todo:
        read = read_elf(todo.pop().read_bytes())
        assert read is not None
        names = {*read.needed, *filter(None, [read.interpreter.rpartition("/")[2]])}
        places = dict(re.findall(r"(\S+) => (/\S+)", said))
        todo += [Path(places[each]) for each in names - found if each in places]
        found |= names
    assert found == known
