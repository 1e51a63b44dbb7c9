"""Image configurations: which instruction made which layer.

https://github.com/opencontainers/image-spec/blob/main/config.md
"""

from __future__ import annotations

import json
import re
from typing import Any

from whalebuild.values import dataclass

_SHELL = "/bin/sh -c "
# The build arguments of a RUN precede its command, with their values: |2 A=1 B=2 /bin/sh -c …
_WITH_ARGS = re.compile(rf"^\|\d+ .*?(?={_SHELL})", re.DOTALL)


@dataclass(frozen=True)
class ImageConfig:
    """What an image configuration says of the image's layers, from the bottom up.

    Attributes:
        diff_ids: Digests of the uncompressed layers.
        instructions: The instruction that made each layer; empty where the history does not match
            the layers.
    """

    diff_ids: tuple[str, ...] = ()
    instructions: tuple[str, ...] = ()


def read_config(raw: bytes) -> ImageConfig:
    """Read a configuration; an empty one where the bytes are something else."""
    try:
        document = json.loads(raw)
        diff_ids = tuple(str(each) for each in (document.get("rootfs") or {})["diff_ids"])
        history = [e for e in document.get("history") or () if not e.get("empty_layer")]
        made = tuple(_instruction(entry.get("created_by")) for entry in history)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return ImageConfig()
    return ImageConfig(diff_ids, made if len(made) == len(diff_ids) else ())


def _instruction(created_by: Any) -> str:
    """An instruction in one line, as in the Dockerfile, without build arguments."""
    text = " ".join(str(created_by or "").split()).removesuffix("# buildkit").strip()
    words = _WITH_ARGS.sub("", text.removeprefix("RUN "), count=1)
    if words.startswith(f"{_SHELL}#(nop) "):  # the builder before BuildKit
        return words.removeprefix(f"{_SHELL}#(nop) ")
    ran = text.startswith("RUN ") or words.startswith(_SHELL)
    return f"RUN {words.removeprefix(_SHELL)}" if ran else text
