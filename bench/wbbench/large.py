"""A service that is large: nothing of it may be held in memory as a whole, nor sent twice."""

from __future__ import annotations

from dataclasses import dataclass

from wbbench import project
from wbbench.selection import LARGE_CODE, LARGE_COLD, LARGE_FILE, Selection
from wbbench.track import Track


@dataclass
class LargeTrack(Track):
    """A track whose project is one large service; both in megabytes."""

    dependencies: int = 0
    code: int = 0

    def restart(self, number: int) -> None:
        """Begin anew."""
        self.repository = f"bench-{self.bench.run_id}/large-{self.way.name}-{number}"
        folder = self.bench.folder / f"large-{self.way.name}"
        self.project = project.large(folder, self.dependencies, self.code)
        self.change_all()
        self.published, self.broken = False, ""

    def change_all(self) -> None:
        """Change every file of the code."""
        project.change_all_code(self.project.services[0])
        self.change_code()


def run_large(track: LargeTrack, selection: Selection, number: int) -> None:
    """Publish it, change all of the code, and change one file; each from a fresh runner."""
    wanted = [
        name
        for name in (LARGE_COLD, LARGE_CODE, LARGE_FILE)
        if selection.wants(name, track.shape, track.way.name, number)
    ]
    if not wanted or track.broken:
        return
    if not track.repository:
        track.restart(number)
        _publish(track, LARGE_COLD, number, rebuild=True, shown=LARGE_COLD in wanted)
    changes = {LARGE_CODE: track.change_all, LARGE_FILE: track.change_code}
    for scenario, change in changes.items():
        if scenario in wanted and not track.broken:
            change()
            _publish(track, scenario, number)


def _publish(
    track: LargeTrack, scenario: str, number: int, *, rebuild: bool = False, shown: bool = True
) -> None:
    machine = track.machine()
    sample = track.publish(machine, scenario, number, rebuild=rebuild)
    track.bench.sandbox.down(machine)
    if shown or sample.error:
        track.bench.add(sample)
    track.broken = sample.error
