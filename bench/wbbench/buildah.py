"""The way without Docker: buildah, with its layers kept in the registry.

It is Debian's package of the machine's own suite. It is unpacked next to the benchmark rather
than installed: installing it would upgrade packages that have nothing to do with it.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from wbbench.errors import BenchError
from wbbench.project import Service, without_link
from wbbench.ways import Timed, Way, Work

#: Not in version control; it has a `.gitignore` of its own.
CACHE = Path(__file__).resolve().parents[1] / ".cache"
PREFIX = CACHE / "buildah"
TITLE = (
    "`buildah build` and `buildah push` of both, `--layers --cache-from --cache-to`, chroot "
    "isolation; Dockerfile without `--link`, which this version does not know"
)


@dataclass(frozen=True)
class Buildah(Way):
    """Its storage is on the engine's disk, so that it is as fresh and as fast as an engine's."""

    name: str = "buildah"
    title: str = TITLE

    def unavailable(self) -> str | None:
        """Fetch it if need be, and try whether it starts."""
        try:
            ensure_buildah()
            self.version()
        except (OSError, BenchError) as error:
            return f"buildah cannot be had: {error}"
        return None

    def version(self) -> str:
        """Its version."""
        done = subprocess.run(
            [*_program(), "--version"], check=False, capture_output=True, text=True
        )
        if done.returncode:
            # The first line says what is missing; the command itself would tell this clone's path.
            why = done.stderr.strip().partition("\n")[0].replace(str(PREFIX), "")
            raise BenchError(f"it ends with {done.returncode}: {why}")
        return done.stdout.split()[2]

    def prepare(self, work: Work) -> Timed:
        """Write the Dockerfiles without `--link`, and find where things go."""
        for service in work.project.services:
            text = (service.context / "Dockerfile").read_text()
            (service.context / "Containerfile").write_text(without_link(text))
        disk = work.machine.disk / "buildah"
        (disk / "tmp").mkdir(parents=True, exist_ok=True)
        # Where DOCKER_CONFIG leads, buildah insists on a file.
        (disk / "config.json").write_text("{}\n")

        def timed() -> None:
            for service in work.project.services:
                _publish(work, service, disk)

        return timed


def _publish(work: Work, service: Service, disk: Path) -> None:
    machine, image = work.machine, work.of(service)
    env = {"TMPDIR": str(disk / "tmp"), "DOCKER_CONFIG": str(disk)}
    store = ("--root", str(disk / "root"), "--runroot", str(disk / "run"))
    command = (*_program(), *store, "--storage-driver", "overlay")
    configuration = (PREFIX if PREFIX.is_dir() else Path("/")) / "etc/containers"
    command += ("--registries-conf", str(configuration / "registries.conf"))
    trust = ("--signature-policy", str(configuration / "policy.json"), "--tls-verify=false")
    build = (*command, "build", *trust, "--isolation", "chroot", "--layers", "--quiet")
    build += ("--cache-from", f"{image}/cache", "--cache-to", f"{image}/cache")
    build += ("--build-arg", f"PYTHON_IMAGE={machine.env['PYTHON_IMAGE']}", "--format", "docker")
    build += ("--secret", f"id=ca,src={machine.env['CA_BUNDLE']}")
    build += ("-f", str(service.context / "Containerfile"))
    tags = ("deps", "latest") if service.deps else ("latest",)
    for tag in tags:
        stage = ("--target", "dependencies") if tag == "deps" else ()
        context = (*stage, "-t", f"{image}:{tag}", str(service.context))
        machine.run(*build, *context, cwd=work.project.folder, env=env)
    for tag in tags:
        push = (*command, "push", *trust, "--quiet", f"{image}:{tag}")
        machine.run(*push, cwd=work.project.folder, env=env)


def ensure_buildah() -> None:
    """Download the packages that the machine lacks, and unpack them."""
    if shutil.which("buildah") or PREFIX.is_dir():
        return
    partial = CACHE / "buildah.partial"
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "packages").mkdir(parents=True)
    (CACHE / ".gitignore").write_text("*\n")
    planned = _apt("install", "--simulate", "--no-install-recommends", "buildah", cwd=partial)
    # "Inst name (new version …)", or "Inst name [old version] (…)" for what is there already.
    words = [line.split() for line in planned.splitlines() if line.startswith("Inst ")]
    missing = [word[1] for word in words if not word[2].startswith("[")]
    _apt("download", *missing, cwd=partial / "packages")
    for package in (partial / "packages").glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, partial], check=True)
    shutil.rmtree(partial / "packages")
    partial.rename(PREFIX)


def _apt(*arguments: str, cwd: Path) -> str:
    command = ["apt-get", "-o", "APT::Sandbox::User=root", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"apt-get {arguments[0]}: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout


def _program() -> tuple[str, ...]:
    """The command. Unpacked, it finds its libraries in a mount namespace of its own.

    LD_LIBRARY_PATH would not do: buildah starts itself again with another environment.
    """
    if not PREFIX.is_dir():
        return ("buildah",)
    # The child of `unshare` replaces itself twice, so that a signal still reaches buildah.
    script = 'mount -t overlay -o "lowerdir=$1:$2" libraries "$2" && shift 2 && exec "$@"'
    ours = next(PREFIX.glob("usr/lib/*-linux-gnu"))
    systems = Path("/") / ours.relative_to(PREFIX)
    namespace = ("unshare", "--mount", "sh", "-c", script, "sh", str(ours), str(systems))
    return (*namespace, str(PREFIX / "usr/bin/buildah"))
