"""A client in the network of a compose project: for services that publish no port."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path

from tests.integration import inside_client
from tests.integration.deploys import Host
from wbsandbox.polling import Answer, Answers


class Inside(Answers):
    """Asks a service by its name every 50 ms, whether the last answer has come or not.

    With a path like ``/slow/1`` there are always requests that are being answered.
    """

    def __init__(self, host: Host, path: str = "/", *, service: str = "web") -> None:
        super().__init__()
        self._host = host
        self._words = (service, path)
        self._name = f"inside-{os.getpid()}-{id(self)}"

    def __enter__(self) -> Inside:
        script = Path(inside_client.__file__)
        network = f"{self._host.env['COMPOSE_PROJECT_NAME']}_default"
        self._process = subprocess.Popen(
            [
                *("docker", "run", "--rm", "--init", "--quiet", "--name", self._name),
                *("--network", network, "--volume", f"{script}:/client.py:ro"),
                *(self._host.sandbox.python_image, "python", "-u", "/client.py", *self._words),
            ],
            env=self._host.sandbox.env(self._host.engine),
            stdout=subprocess.PIPE,
            text=True,
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._host.run("docker", "rm", "--force", self._name)
        self._thread.join()
        self._process.wait()

    def settle(self) -> None:
        """Wait until all that has been asked so far has come to an end."""
        begun = max((each.asked for each in self.answers), default=0.0)
        longest = max((each.ended - each.asked for each in self.answers), default=0.0)
        until = begun + max(longest, inside_client.SECONDS_TO_ANSWER)
        self.wait_until(lambda: any(each.asked > until for each in list(self.answers)))

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                self.answers.append(Answer(**json.loads(line)))
