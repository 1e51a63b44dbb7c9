"""What is said of disks, the clock, proxies and authorities."""

from __future__ import annotations

import pytest

from whalebuild.doctor.facts import LINUX, AuthorityFacts, DiskFacts, Ping, ProxyFacts, Use
from whalebuild.doctor.finding import Status
from whalebuild.doctor.machine import ENGINE_DISK, is_tight, judge_clock, judge_disks, judge_proxies
from whalebuild.errors import ExitCode

GIGA = 10**9
USES = (
    Use("Images", "4GB", "1GB (25%)", GIGA),
    Use("Build Cache", "9GB", "8GB", 8 * GIGA),
)


def disk(free: int, total: int = 100 * GIGA, what: str = ENGINE_DISK) -> DiskFacts:
    return DiskFacts(what, "/var/lib/docker", free, total)


@pytest.mark.parametrize(
    ("found", "tight"),
    [
        (disk(3 * GIGA), False),
        (disk(GIGA), True),
        (disk(40_000_000, 300_000_000), False),
        (disk(20_000_000, 300_000_000), True),
    ],
)
def test_what_is_tight(found: DiskFacts, tight: bool) -> None:
    assert is_tight(found) is tight


def test_the_command_frees_what_takes_most() -> None:
    (found,) = judge_disks([disk(GIGA)], USES)
    assert (found.status, found.command) == (Status.WARNING, "docker buildx prune")
    assert "the build cache takes 9GB, of which 8GB can go" in str(found.cause)
    images = Use("Images", "40GB", "30GB (75%)", 30 * GIGA)
    (found,) = judge_disks([disk(GIGA)], [images, *USES])
    assert found.command == "docker buildx prune", "it suffices, and costs nothing but time"
    (found,) = judge_disks([disk(GIGA)], [images, Use("Build Cache", "1MB", "1MB", 10**6)])
    assert found.command == "docker image prune"
    (found,) = judge_disks([disk(GIGA)], ())
    assert found.command == "docker system df"


def test_a_full_disk_is_a_failure() -> None:
    (found,) = judge_disks([disk(10_000_000), disk(90 * GIGA, what="the folder of records")], USES)
    assert (found.status, found.exit_code) == (Status.FAILURE, ExitCode.ENGINE)


def test_a_folder_that_may_not_be_written() -> None:
    mine = DiskFacts("the folder of notes", "/home/a/.cache", GIGA * 9, GIGA * 9, writable=False)
    (found,) = judge_disks([mine], ())
    assert found.command == 'sudo chown -R "$USER" /home/a/.cache'


def test_the_least_free_disk_is_named() -> None:
    (found,) = judge_disks([disk(50 * GIGA), disk(30 * GIGA)], ())
    assert found.what.startswith("30.00 GB free at least")


@pytest.mark.parametrize(
    ("ahead", "engine", "status"),
    [(0.4, None, Status.OK), (300.0, None, Status.WARNING), (0.0, -90.0, Status.WARNING)],
)
def test_clocks(ahead: float, engine: float | None, status: Status) -> None:
    pings = {"registry.test": Ping(200, "https://registry.test/v2", ahead)}
    (found,) = judge_clock(pings, engine, LINUX)
    assert found.status is status


def test_which_clock_is_behind() -> None:
    (found,) = judge_clock({"r": Ping(200, "", 300.0)}, None, LINUX)
    assert found.what == "this machine's clock is 5 min 0 s behind that of registry r"
    (found,) = judge_clock({}, -90.0, LINUX)
    assert found.what == "this machine's clock is 1 min 30 s ahead of that of the engine"
    assert judge_clock({}, None, LINUX)[0].status is Status.SKIPPED


def test_a_dead_proxy_is_a_failure_only_where_it_is_needed() -> None:
    dead = ProxyFacts("http://proxy.test:3128", "HTTPS_PROXY", "Connection refused")
    (found,) = judge_proxies([dead], {dead.address}, ())
    assert (found.status, found.exit_code) == (Status.FAILURE, ExitCode.UNREACHABLE)
    assert found.command == "unset HTTPS_PROXY"
    (found,) = judge_proxies([dead], set(), ())
    assert found.status is Status.WARNING
    of_docker = ProxyFacts(dead.address, "the engine's HttpProxy", "Connection refused")
    (found,) = judge_proxies([of_docker], set(), ())
    assert found.command is None
    assert found.next_step == "correct it in the engine's HttpProxy, or take it out"


def test_authorities() -> None:
    (found,) = judge_proxies([], (), [AuthorityFacts("SSL_CERT_FILE", "/x", "no such file")])
    assert (found.status, found.command) == (Status.FAILURE, "unset SSL_CERT_FILE")
    (found,) = judge_proxies([], (), [AuthorityFacts("SSL_CERT_FILE", "/x")])
    assert found.what == "/x (SSL_CERT_FILE)"
    assert judge_proxies([], (), ())[0].what == "none are set"
