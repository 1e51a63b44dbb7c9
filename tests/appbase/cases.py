"""Where the Dockerfiles of ``dockerfiles/`` are cut, written by reading them by hand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """What is expected of a Dockerfile.

    Attributes:
        name: Its folder.
        line: The first instruction that is not in the app base; None where it is everything.
        whole: The line that wants the app base itself; None where its stub will do.
        not_at_all: The line that wants the ordinary build; None where an image will do.
        repeated: How many instructions of the app base the tail repeats.
        stage: The stage that is cut, where it is not the final one.
        target: The target's stage.
    """

    name: str
    line: int | None
    whole: int | None = None
    not_at_all: int | None = None
    repeated: int = 0
    stage: str | None = None
    target: str | None = None

    @property
    def id(self) -> str:
        """Its name, and the target's."""
        return f"{self.name}-{self.target}" if self.target else self.name


CASES = (
    Case("add-address", 4),
    Case("add-rootfs", 2, not_at_all=1),
    Case("add-tars", 4),
    Case("alpine-entrypoint-only", 3),
    Case("alpine-scripts", 3),
    Case("arguments", 15, repeated=3),
    Case("bun", 9),
    Case("caddy-site", 2),
    Case("code-before-venv", 7),
    Case("code-over-base", 3),
    Case("copy-exclude", 4),
    Case("copy-from-chain", 6, whole=7, stage="deps"),
    Case("django-assets", 15),
    Case("django-collectstatic", 8, whole=9),
    Case("django-manage-first", 3, whole=4),
    Case("django-plain", 7),
    Case("dotnet", 11),
    Case("empty-over-full", 4),
    Case("entrypoint-after-command", 6, repeated=1),
    Case("escape-directive", 9),
    Case("few-by-pattern", 4),
    Case("flask-all-first", 2, whole=4),
    Case("flask-gunicorn", 7),
    Case("flask-source-first", 3, whole=4),
    Case("go-distroless", 10),
    Case("go-scratch", 9, not_at_all=8),
    Case("go-scratch-certificates", 11),
    Case("heredocs", 16),
    Case("java-jar", 4, repeated=1),
    Case("java-jar-touch", 2, whole=3),
    Case("java-maven", 13, repeated=1),
    Case("link-as-destination", 3),
    Case("lower-case", 7, stage="base"),
    Case("many-by-pattern", 2, whole=3),
    Case("marked-by-comment", 7),
    Case("monorepo", 8, target="api"),
    Case("monorepo", 15, whole=17, target="web"),
    Case("mount-context", 4, whole=4),
    Case("mount-folder", 5, whole=5),
    Case("next-standalone", 20),
    Case("nginx-config-only", 2),
    Case("node-config-files", 5),
    Case("node-npm-ci", 6),
    Case("node-to-nginx", 9),
    Case("node-to-nginx-config-first", 8),
    Case("node-workspaces-parents", 6),
    Case("onbuild-in-chain", 6, not_at_all=3, stage="parent"),
    Case("owner-by-name", 4),
    Case("php-composer", 10),
    Case("php-dump-autoload", 6, whole=7),
    Case("pip-copy-from-builder", 8),
    Case("pip-from-builder", 8, stage="builder"),
    Case("pip-one-stage", 5),
    Case("platform-of-build", 2, not_at_all=1),
    Case("platform-of-target", 3),
    Case("pnpm-shared-base", 18, not_at_all=11),
    Case("poetry-one-stage", 6, whole=7),
    Case("poetry-two-stages", 14),
    Case("rails-chown", 11, whole=5, stage="base"),
    Case("rails-generated", 16, whole=18, stage="base"),
    Case("requirements-folder", 6),
    Case("ruby-bundler", 7),
    Case("rust-chef", 11),
    Case("setgid-folder", 3),
    Case("shared-builder", 11, not_at_all=5),
    Case("side-stage-on-app-base", 10, whole=5, stage="base"),
    Case("small-arguments", 6, repeated=2),
    Case("small-as-user", 6),
    Case("small-chmod", 4),
    Case("small-in-etc", 3),
    Case("small-line-ends", 5),
    Case("small-not-of-base", 6),
    Case("small-over-tools", 3),
    Case("small-own-path", 5),
    Case("small-owners", 4),
    Case("small-rm-and-link", 4),
    Case("small-several", 3),
    Case("small-through-links", 4),
    Case("small-with-links", 4),
    Case("sticky-tmp", 3),
    Case("tools-only", None),
    Case("uv-documented", 11, whole=12),
    Case("uv-two-stages", 11),
    Case("uv-venv-alone", 11),
    Case("wheel", 2, whole=3),
    Case("whole-stage-mounted", 8, whole=8),
    Case("yarn-berry", 6),
)
