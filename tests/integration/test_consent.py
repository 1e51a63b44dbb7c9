"""What needs ``--allow`` is what needs it with ``docker buildx bake``: both are asked."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.sandbox import Sandbox

REFUSED = "additional privileges requested"
DOCKERFILE = "FROM scratch AS dependencies\nCOPY f /f\nFROM dependencies\nCOPY f /g\n"


@dataclass(frozen=True)
class Situation:
    """A bake in the folder ``project``, beside which lies the folder ``beside``.

    Attributes:
        target: Attributes of the target in HCL; OUT is the absolute path of ``beside``.
        args: Flags and targets.
        env: Variables.
        more: More of the bake file.
        device: Whether a device needs consent: buildx asks for it even where it is given.
    """

    target: str
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    more: str = ""
    device: bool = False


OFF = {"BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
#: Any socket will do where an agent's is wanted; the engine's is there.
AGENT = {"SSH_AUTH_SOCK": "SOCKET"}
SITUATIONS = {
    "nothing": Situation(""),
    "context: parent": Situation('context = ".."\n dockerfile = "project/Dockerfile"'),
    "context: absolute": Situation('context = "OUT"'),
    "context: below": Situation('context = "sub"'),
    "context: absolute, below": Situation('context = "OUT/../project/sub"'),
    "context: link out": Situation('context = "link-out"'),
    "context: link to below": Situation('context = "link-in"'),
    "dockerfile: parent": Situation('dockerfile = "../beside/Dockerfile"'),
    "dockerfile: absolute": Situation('dockerfile = "OUT/Dockerfile"'),
    "dockerfile: inline": Situation('dockerfile-inline = "FROM scratch AS dependencies"'),
    "named context: parent": Situation('contexts = { lib = "../beside" }'),
    "named context: link out": Situation('contexts = { lib = "link-out" }'),
    "named context: an image": Situation('contexts = { lib = "docker-image://scratch" }'),
    "named context: a layout": Situation('contexts = { lib = "oci-layout://../../beside" }'),
    "named context: a target": Situation(
        'contexts = { lib = "target:lib" }', more='target "lib" { context = "../beside" }'
    ),
    "secret: parent": Situation('secret = ["id=t,src=../beside/token"]'),
    "secret: absolute": Situation('secret = ["type=file,id=t,src=/etc/hostname"]'),
    "secret: link out": Situation('secret = ["id=t,src=link-out/token"]'),
    "secret: below": Situation('secret = [{ id = "t", src = "f" }]'),
    "secret: a variable": Situation('secret = ["type=env,id=t,env=HOME"]'),
    "ssh: the agent": Situation('ssh = ["default"]', env=AGENT),
    "ssh: the agent, paths unchecked": Situation('ssh = ["default"]', env=AGENT | OFF),
    "ssh: a path": Situation('ssh = ["k=SOCKET"]'),
    "cache-from: outside": Situation('cache-from = ["type=local,src=../beside"]'),
    "cache-from: below": Situation('cache-from = ["type=local,src=sub"]'),
    "cache-from: registry": Situation('cache-from = ["type=registry,ref=localhost:1/x"]'),
    "cache-to: outside": Situation('cache-to = ["type=local,dest=../beside/cache"]'),
    "cache-to: absolute": Situation('cache-to = ["type=local,dest=/new-cache"]'),
    "cache-to: below": Situation('cache-to = ["type=local,dest=new/cache"]'),
    "output: local, outside": Situation('output = ["type=local,dest=../beside"]'),
    "output: local, outside and new": Situation('output = ["../new/deep"]'),
    "output: tar": Situation('output = ["type=tar,dest=../beside/x.tar"]'),
    "output: oci": Situation('output = ["type=oci,dest=OUT/x.tar"]'),
    "output: docker": Situation('output = ["type=docker,dest=link-out/x.tar"]'),
    "output: below": Situation('output = ["type=local,dest=new/out"]'),
    "network.host": Situation('entitlements = ["network.host"]'),
    "network = host": Situation('network = "host"'),
    "security.insecure": Situation('entitlements = ["security.insecure"]'),
    "device": Situation('entitlements = ["device=example.com/x=y"]', device=True),
    "several": Situation(
        'secret = ["id=t,src=../beside/token"]\n cache-to = ["type=local,dest=OUT"]\n'
        'entitlements = ["network.host", "security.insecure"]'
    ),
    "allowed: everything": Situation('context = "../beside"', ("--allow=fs=*",)),
    "allowed: a folder above": Situation('context = "../beside"', ("--allow", "fs.read=..")),
    "allowed: the folder of a new path": Situation(
        'output = ["../new"]', ("--allow", "fs.write=..")
    ),
    "allowed: a new path": Situation('output = ["../new"]', ("--allow", "fs.write=../new")),
    "allowed: to read, not to write": Situation('output = ["../beside"]', ("--allow=fs.read=*",)),
    "allowed: another": Situation('context = "../beside"', ("--allow=fs.read=/etc",)),
    "allowed: nothing but the name": Situation('context = "../beside"', ("--allow=fs",)),
    "unchecked": Situation('context = "../beside"', env=OFF),
    "unchecked: network.host": Situation(
        'context = "../beside"\n entitlements = ["network.host"]', env=OFF
    ),
    "checked, as it is said": Situation(
        'context = "../beside"', env={"BUILDX_BAKE_ENTITLEMENTS_FS": "true"}
    ),
    "set: output": Situation("", ("--set", "app.output=type=local,dest=OUT")),
    "set: secrets": Situation("", ("--set", "app.secrets=id=t,src=../beside/token")),
    "set: cache-to": Situation("", ("--set", "*.cache-to=type=local,dest=../beside/c")),
    "set: context": Situation("", ("--set", "app.context=../beside")),
    "set: entitlements": Situation("", ("--set", "app.entitlements=network.host")),
    "not asked for": Situation("", more='target "other" { context = "../beside" }'),
    "of a group": Situation(
        "",
        ("all",),
        more='group "all" { targets = ["app", "other"] }\n'
        'target "other" {\ncontext = "../beside"\ninherits = ["app"]\ntags = ["IMAGE:other"]\n}',
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project, beside = tmp_path / "project", tmp_path / "beside"
    for each in (project, project / "sub", beside):
        each.mkdir()
        (each / "Dockerfile").write_text(DOCKERFILE)
        (each / "f").write_text("1")
    (beside / "token").write_text("hunter2")
    (project / "link-out").symlink_to("../beside")
    (project / "link-in").symlink_to("sub")
    return project


def asked(said: str) -> set[str]:
    """The values of ``--allow`` that buildx asks for."""
    found = re.search(r'^Pass "(.*)" to grant requested privileges', said, re.MULTILINE)
    flags = found[1].split("--allow=") if found else []
    # One flag for both is the same as one for each.
    plain = [f.strip() for f in flags if f.strip()]
    both = [f.removeprefix("fs=") for f in plain if f.startswith("fs=")]
    single = {f for f in plain if not f.startswith("fs=")}
    return single | {f"{right}={path}" for path in both for right in ("fs.read", "fs.write")}


def named(said: str) -> set[str]:
    """The values of ``--allow`` that whalebuild names."""
    line = next((line for line in said.splitlines() if line.startswith("  next:")), "")
    return set(re.findall(r"--allow (\S+)", line))


def runs(
    sandbox: Sandbox, folder: Path, repository: str, one: Situation, *more: str
) -> Iterator[tuple[bool, str]]:
    """What buildx, then whalebuild say: whether it is refused, and all of it."""
    socket = sandbox.env()["DOCKER_HOST"].removeprefix("unix://")

    image = f"{sandbox.registry}/{repository}"

    def put(text: str) -> str:
        text = text.replace("OUT", str(folder.parent / "beside"))
        return text.replace("SOCKET", socket).replace("IMAGE", image)

    text = f'target "app" {{\ntags = ["IMAGE"]\n{one.target}\n}}\n{one.more}\n'
    (folder / "docker-bake.hcl").write_text(put(text))
    args = [put(each) for each in (*one.args, *more)]
    args += [] if "all" in args else ["app"]
    env = {name: put(value) for name, value in one.env.items()} | {"WHALEBUILD_ALLOW": ""}
    # It is checked before anything is built; a check of the Dockerfile builds nothing.
    theirs = ("docker", "buildx", "bake", "--progress", "plain", "--call", "check", *args)
    done = sandbox.run(*theirs, cwd=folder, env=env)
    yield REFUSED in done.stderr, done.stderr
    plan = sandbox.whalebuild("plan", *args, cwd=folder, env=env)
    refused = REFUSED in plan.stderr
    assert plan.returncode == (2 if refused else 0), plan.stderr
    yield refused, plan.stderr


@pytest.mark.extended
@pytest.mark.parametrize("situation", SITUATIONS)
def test_it_is_refused_where_buildx_refuses_and_not_with_its_flags(
    sandbox: Sandbox, folder: Path, repository: str, situation: str
) -> None:
    one = SITUATIONS[situation]
    (refused, theirs), (ours_refused, ours) = runs(sandbox, folder, repository, one)
    assert ours_refused is refused, theirs + ours
    if refused:
        # Where paths are not checked, buildx still lists them beside what is.
        checked = not one.env.items() >= OFF.items()
        assert named(ours) == {f for f in asked(theirs) if checked or not f.startswith("fs.")}
        flags = [word for each in named(ours) for word in ("--allow", each)]
        (still, theirs), (ours_still, ours) = runs(sandbox, folder, repository, one, *flags)
        assert (still, ours_still) == (one.device, False), theirs + ours


@pytest.mark.extended
def test_two_things_are_refused_that_buildx_lets_pass(
    sandbox: Sandbox, folder: Path, repository: str
) -> None:
    shutil.copytree(folder.parent / "beside", folder.parent / "project-two")
    for target in ('context = "../project-two"', 'secret = ["id=../beside/token"]'):
        one = Situation(target)
        (refused, _), (ours_refused, ours) = runs(sandbox, folder, repository, one)
        assert (refused, ours_refused) == (False, True)
        flags = [f"--allow={each}" for each in named(ours)]
        _, (ours_refused, _) = runs(sandbox, folder, repository, one, *flags)
        assert not ours_refused


def test_a_bake_is_refused_before_anything_runs_and_works_with_the_flags(
    sandbox: Sandbox, folder: Path, repository: str
) -> None:
    image = f"{sandbox.registry}/{repository}"
    (folder / "Dockerfile").write_text(
        f"FROM {sandbox.python_image} AS dependencies\n"
        "RUN --mount=type=secret,id=token cp /run/secrets/token /stolen\n"
        "FROM dependencies\nCOPY --link f /f\n"
    )
    (folder / "docker-bake.hcl").write_text(
        f'target "app" {{\n tags = ["{image}"]\n secret = ["id=token,src=../beside/token"]\n'
        ' cache-to = ["type=local,dest=../beside/cache"]\n}\n'
    )
    with sandbox.requests() as requests:
        done = sandbox.whalebuild("bake", "app", cwd=folder)
    assert done.returncode == 2, done.stderr
    assert not requests
    assert 'reads ../beside/token (secret "token")' in done.stderr
    assert named(done.stderr) == {"fs.read=../beside/token", "fs.write=../beside"}
    flags = [f"--allow={each}" for each in named(done.stderr)]
    sandbox.whalebuild("bake", *flags, "app", cwd=folder, check=True)
    run = ("docker", "run", "--rm", f"{image}:latest", "cat", "/stolen")
    assert sandbox.run(*run, cwd=folder, check=True).stdout == "hunter2"
