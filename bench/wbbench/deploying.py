"""The production host switches over: what that moves, how long it takes, and who waits for it."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from wbbench.errors import BenchError
from wbbench.samples import Sample
from wbbench.sandbox import Machine
from wbbench.selection import DEPLOY, Selection
from wbbench.track import Track
from wbsandbox.polling import Poller

COMPOSE = ("docker", "compose")
PULL = (*COMPOSE, "pull", "--quiet")
UP = (*COMPOSE, "up", "--detach", "--wait")
#: By way; each command is run to its end before the next one.
COMMANDS = {"by-hand": (PULL, UP), "whalebuild": (("whalebuild", "deploy", "--format", "json"),)}


def deploy(track: Track, selection: Selection, number: int) -> None:
    """Change the code, publish it from a fresh runner, and switch a host over that runs the old."""
    if not selection.wants(DEPLOY, track.shape, track.way.name, number):
        return
    key = {"scenario": DEPLOY, "shape": track.shape, "way": track.way.name, "round": number}
    host, env = track.machine(), {"PORT": str(_free_port())}
    try:
        track.bench.add(_deploy(track, host, env, key))
    except (BenchError, TimeoutError) as error:
        track.bench.add(Sample(**key, error=str(error)))
    finally:
        with suppress(BenchError):
            host.run(*COMPOSE, "down", "--timeout", "1", cwd=track.project.folder, env=env)
        track.bench.sandbox.down(host)


def _deploy(
    track: Track, host: Machine, env: Mapping[str, str], key: Mapping[str, object]
) -> Sample:
    folder = track.project.folder
    for command in (PULL, UP):
        host.run(*command, cwd=folder, env=env)
    track.change_code()
    runner = track.machine()
    published = track.publish(runner, DEPLOY, int(key["round"]))
    track.bench.sandbox.down(runner)
    if published.error:
        return published

    def switch() -> None:
        for command in COMMANDS[track.way.name]:
            host.run(*command, cwd=folder, env=env)

    with Poller(f"http://127.0.0.1:{env['PORT']}/healthz") as poller:
        poller.wait_until(lambda: any(answer.release for answer in list(poller.answers)))
        sample = track.bench.measure(key, switch, lambda: published.code_layer)
        release = track.project.services[0].release
        if not sample.error:
            poller.wait_until(lambda: f'"{release}"' in (poller.answers[-1].release or ""))
    return replace(sample, gap=poller.gap)


def _free_port() -> int:
    """One that is given to no outgoing connection."""
    while True:
        port = random.SystemRandom().randrange(20_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
