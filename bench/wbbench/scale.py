"""Plans of bake files with 50, 100 and 200 services: seconds, and the peak of our own memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wbbench import project
from wbbench.selection import FROM, OURS, Selection
from wbbench.services import ManyTrack


@dataclass
class ScaleTrack(ManyTrack):
    """The largest of the bake files, whose services the others have in part."""

    def restart(self, number: int) -> None:
        """Begin anew."""
        super().restart(number)
        folder = self.project.folder
        self.project = project.many(folder, self.count, project.SCALE_DOCKERFILE)

    def first(self, count: int) -> Path:
        """A bake file of the first so many services."""
        file = self.project.folder / f"first-{count}.hcl"
        names = [service.app for service in self.project.services[:count]]
        file.write_text(project.bake_file(names))
        return file


def run_scale(
    track: ScaleTrack, counts: Mapping[str, int], selection: Selection, number: int
) -> None:
    """Publish all of them once; then change one, and plan each bake file on a fresh runner."""
    wanted = [name for name in counts if selection.wants(name, FROM[0], OURS, number)]
    if not wanted or track.broken:
        return
    bench = track.bench
    if not track.repository:
        track.restart(number)
        seeder = track.machine()
        sample = track.publish(seeder, "scale", number, rebuild=True)
        bench.sandbox.down(seeder)
        track.broken = sample.error
        if track.broken:
            for scenario in wanted:
                bench.add(replace(track.fail(scenario, number), way=OURS))
            return
        bench.say(f"{number}  published {track.count} services in {sample.seconds:.0f} s")
    track.change_code()
    folder = track.project.folder
    for scenario in wanted:
        machine = track.machine()
        words = ("whalebuild", "plan", "--file", track.first(counts[scenario]))
        key = {"scenario": scenario, "shape": FROM[0], "way": OURS, "round": number}
        bench.add(
            bench.measure(
                key, lambda words=words, on=machine: on.run(*words, cwd=folder), lambda: 0
            )
        )
        bench.sandbox.down(machine)
