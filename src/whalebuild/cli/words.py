"""Words of docker, buildx and compose that whalebuild has not, and what does the same here.

One table, for what is typed out of habit. The nearest spelling would be another thing: ``builder``
for ``build``, ``--push`` for ``--no-push``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

_BUILDS = "`whalebuild bake` builds, and publishes what it built"
_NOT_HERE = "whalebuild has no part in it"
_NONE_HERE = "BuildKit has no such thing: leave it out"

#: By the word that stands in the place of a verb.
VERBS: Mapping[str, str] = {
    "b": _BUILDS,
    "build": _BUILDS,
    "buildx": "leave it out: `whalebuild bake` is what `docker buildx bake` is",
    "f": _BUILDS,
    "publish": _BUILDS,
    "push": "`whalebuild bake` publishes; what is published already is not sent again",
    "release": "`whalebuild bake --tag v1.2.3` publishes under a further tag",
    "tag": "`whalebuild bake --tag v1.2.3` publishes under a further tag",
    "check": "`whalebuild bake --check` checks Dockerfiles",
    "lint": "`whalebuild bake --check` checks Dockerfiles",
    "config": "`whalebuild bake --print` shows the definition that buildx is given",
    "print": "`whalebuild bake --print` shows the definition that buildx is given",
    "targets": "`whalebuild bake --list targets` lists them",
    "list": "`whalebuild bake --list targets` lists targets, `whalebuild builder ls` builders",
    "dry-run": "`whalebuild plan` shows what a bake would do",
    "status": "`whalebuild inspect` shows what is published, `whalebuild plan` what would change",
    "image": "`whalebuild inspect` shows what is published",
    "images": "`whalebuild inspect` shows what is published",
    "imagetools": "`whalebuild inspect` shows what is published",
    "show": "`whalebuild inspect` shows what is published",
    "verify": "`whalebuild bake --verify` compares with the ordinary build",
    "up": "`whalebuild deploy` downloads, starts, and waits until it is healthy",
    "start": "`whalebuild deploy` downloads, starts, and waits until it is healthy",
    "run": "`whalebuild deploy` starts the services of a compose file",
    "pull": "`whalebuild deploy --pre-pull` downloads and starts nothing; `docker compose pull` "
    "works as ever",
    "ps": "`docker compose ps` lists containers; `whalebuild history` lists deployments",
    "down": "`docker compose down`: " + _NOT_HERE,
    "stop": "`docker compose stop`: " + _NOT_HERE,
    "logs": "`docker compose logs`: " + _NOT_HERE,
    "compose": "`whalebuild deploy` deploys a compose project; all else is `docker compose`'s",
    "login": "`docker login`: whalebuild uses its credentials",
    "logout": "`docker logout`: whalebuild uses its credentials",
    "undo": "`whalebuild rollback` goes back to the deployment before",
    "revert": "`whalebuild rollback` goes back to the deployment before",
    "clean": "`whalebuild prune` removes images of old deployments, `docker buildx prune` caches",
    "gc": "`whalebuild prune` removes images of old deployments, `docker buildx prune` caches",
    "du": "`docker buildx du`: " + _NOT_HERE,
    "create": "`whalebuild builder create` makes a builder",
    "ls": "`whalebuild builder ls` lists builders, `whalebuild bake --list targets` targets",
    "use": "--builder or the setting `builder` chooses one; `docker buildx use` for buildx too",
    "help": "`whalebuild --help`",
    "version": "`whalebuild --version`",
}

#: By flag, for every verb that has it not.
FLAGS: Mapping[str, str] = {
    "--add-host": "--set '*.extra-hosts.HOST=IP'",
    "--arg": "--set '*.args.NAME=VALUE'",
    "--args": "--set '*.args.NAME=VALUE'",
    "--build-arg": "--set '*.args.NAME=VALUE'; --var NAME=VALUE is a bake file's variable",
    "--build-context": "--set '*.contexts.NAME=VALUE'",
    "--cache-from": "the published caches are read without it; more of them: "
    "--set '*.cache-from+=type=registry,ref=IMAGE'",
    "--cache-to": "the caches are published without it; another one: "
    "--set '*.cache-to+=type=registry,ref=IMAGE'",
    "--cgroup-parent": "bake files have no such attribute; use another builder",
    "--compress": _NONE_HERE,
    "--context": "--set '*.context=FOLDER'",
    "--cpu-period": _NONE_HERE,
    "--cpu-quota": _NONE_HERE,
    "--cpu-shares": _NONE_HERE,
    "--cpuset-cpus": _NONE_HERE,
    "--cpuset-mems": _NONE_HERE,
    "--dockerfile": "--set '*.dockerfile=FILE'",
    "--dry-run": "`whalebuild plan` shows what a bake would do, --print the definition",
    "--env": "--set '*.args.NAME=VALUE' is an argument of the build; --var one of the bake file",
    "--force-rm": _NONE_HERE,
    "--iidfile": "-q prints the digest, --metadata-file FILE writes it",
    "--isolation": _NONE_HERE,
    "--list-targets": "--list targets",
    "--list-variables": "--list variables",
    "--memory": _NONE_HERE,
    "--memory-swap": _NONE_HERE,
    "--network": "--set '*.network=MODE'; network.host needs --allow network.host",
    "--no-cache-filter": "--set '*.no-cache-filter=STAGE'",
    "--no-push": "--load builds into the local engine, --read-only builds and publishes nothing",
    "--output": "--set '*.output=type=…'; --load is type=docker; an image is published without it",
    "-o": "--set '*.output=type=…'; --load is type=docker; an image is published without it",
    "--platforms": "--platform, repeated or separated by commas",
    "--policy": "--set '*.policy+=filename=FILE', with a buildx that knows policies",
    "--resource": "--set '*.resources.NAME=VALUE', with a buildx that knows resources",
    "--rm": _NONE_HERE,
    "--security-opt": "--set '*.entitlements=security.insecure' and --allow security.insecure",
    "--shm-size": "--set '*.shm-size=SIZE'",
    "--skip-push": "--load builds into the local engine, --read-only builds and publishes nothing",
    "--squash": _NONE_HERE,
    "--stage": "--set '*.target=STAGE'",
    "--tags": "--tag, repeated",
    "--target": "--set '*.target=STAGE' is a Dockerfile's stage; a bake file's target has no flag",
    "--ulimit": "--set '*.ulimits=NAME=SOFT:HARD'",
    "--env-file": "variables come from the environment, and from --var NAME=VALUE",
    "--parallel": "targets are built side by side; leave it out",
    "--no-build": "`whalebuild plan` builds nothing",
}


def answer_to_verb(word: str) -> str | None:
    """What does here what a verb does elsewhere; None where nobody knows."""
    return VERBS.get(word)


def answer_to_flag(flag: str, verbs: Collection[str]) -> str | None:
    """What does here what a flag does elsewhere; None where nobody knows.

    Args:
        flag: As it was written, without its value.
        verbs: The verbs that have it.
    """
    others = " or ".join(f"`whalebuild {verb} {flag}`" for verb in verbs)
    return FLAGS.get(flag) or others or None
