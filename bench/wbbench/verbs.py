"""What a command of whalebuild takes where there is nothing to do: its whole process."""

from __future__ import annotations

from wbbench.samples import Sample
from wbbench.selection import FROM, VERB, VERBS, Selection
from wbbench.services import ManyTrack

#: In each round; they take tenths of a second.
REPEATS = 5


def run_verbs(track: ManyTrack, selection: Selection, number: int) -> None:
    """Publish one service; on a host that has pulled it, run each command a few times."""
    wanted = [verb for verb in VERBS if selection.wants(VERB, FROM[0], verb, number)]
    if not wanted:
        return
    bench = track.bench
    track.restart(number)
    machine, folder = track.machine(), track.project.folder
    sample = track.publish(machine, VERB, number, rebuild=True)
    if sample.error:
        for verb in wanted:
            bench.add(Sample(VERB, FROM[0], verb, number, error=sample.error))
        bench.sandbox.down(machine)
        return
    image = f"{machine.env['IMAGE']}{track.project.services[0].suffix}:latest"
    machine.run("docker", "pull", "--quiet", image, cwd=folder)
    for verb in wanted * REPEATS:
        words = ("whalebuild", *(word.format(image=image) for word in VERBS[verb]))
        key = {"scenario": VERB, "shape": FROM[0], "way": verb, "round": number}
        bench.add(
            bench.measure(key, lambda words=words: machine.run(*words, cwd=folder), lambda: 0)
        )
    bench.sandbox.down(machine)
