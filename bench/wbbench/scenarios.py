"""The scenarios with one application. Each takes a track from one state to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from wbbench.deploying import deploy
from wbbench.local import local
from wbbench.running import check_answers
from wbbench.selection import WAN, Selection
from wbbench.track import Track

Step = Callable[[Track, Selection, int], None]


def cold(track: Track, selection: Selection, number: int) -> None:
    """Publish for the first time, from an empty disk; that machine then is the warm one.

    Where it is not to be measured it is done once, for the others need what it publishes.
    """
    wanted = selection.wants("cold", track.shape, track.way.name, number)
    if track.repository and not wanted:
        return
    track.restart(number)
    track.change_code()
    machine = track.machine()
    sample = track.publish(machine, "cold", number, rebuild=True)
    if wanted or sample.error:
        track.bench.add(sample)
    else:
        track.bench.say(f"{number}  published once, unmeasured: {track.name}")
    if sample.error:
        track.broken = f"the first publication failed: {sample.error}"
    if selection.wants("warm", track.shape, track.way.name):
        track.warm, track.warm_is_current = machine, True
    else:
        track.bench.sandbox.down(machine)


def warm(track: Track, selection: Selection, number: int) -> None:
    """Change the code where everything was built; elsewhere it may have gone on meanwhile."""
    if not selection.wants("warm", track.shape, track.way.name, number):
        return
    if not track.warm_is_current:
        track.publish(track.warm, "warm", number)
        track.warm_is_current = True
    track.change_code()
    track.bench.add(track.publish(track.warm, "warm", number))


def nothing(track: Track, selection: Selection, number: int) -> None:
    """Publish on a fresh runner what is published already; then the same over a slow link."""
    for scenario in ("nothing", f"{WAN}nothing"):
        if selection.wants(scenario, track.shape, track.way.name, number):
            _on_fresh_runner(track, scenario, number)


def code_and_host(track: Track, selection: Selection, number: int) -> None:
    """Change the code, publish from a fresh runner, and let a host that has the old one pull."""
    names = ("code", "host")
    wanted = [selection.wants(name, track.shape, track.way.name, number) for name in names]
    if not any(wanted):
        return
    key = {"scenario": "host", "shape": track.shape, "way": track.way.name, "round": number}
    ready = wanted[1] and _prepare_host(track, key)
    track.change_code()
    _on_fresh_runner(track, "code", number, keep=wanted[0])
    if ready:
        track.bench.add(track.bench.measure(key, lambda: _pull(track), lambda: _answers(track)))


def wan_code(track: Track, selection: Selection, number: int) -> None:
    """Change the code, and publish from a fresh runner over a slow link."""
    if selection.wants(f"{WAN}code", track.shape, track.way.name, number):
        track.change_code()
        _on_fresh_runner(track, f"{WAN}code", number)


def dependency(track: Track, selection: Selection, number: int) -> None:
    """Add one small package on a fresh runner; then another one over a slow link."""
    for scenario in ("dependency", f"{WAN}dependency"):
        if selection.wants(scenario, track.shape, track.way.name, number):
            track.project.services[0].add_dependency()
            _on_fresh_runner(track, scenario, number, rebuild=True)
            track.warm_is_current = False


#: In this order, in every round; for each, all ways take their turn.
STEPS: tuple[Step, ...] = (
    cold,
    warm,
    nothing,
    code_and_host,
    wan_code,
    deploy,
    local,
    dependency,
)


def wan_cold(track: Track, selection: Selection, number: int) -> None:
    """Publish for the first time over a slow link: a repository that no other scenario has."""
    scenario = f"{WAN}cold"
    if selection.wants(scenario, track.shape, track.way.name, number):
        track.restart(number)
        track.change_code()
        _on_fresh_runner(track, scenario, number, rebuild=True)


def _on_fresh_runner(
    track: Track, scenario: str, number: int, *, rebuild: bool = False, keep: bool = True
) -> None:
    machine = track.machine()
    sample = track.publish(machine, scenario, number, rebuild=rebuild)
    if keep or sample.error:
        track.bench.add(replace(sample, builds=machine.builds()))
    track.bench.sandbox.down(machine)


def _prepare_host(track: Track, key: Mapping[str, object]) -> bool:
    """See to it that the host has what is published now."""
    if not track.host:
        track.host = track.machine()
    prepared = track.bench.measure(key, lambda: _pull(track), lambda: 0)
    if prepared.error:
        track.bench.add(prepared)
    return not prepared.error


def _answers(track: Track) -> int:
    """Once a track: it tells whether what this way publishes is a service."""
    if not track.has_run:
        check_answers(track.host, track.project)
        track.has_run = True
    return 0


def _pull(track: Track) -> None:
    command = ("docker", "compose", "pull", "--quiet")
    track.host.run(*command, cwd=track.project.folder)
