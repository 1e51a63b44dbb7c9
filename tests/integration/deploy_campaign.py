"""A campaign of deployments of the Django-like project, with clients that ask all the while.

with Campaign(team, site, seed=7) as campaign:
    campaign.begin()
    for step in choose(7, 30):
        campaign.do(step)
assert campaign.problems == []

A problem ends nothing: it is noted, what is meant to run is deployed, and the next step follows.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.integration.deploy_steps import DRIFTS, ByHand, Kind, Step
from tests.integration.deploys import PATIENT
from tests.integration.django_like import JOB, SERVED, Site, Team
from tests.integration.processes import Process, own_processes
from wbsandbox.polling import Poller

#: The longest that a deploy may take, in seconds.
LONGEST = 240.0
# The deadline of a deploy whose migration hangs.
_DEADLINE = "8"
_FAILED, _STOPPED = 8, 130


@dataclass(frozen=True)
class State:
    """What runs: the image of the team's services, and what ``/`` answers with it."""

    digest: str
    answer: str

    @property
    def greeting(self) -> str:
        """Of its configuration."""
        return self.answer.partition(" ")[2]


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    words: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """What it printed as JSON."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found


@dataclass
class Campaign:
    """What has been done so far.

    Attributes:
        problems: What was not as it should be: the step, and what is wrong.
        log: One line for each step.
        states: What ran after each deployment that worked, by its number.
        meant: What is meant to run now.
    """

    team: Team
    site: Site
    seed: int
    problems: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    states: dict[int, State] = field(default_factory=dict)
    meant: State = State("", "")
    revision: int = 1
    _published: str = ""
    _releases: int = 0
    _greeting: str = "one"
    _what: str = "begin"

    def __enter__(self) -> Self:
        self.site.extra |= {"WHALEBUILD_DEPLOY_GRACE": "1"}
        self._stack = ExitStack()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        print(f"campaign with seed {self.seed}:", *self.log, sep="\n")
        print("problems:", *self.problems or ["none"], sep="\n")

    def begin(self) -> None:
        """Two deployments, after which there is something to go back to; then clients ask."""
        self._deploy(self._publish())
        self._pollers = [
            self._stack.enter_context(Poller(f"{self.site.url}{path}", PATIENT))
            for path in ("", "slow/0.5")
        ]
        self._kept = {name: self.site.started_at(name) for name in ("db", "proxy")}
        new, began = self._publish(), time.monotonic()
        self._deploy(new)
        self._usual = time.monotonic() - began
        self._check(self.meant)

    def do(self, step: Step) -> None:
        """Do it, and look at all that is to be so afterwards."""
        began, problems = time.monotonic(), len(self.problems)
        self._what = str(step)
        asked = [len(poller.answers) for poller in self._pollers]
        with self._noted():
            getattr(self, f"_{step.kind.name.lower()}")(step)
            self._check(self.meant)
        self._lost(step, asked)
        took = time.monotonic() - began
        new = self.problems[problems:]
        self.log.append(f"{step}: {len(new)} problems, {took:.0f} s")
        print(self.log[-1], *new, sep="\n  ", flush=True)
        if new:
            self._set_right()

    # The kinds

    def _code(self, step: Step) -> None:
        self._deploy(self._publish(migrates=step.migrates))

    def _migration(self, _step: Step) -> None:
        self._deploy(self._publish(migrates=True))

    def _configuration(self, step: Step) -> None:
        if self._published != self.meant.digest:  # a deploy brings what is published with it
            self._both(step)
            return
        self._configure()
        self._deploy(State(self.meant.digest, self._answer(self.meant.answer.split()[0])))

    def _both(self, step: Step) -> None:
        self._configure()
        self._deploy(self._publish(migrates=step.migrates))

    def _unhealthy(self, step: Step) -> None:
        self._publish(migrates=step.migrates, web="unhealthy")
        self._fails("deploy")

    def _worker(self, step: Step) -> None:
        new = self._publish(migrates=step.migrates, worker="exits")
        self._fails("deploy", also=[new.answer])

    def _broken(self, step: Step) -> None:
        self._publish(migrates=step.migrates)
        self.site.configure(self._greeting, ORDERS="broken")
        self._fails("deploy")
        self.site.configure(self._greeting)

    def _migration_fails(self, _step: Step) -> None:
        self._publish(migrates=True, migration="fails")
        self._fails_in_the_job("deploy", status="exited")

    def _migration_hangs(self, _step: Step) -> None:
        self._publish(migrates=True, migration="hangs")
        self._fails_in_the_job("deploy", "--timeout", _DEADLINE)

    def _killed(self, step: Step) -> None:
        self._stopped_in_the_midst(step, Process.kill)

    def _interrupted(self, step: Step) -> None:
        self._stopped_in_the_midst(step, Process.interrupt)

    def _terminated(self, step: Step) -> None:
        self._stopped_in_the_midst(step, lambda process: process.popen.terminate())

    def _by_hand(self, step: Step) -> None:
        site, other = self.site, [s for s in self.states.values() if s.digest != self.meant.digest]
        if step.by_hand in {ByHand.TAG, ByHand.TAG_AND_UP}:
            site.run("docker", "tag", other[-1].digest, f"{site.image}:latest")
        compose = {
            ByHand.RESTART: ("restart", "worker"),
            ByHand.RESTART_WEB: ("restart", "web"),
            ByHand.STOP: ("stop", "scheduler"),
            ByHand.REMOVE: ("rm", "--stop", "--force", "worker"),
            ByHand.TAG_AND_UP: ("up", "--detach", "--no-deps", "scheduler"),
        }
        if words := compose.get(step.by_hand):
            site.compose(*words)
        strays = {each["service"] for each in site.history()["strays"]}
        self._is(bool(strays), step.by_hand in DRIFTS, "something else runs, says history")
        if step.by_hand in DRIFTS:
            self._mend(step)

    def _rollback(self, _step: Step) -> None:
        before = self.meant
        to = self._roll_back()
        others = [number for number, state in self.states.items() if state != before]
        self._is(to in others, True, f"went back to {to}, one of {others}")

    # What they share

    def _publish(
        self, *, migrates: bool = False, migration: str = "", web: str = "", worker: str = ""
    ) -> State:
        self._releases += 1
        self.revision += migrates
        how = {"migration": migration, "web": web, "worker": worker}
        release = f"r{self._releases}"
        self._published = self.team.publish(release, revision=self.revision, **how)
        return State(self._published, self._answer(release))

    def _answer(self, release: str) -> str:
        return f"{release} {self._greeting}"

    def _configure(self) -> None:
        self._greeting = f"c{self._releases}-{len(self.log)}"
        self.site.configure(self._greeting)

    def _run(self, *words: str) -> Ran:
        """Run whalebuild to its end; one that does not come to an end is a problem."""
        with self.site.started(*words) as process:
            try:
                code = process.end(LONGEST)
            except subprocess.TimeoutExpired as late:
                raise AssertionError(f"{words} did not end: {process.stderr[-500:]}") from late
            ran = Ran(words, code, process.stdout, process.stderr)
        self.log.append(f"    {' '.join(words)}: exit {ran.code}")
        return ran

    def _deploy(self, new: State) -> None:
        ran = self._run("deploy", "--format", "json")
        assert ran.code == 0, f"deploy: exit {ran.code}: {ran.stderr[-1500:]}"
        self._is(ran.result["done"], "deployed", "what the deploy says")
        self._is_now(ran, new)

    def _is_now(self, ran: Ran, new: State) -> None:
        self.meant = new
        if number := ran.result["deployment"]:
            self.states[number] = new

    def _fails(self, *words: str, also: Collection[str] = ()) -> Ran:
        seen = len(self._pollers[0].answers)
        ran = self._run(*words)
        self._is(ran.code, _FAILED, f"exit code; {ran.stderr[-700:]}")
        answers = {each.release for each in self._pollers[0].answers[seen:]}
        self._is(answers - {None, self.meant.answer, *also}, set(), "answers of what does not work")
        outcome = self.site.history()["deployments"][-1]["outcome"]
        self._is(outcome, "rolled back", f"the outcome; {ran.stderr[-700:]}")
        return ran

    def _fails_in_the_job(self, *words: str, status: str = "") -> None:
        """Nothing is touched but the job, whose container stays to be looked at."""
        before = {c.id for c in self.site.containers() if c.service in SERVED}
        self._fails(*words)
        after = {c.id for c in self.site.containers() if c.service in SERVED}
        self._is(after, before, "the containers beside the job")
        jobs = self.site.of(JOB)
        self._is(len(jobs), 1, "containers of the job")
        if status:
            self._is([c.status for c in jobs], [status], "the job's container")

    def _stopped_in_the_midst(self, step: Step, stop: Any) -> None:
        new = self._publish(migrates=step.migrates)
        with self.site.started("deploy", "--format", "json") as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.popen.wait(step.moment * self._usual)
            if ended := process.popen.poll() is not None:
                code = process.end()
            else:
                stop(process)
                code = process.end(LONGEST)
            ran = Ran(("deploy",), code, process.stdout, process.stderr)
            self.log.append(f"    deploy, {step.kind}: exit {code}")
            if step.kind is Kind.KILLED and not ended:
                # What it had started goes on, until the next one stops it.
                self._mend(step)
                return
        if code == 0:
            self._is_now(ran, new)
            return
        self._is(code, _STOPPED, f"exit code; {ran.stderr[-700:]}")
        self._is(self._runs(self.meant), "", f"after the signal; {ran.stderr[-700:]}")
        if self.site.history()["unsure"]:
            self._mend(step)

    def _mend(self, step: Step) -> None:
        """Have the next command put right what is left unfinished, or was changed by hand."""
        history = self.site.history()
        if not step.mended_by_rollback:
            self._deploy(self._publish())
            return
        # What was stopped by hand runs nothing else: from there a rollback goes one version back.
        unfinished = history["unsure"] or any(each["found"] for each in history["strays"])
        before, to = self.meant, self._roll_back()
        if unfinished:
            self._is(self.states[to], before, f"went back to {to}, and not to what is meant to run")

    def _roll_back(self) -> int:
        ran = self._run("rollback", "--format", "json")
        assert ran.code == 0, f"rollback: exit {ran.code}: {ran.stderr[-1500:]}"
        to: int = ran.result["to"]
        assert to in self.states, f"went back to {to}, which did not work: {self.states}"
        self._is_now(ran, self.states[to])
        return to

    # What is looked at

    def _check(self, state: State) -> None:
        self._is(self._runs(state), "", "what runs")
        history = self.site.history()
        self._is(history["strays"], [], "what runs beside the record")
        self._is(history["unsure"], [], "what the record is not sure of")
        self._is({n: self.site.started_at(n) for n in self._kept}, self._kept, "untouched ones")
        odd = [
            c.name for c in self.site.containers() if "-trial-" in c.name or c.status == "created"
        ]
        self._is(odd, [], "containers that are left")
        scratch = Path(self.site.sandbox.env(self.site.engine)["TMPDIR"])
        self._is([p.name for p in scratch.glob("whalebuild-*")], [], "scratch folders")
        self._is(list(self._children()), [], "docker commands that are left")
        try:
            self._pollers[0].wait_for(state.answer)
        except TimeoutError as late:
            self._problem(f"{state.answer} does not answer: {late}")

    def _runs(self, state: State) -> str:
        """What is wrong with what runs; empty if it is just this state."""
        running = {n: self.site.digests(n) for n in SERVED}
        if running != {n: [state.digest] * count for n, count in SERVED.items()}:
            return f"not {state.digest[:19]}: {running}"
        greetings = {env.get("GREETING") for env in self.site.environments().values()}
        return (
            "" if greetings == {state.greeting} else f"GREETING {greetings}, not {state.greeting}"
        )

    def _children(self) -> Iterator[str]:
        """The docker commands of this engine that run."""
        mark = f"DOCKER_HOST={self.site.sandbox.env(self.site.engine)['DOCKER_HOST']}".encode()
        for pid, line in own_processes():
            with contextlib.suppress(OSError):  # it has ended
                program = Path(line.split(b"\0")[0].decode(errors="replace")).name
                environment = Path("/proc", pid, "environ").read_bytes()
                if program.startswith("docker") and mark in environment:
                    yield line.replace(b"\0", b" ").decode(errors="replace")

    def _lost(self, step: Step, asked: list[int]) -> None:
        """No request has failed in this step, unless web itself was restarted by hand."""
        if step.kind is Kind.BY_HAND and step.by_hand is ByHand.RESTART_WEB:
            return
        for poller, seen in zip(self._pollers, asked, strict=True):
            lost = [a for a in poller.answers[seen:] if a.release is None]
            if lost:
                gap = lost[-1].ended - lost[0].asked
                self._problem(f"{len(lost)} lost in {gap:.1f} s of {poller.url}: {lost[0].failure}")

    def _is(self, found: object, wanted: object, what: str) -> None:
        if found != wanted:
            self._problem(f"{what}: {found!r}, not {wanted!r}")

    def _problem(self, text: str) -> None:
        self.problems.append(f"{self._what}: {text}")

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except AssertionError as failed:
            self._problem(str(failed))

    def _set_right(self) -> None:
        """Have something run that is known, whatever went wrong."""
        self._what = "setting it right"
        with self._noted():
            new = self._publish()
            ran = self._run("deploy", "--format", "json")
            if ran.code:
                ran = self._run("deploy", "--format", "json", "--order", "stop-first")
            assert ran.code == 0, f"nothing helps: {ran.stderr[-1500:]}"
            self._is_now(ran, new)
            self._kept = {name: self.site.started_at(name) for name in self._kept}
