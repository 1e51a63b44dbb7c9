"""What others' actions do, for the fake runner: as much of it as whalebuild's workflows need."""

from __future__ import annotations

import fnmatch
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.integration.fake_runner import Job


def is_fork(payload: Mapping[str, Any], repository: str) -> bool:
    """Whether GitHub gives no secrets to runs for an event."""
    head = payload.get("pull_request", {}).get("head")
    return bool(head) and (head["repo"] or {}).get("full_name") != repository


def check_out(job: Job, inputs: dict[str, str]) -> None:
    assert inputs == {}
    job.run("git", "clone", "--quiet", str(job.event.origin), ".")
    job.run("git", "-c", "advice.detachedHead=false", "checkout", "--quiet", job.event.commit)


def set_up_buildx(job: Job, inputs: dict[str, str]) -> None:
    """An engine of the sandbox has the containerd image store: its own builder can do all."""


def log_in(job: Job, inputs: dict[str, str]) -> None:
    assert inputs["username"], "the action fails: Username and password required"
    assert inputs["password"], "the action fails: Username and password required"
    words = ("docker", "login", "--username", inputs["username"], "--password-stdin")
    job.run(*words, inputs["registry"], stdin=inputs["password"])


def make_metadata(job: Job, inputs: dict[str, str]) -> dict[str, str]:
    """https://github.com/docker/metadata-action#bake-definition."""
    known = {
        "type=raw,value=latest": "latest",
        "type=sha": f"sha-{job.event.commit[:7]}",
    }
    tags = [f"{inputs['images']}:{known[line]}" for line in inputs["tags"].split()]
    revision = {"org.opencontainers.image.revision": job.event.commit}
    args = {"DOCKER_META_IMAGES": inputs["images"], "DOCKER_META_VERSION": "latest"}
    parts: dict[str, dict[str, Any]] = {
        "": {"tags": tags, "labels": revision, "args": args},
        "-tags": {"tags": tags, "args": args},
        "-labels": {"labels": revision},
    }
    outputs = {}
    for suffix, attributes in parts.items():
        path = Path(job.environment["RUNNER_TEMP"]) / f"docker-metadata-action-bake{suffix}.json"
        path.write_text(json.dumps({"target": {"docker-metadata-action": attributes}}))
        outputs[f"bake-file{suffix}"] = str(path)
    return outputs


def upload_artifact(job: Job, inputs: dict[str, str]) -> None:
    found = sorted(job.workspace.glob(inputs["path"]))
    assert found or inputs["if-no-files-found"] != "error", f"no {inputs['path']}"
    kept = job.folder / "artifact"
    kept.mkdir()
    job.artifacts[inputs["name"]] = [Path(shutil.copy(path, kept)) for path in found]


def download_artifact(job: Job, inputs: dict[str, str]) -> None:
    assert inputs["merge-multiple"] == "true", "without it each artifact has a folder of its own"
    folder = job.workspace / inputs["path"]
    folder.mkdir()
    for name in fnmatch.filter(job.artifacts, inputs["pattern"]):
        for path in job.artifacts[name]:
            shutil.copy(path, folder)
