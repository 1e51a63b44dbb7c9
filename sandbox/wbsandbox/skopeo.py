"""skopeo, for tests of what clients other than docker make of an image.

Debian testing's needs a newer libc than the machine may have, and the one of the machine's own
suite is another version on each machine. So it gets the libraries of its suite, libc included,
in a folder of its own, and is started by that libc's loader.
"""

from __future__ import annotations

from wbsandbox import paths
from wbsandbox.packages import fetch

#: Finds the folder by its own place: a cache may be copied.
LAUNCHER = """\
#!/bin/sh
root=$(dirname "$(dirname "$(readlink -f "$0")")")
lib=$root/usr/lib/x86_64-linux-gnu
exec "$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$root/usr/bin/skopeo" "$@"
"""


def ensure_skopeo() -> None:
    """Have it on the PATH of commands. The caller holds the cache's lock."""
    fetch("skopeo", ("skopeo",), paths.SKOPEO, libraries=True)
    launcher = paths.SKOPEO / "bin/skopeo"
    launcher.parent.mkdir(exist_ok=True)
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
