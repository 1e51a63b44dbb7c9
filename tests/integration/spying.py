"""Someone who wants to know secrets: reads all that a command says, writes and shows of itself."""

from __future__ import annotations

import base64
import gzip
import os
import subprocess
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tests.integration.processes import own_processes
from tests.integration.sandbox import Sandbox

_SECONDS_BETWEEN_LOOKS = 0.003


def forms(secret: str) -> set[bytes]:
    """A secret, and what it looks like in headers, forms and URLs."""
    encoded = base64.b64encode(secret.encode()).rstrip(b"=")
    return {secret.encode(), encoded, quote(secret, safe="").encode()}


@dataclass
class Spy:
    """What was seen of one command.

    Attributes:
        texts: What it said and wrote, by where that was found.
        argvs: Every command line of the command, of what it started, and of the engines.
    """

    returncode: int = -1
    texts: dict[str, bytes] = field(default_factory=dict)
    argvs: set[bytes] = field(default_factory=set)

    @property
    def stderr(self) -> str:
        """What it said on standard error."""
        return self.texts["stderr"].decode()

    def found(self, secrets: Iterable[str]) -> list[str]:
        """Where one of the secrets can be read."""
        wanted = {form for secret in secrets for form in forms(secret)}
        places = [(where, text) for where, text in self.texts.items()]
        places += [(f"arguments of {argv[:60]!r}", argv) for argv in self.argvs]
        return [
            f"{where}: …{text[max(0, text.index(form) - 200) : text.index(form) + 80]!r}"
            for where, text in places
            for form in wanted
            if form in text
        ]


def spy(
    sandbox: Sandbox, folder: Path, env: Mapping[str, str], *words: str, files: Iterable[Path] = ()
) -> Spy:
    """Run whalebuild, and read all that there is to be read.

    Args:
        folder: The project's.
        env: On top of the engine's.
        words: Of the command.
        files: Further files and folders that it may write.
    """
    seen = Spy()
    with _watching_arguments(seen.argvs):
        done = subprocess.run(
            ["whalebuild", *words],
            cwd=folder,
            env={**sandbox.env(), **env},
            capture_output=True,
            check=False,
            timeout=300,
        )
    seen.returncode = done.returncode
    seen.texts |= {"stdout": done.stdout, "stderr": done.stderr}
    for file in files:
        inside = [file] if file.is_file() else file.rglob("*")
        seen.texts |= {str(each): each.read_bytes() for each in inside if each.is_file()}
    assert any(b"whalebuild" in argv for argv in seen.argvs), "the arguments were not looked at"
    return seen


@contextmanager
def _watching_arguments(argvs: set[bytes]) -> Iterator[None]:
    over = threading.Event()
    argvs |= {words for _, words in own_processes()}
    # Those that were there are looked at once: that is quicker.
    before = {pid for pid in os.listdir("/proc") if pid.isdecimal()}  # noqa: PTH208

    def look_on() -> None:
        while not over.is_set():
            argvs.update(words for _, words in own_processes(but=before))
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    thread = threading.Thread(target=look_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def stored(folder: Path) -> dict[str, bytes]:
    """All that a registry has stored, layers unpacked."""
    return {str(file): _unpacked(file.read_bytes()) for file in folder.rglob("*") if file.is_file()}


def _unpacked(content: bytes) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return content
