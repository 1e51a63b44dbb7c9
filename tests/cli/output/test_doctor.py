"""How the doctor's findings are shown."""

from __future__ import annotations

from whalebuild.cli.output.doctor import report_json, result_lines, summary
from whalebuild.doctor.finding import Result, failure, ok, skipped, warning
from whalebuild.errors import EngineError

DOWN = failure(
    EngineError(
        "the Docker engine is not running",
        cause="Cannot connect to the Docker daemon at unix:///var/run/docker.sock",
        next_step="start it (Docker Desktop, or `systemctl start docker`), or check DOCKER_HOST",
    ),
    "sudo systemctl start docker",
)
ENGINE = Result("engine", "engine", (DOWN,), 0.25)
GOOD = Result("client", "docker client", (ok("28.5.2 (/usr/bin/docker)"),))


def test_a_failure_with_its_cause_and_its_mend_in_80_columns() -> None:
    assert list(result_lines(ENGINE, 79)) == [
        "failure  engine          the Docker engine is not running",
        "                         why: Cannot connect to the Docker daemon at",
        "                           unix:///var/run/docker.sock",
        "                         mend: start it (Docker Desktop, or `systemctl start",
        "                           docker`), or check DOCKER_HOST",
        "                         $ sudo systemctl start docker",
    ]


def test_a_second_finding_has_no_title() -> None:
    both = Result("dockerfile", "Dockerfile", (warning("one"), warning("two")))
    assert list(result_lines(both, 79)) == [
        "warning  Dockerfile      one",
        "warning                  two",
    ]


def test_a_command_stays_whole() -> None:
    command = "docker run " + " ".join(["--option"] * 20)
    lines = list(result_lines(Result("x", "x", (warning("w", command=command),)), 79))
    assert lines[-1].endswith(command)


def test_colours() -> None:
    (line,) = result_lines(GOOD, 79, colour=True)
    assert line.startswith("\x1b[32mok")


def test_sums() -> None:
    assert summary([GOOD]) == "nothing wrong: 1 check is ok"
    more = [GOOD, ENGINE, Result("a", "A", (skipped("s"),)), Result("b", "B", (warning("w"),))]
    assert summary(more) == "1 failure, 1 warning; 1 check is ok, 1 not made"


def test_json() -> None:
    assert report_json([ENGINE])["checks"] == [
        {
            "check": "engine",
            "status": "failure",
            "seconds": 0.25,
            "findings": [
                {
                    "status": "failure",
                    "what": DOWN.what,
                    "cause": DOWN.cause,
                    "next": DOWN.next_step,
                    "command": "sudo systemctl start docker",
                    "exit_code": 3,
                }
            ],
        }
    ]
    assert report_json([ENGINE])["exit_code"] == 3
    assert report_json([GOOD])["exit_code"] == 0
