"""Engines that die, restart or have a full disk: what buildx 0.29.1 said, with docker 28.5.2.

The sandbox's engines were killed and filled; their folders are shortened to /disk and /run.
"""

from __future__ import annotations

from tests.failures.recorded import SOLVE, Recorded
from whalebuild.failures.failure import FailureKind

_CONTENT = "/disk/containerd/io.containerd.content.v1.content/ingest"
_MOUNT = "/disk/containerd/tmpmounts/containerd-mount"
_BAKE = "buildx bake, drivers docker and remote: "

ENGINE_MESSAGES = [
    # Killed in the middle. SIGTERM looks the same, and so do --progress plain and rawjson.
    Recorded(
        f"{_BAKE}dockerd, or it and containerd, killed during a RUN or a push",
        FailureKind.ENGINE_LOST,
        "#7 [3/3] RUN echo now-sleeping && sleep 25\n"
        "#7 0.163 now-sleeping\n"
        "ERROR: failed to receive status: rpc error: code = Unavailable desc = error reading from "
        "server: EOF",
    ),
    Recorded(
        f"{_BAKE}the same; which of the two it says is a matter of time",
        FailureKind.ENGINE_LOST,
        "ERROR: failed to solve: Unavailable: error reading from server: EOF",
    ),
    Recorded(
        f"{_BAKE}containerd alone killed during a RUN, which still ran to its end",
        FailureKind.ENGINE_LOST,
        "#7 0.195 now-sleeping\n"
        "#7 DONE 25.2s\n"
        'ERROR: failed to solve: connection error: desc = "transport: Error while dialing: dial '
        'unix /run/containerd.sock: connect: connection refused"',
    ),
    # Not there at the start, or not yet
    Recorded(
        "buildx bake, driver docker: engine down, or not up yet",
        FailureKind.ENGINE_LOST,
        "ERROR: Cannot connect to the Docker daemon at unix:///run/docker.sock. Is the docker "
        "daemon running?",
    ),
    Recorded(
        "buildx bake, driver remote: engine down; it says so after 20 s of waiting for it",
        FailureKind.ENGINE_LOST,
        "#2 [internal] waiting for connection\n"
        "#2 ERROR: context deadline exceeded\n"
        "------\n"
        " > [internal] waiting for connection:\n"
        "------\n"
        "ERROR: context deadline exceeded",
    ),
    # A full disk. Of a RUN that fills it, only the step's own words tell.
    Recorded(
        "buildx build, RUN: head",
        FailureKind.BUILD,
        "#5 0.959 head: error writing 'standard output': No space left on device\n"
        '#5 ERROR: process "/bin/sh -c head -c 200M /dev/urandom > /filler" did not complete '
        "successfully: exit code: 1\n"
        "------\n"
        " > [2/2] RUN head -c 200M /dev/urandom > /filler:\n"
        "0.959 head: error writing 'standard output': No space left on device\n"
        "------\n"
        f'{SOLVE}process "/bin/sh -c head -c 200M /dev/urandom > /filler" did not complete '
        "successfully: exit code: 1",
    ),
    Recorded(
        "buildx build, RUN: python",
        FailureKind.BUILD,
        "#5 0.614 OSError: [Errno 28] No space left on device\n"
        "#5 ERROR: process \"/bin/sh -c python -c \\\"open('/filler','wb').write(bytes("
        '200*2**20))\\"" did not complete successfully: exit code: 1\n'
        f"{SOLVE}process \"/bin/sh -c python -c \\\"open('/filler','wb').write(bytes("
        '200*2**20))\\"" did not complete successfully: exit code: 1',
    ),
    Recorded(
        "buildx build, COPY: the context does not fit (exit code 102)",
        FailureKind.DISK_FULL,
        f"{SOLVE}ResourceExhausted: write /disk/containerd/io.containerd.snapshotter.v1.overlayfs"
        "/snapshots/3/fs/big: no space left on device",
    ),
    Recorded(
        "buildx build, COPY: the context fits, its copy does not (exit code 102)",
        FailureKind.DISK_FULL,
        f"{SOLVE}ResourceExhausted: failed to copy files: userspace copy failed: write /big: no "
        "space left on device",
    ),
    Recorded(
        "buildx build, COPY --link: the same (exit code 102)",
        FailureKind.DISK_FULL,
        f"{SOLVE}ResourceExhausted: failed to copy files: copy file range failed: no space left "
        "on device",
    ),
    Recorded(
        "buildx build, FROM: a layer that does not fit, downloading",
        FailureKind.DISK_FULL,
        f"{SOLVE}failed to compute cache key: failed to copy: failed to send write: write "
        f"{_CONTENT}/dea926a86f991e52df2424ee1fd853cb35e310e3d4d84b6fb4416a120af56479/data: no "
        "space left on device",
    ),
    Recorded(
        "buildx build, FROM: a layer that does not fit, unpacking",
        FailureKind.DISK_FULL,
        f"{SOLVE}failed to compute cache key: mount callback failed on {_MOUNT}3360884720: write "
        f"{_MOUNT}3360884720/usr/lib/x86_64-linux-gnu/libcrypto.so.3: no space left on device",
    ),
    Recorded(
        "buildx build, anything at all: the disk was full before",
        FailureKind.DISK_FULL,
        f"{SOLVE}write /disk/containerd/io.containerd.metadata.v1.bolt/meta.db: no space left on "
        "device",
    ),
    Recorded(
        "buildx build --push, exporting: a layer's archive does not fit",
        FailureKind.DISK_FULL,
        f"{SOLVE}mount callback failed on {_MOUNT}780591094: mount callback failed on "
        f"{_MOUNT}2670891891: failed to write compressed diff: failed to create diff tar stream: "
        f"failed to copy: {_MOUNT}2670891891/filler: write {_CONTENT}/b8ef7739ed9db938f6d0e2572"
        "24be83f18ad0e01b0f25a1d0f53239d90864f9b/data: no space left on device",
    ),
    Recorded(
        "buildx build --output compression=zstd,force-compression=true: the same",
        FailureKind.DISK_FULL,
        f'{SOLVE}failed to ensure compression type of "zstd": failed to convert: failed to send '
        f"write: write {_CONTENT}/b3ea4a27142aa183a87820857202888615e70be315397dfef14495d30f78e675"
        "/data: no space left on device",
    ),
    Recorded(
        "buildx build --cache-to mode=max, exporting the cache (exit code 100)",
        FailureKind.DISK_FULL,
        f"{SOLVE}Internal: write /disk/containerd/io.containerd.metadata.v1.bolt/meta.db: no "
        "space left on device",
    ),
]
