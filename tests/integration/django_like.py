"""A project as Django's are: a database, migrations, web, workers, a scheduler, and a proxy.

team = Team.at(sandbox, tmp_path / "team", repository)
digest = team.publish("1")                                # one image for all of its services
site = Site(sandbox, engine, tmp_path / "site", team.image)
site.whalebuild("deploy", check=True)
team.publish("2", revision=2, migration="hangs")

Its files are in projects/django_like: db.py is a PostgreSQL as a deploy sees one (it must not
restart, knows the schema's revision, and refuses those that want a newer one), manage.py is the
application, proxy.py routes to healthy containers by their labels, as Traefik does.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.deploys import Host, Running
from tests.integration.pairs import Pair
from tests.integration.sandbox import Sandbox

PROJECT = Path(__file__).parent / "projects/django_like"
#: What runs of the team's image; the job ``migrate`` ends.
SERVED = {"web": 1, "worker": 2, "scheduler": 1}
JOB = "migrate"


@dataclass(frozen=True)
class Team:
    """Those who write it."""

    pair: Pair

    @classmethod
    def at(cls, sandbox: Sandbox, folder: Path, repository: str) -> Team:
        """The project in this folder, nothing of it published yet."""
        team = cls(Pair(sandbox, folder, repository, sandbox.python_image))
        (folder / "app").mkdir(parents=True)
        shutil.copy(PROJECT / "manage.py", folder / "app/manage.py")
        team.pair.write((PROJECT / "Dockerfile").read_text())
        team.pair.change_requirements("one")
        return team

    @property
    def image(self) -> str:
        """The repository with its registry."""
        return self.pair.image

    def publish(
        self,
        release: str,
        *,
        revision: int = 1,
        migration: str = "",
        web: str = "",
        worker: str = "",
    ) -> str:
        """Change the code, and bake; the digest of :latest. What else: see ``manage.py``."""
        settings = {"release": release, "revision": revision, "migration": migration}
        settings |= {"web": web, "worker": worker, "project": self.pair.repository}
        (self.pair.folder / "app/settings.json").write_text(f"{json.dumps(settings)}\n")
        self.pair.bake()
        return self.pair.digest("latest")


@dataclass
class Site(Host):
    """The host that runs it."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("compose.yaml", "whalebuild.toml", "db.py", "proxy.py"):
            shutil.copy(PROJECT / name, self.folder / name)
        self.configure("one")
        socket = Path(self.sandbox.env(self.engine)["DOCKER_HOST"].removeprefix("unix://"))
        self.extra |= {"PYTHON": self.sandbox.python_image}
        self.extra |= {"ENGINE": str(socket.parent), "SOCKET": socket.name}

    def configure(self, greeting: str, **variables: str) -> None:
        """Write ``.env``, and the variables of ``app.env``, for all of the team's services."""
        (self.folder / ".env").write_text(f"GREETING={greeting}\n")
        lines = [f"{name}={value}\n" for name, value in variables.items()]
        (self.folder / "app.env").write_text("".join(lines))

    def history(self) -> dict[str, Any]:
        """What ``whalebuild history`` has; no line of the record is damaged."""
        found = self.result("history")
        assert found["damaged_lines"] == []
        return found

    def of(self, service: str) -> list[Running]:
        """A service's containers."""
        return [each for each in self.containers() if each.service == service]

    def started_at(self, service: str) -> tuple[str, str]:
        """The ID of a service's only container, and when it was started."""
        [container] = self.of(service)
        words = ("docker", "inspect", "--format", "{{.State.StartedAt}}", container.id)
        return container.id, self.run(*words).stdout.strip()

    def environments(self) -> dict[str, dict[str, str]]:
        """The environment of each container of the team's that runs, by the container's name."""
        names = [c.name for c in self.containers() if c.service in SERVED and c.status == "running"]
        shown = self.run("docker", "inspect", *names).stdout if names else "[]"
        return {
            each["Name"].removeprefix("/"): dict(
                item.partition("=")[::2] for item in each["Config"]["Env"]
            )
            for each in json.loads(shown)
        }
