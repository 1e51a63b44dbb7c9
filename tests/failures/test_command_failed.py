from __future__ import annotations

import pytest

from whalebuild.failures.command_failed import CommandFailedError

SSH = (
    'error during connect: Get "http://docker.example.com/v1.51/info": '
    "command [ssh {options}-o ConnectTimeout=30 -T -- prod {docker} system dial-stdio] has exited "
    "with {how}, make sure the URL is valid, and Docker 18.09 or later is installed on the "
    "remote host: stderr={said}"
)


@pytest.mark.parametrize(
    ("options", "docker", "said", "try_it"),
    [
        (
            "-l ada -p 2222 ",
            "docker",
            "ada@prod: Permission denied (publickey).\n",
            "ssh -l ada -p 2222 prod docker version",
        ),
        ("", "docker", "bash: line 1: docker: command not found", "ssh prod docker version"),
        (
            "-l ada ",
            "docker --host unix:///run/d.sock",
            "first\nsecond",
            "ssh -l ada prod docker --host unix:///run/d.sock version",
        ),
        ("", "docker", "", "ssh prod docker version"),
    ],
)
def test_ssh(options: str, docker: str, said: str, try_it: str) -> None:
    words = SSH.format(options=options, docker=docker, said=said, how="exit status 255")
    error = CommandFailedError(words)
    assert error.what == "the Docker engine on prod cannot be reached over ssh"
    assert error.cause == (said.strip() or "ssh ended without a word")
    assert error.next_step
    assert f"`{try_it}`" in error.next_step


def test_an_engine_that_is_down() -> None:
    words = "Cannot connect to the Docker daemon at unix:///run/docker.sock. Is it running?"
    assert CommandFailedError(words).what == "the Docker engine is not running"
