"""What a bake did not download, beside the usual cache in a registry."""

from __future__ import annotations

from whalebuild.bake.result import BakeResult, ImageAction
from whalebuild.text import human_bytes


def saved_bytes(result: BakeResult) -> int | None:
    """Bytes of layers that were not downloaded; None where nothing is known to be saved.

    They are those of the images that were built, without the new ones (what a host that has the
    version before need not download either), less what the bake has pulled.
    """
    built = [t for t in result.targets if t.action == ImageAction.BUILT and t.next_pull]
    pulls = [pull for target in built for pull in (target.next_pull or {}).values()]
    below = sum(pull.total_bytes - pull.download_bytes for pull in pulls)
    saved = below - result.bytes_pulled
    return saved if saved > 0 else None


def saved_line(result: BakeResult) -> str:
    """The same in a sentence that says what it is compared with; empty where nothing is known."""
    saved = saved_bytes(result)
    if saved is None:
        return ""
    return (
        f"**{human_bytes(saved)} not downloaded**: the layers under the new ones, less the "
        f"{human_bytes(result.bytes_pulled)} that were pulled. This is reckoned from sizes, beside "
        "an empty builder with `cache-from: type=registry`: there an instruction after the "
        "dependencies that runs, or copies without `--link`, has BuildKit download what is "
        "under it."
    )
