"""Has docker compose start versions that the engine has, and says what it failed for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from whalebuild.compose.containers import Container
from whalebuild.compose.health import HealthProblem
from whalebuild.deploy.health_wait import UnhealthyError, last_words
from whalebuild.deploy.plan import ServiceChange, host_name, needs_override
from whalebuild.deploy.ports import Project
from whalebuild.failures.classify_docker import final_error
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference
from whalebuild.published.kept import kept_name


@dataclass(frozen=True)
class ComposeUp:
    """``docker compose up`` of a project's services, in the versions of switches."""

    project: Project

    def tag(self, switch: ServiceChange) -> None:
        """Have the host's tag stand for a version, where it has one."""
        version = wanted(switch)
        if version.tag:
            self.project.tag(str(kept_name(version.digest or "")), host_name(version))

    def up(
        self,
        services: Sequence[str],
        pairs: Collection[ServiceChange],
        count: int | None = None,
        *,
        start: bool = True,
    ) -> None:
        """Run compose; with a count, one service gets that many containers and keeps its own.

        Raises:
            UnhealthyError: Compose failed.
        """
        images = {
            each.service.name: host_name(wanted(each))
            for each in pairs
            if needs_override(each.service, wanted(each))
        }
        scales = None if count is None else dict.fromkeys(services, count)
        alone = count is not None
        try:
            self.project.up(
                services,
                images=images,
                scales=scales,
                recreate=not alone,
                dependencies=not alone,
                start=start,
            )
        except CommandFailedError as failed:
            raise self._blamed(failed, pairs) from None

    def _blamed(
        self, failed: CommandFailedError, pairs: Collection[ServiceChange]
    ) -> UnhealthyError:
        """What compose failed for: the container that it names, or else all of them."""
        words = final_error(failed.stderr)
        for each in self.project.containers():
            if each.name in words and each.status != "created":
                trouble = HealthProblem(each.service, each.id, "docker compose failed", words)
                return UnhealthyError(trouble, last_words(self.project, each.id))
        return not_started(", ".join(each.service.name for each in pairs), failed)


def wanted(switch: ServiceChange) -> Reference:
    """The version that a service with a pair is to run."""
    assert switch.version is not None, "plain services are compose's"  # noqa: S101
    return switch.version


def own(containers: Collection[Container], service: str) -> list[Container]:
    """A service's containers, without those of ``docker compose run``."""
    return [each for each in containers if each.service == service and not each.oneoff]


def check_there(changes: Collection[ServiceChange], mine: Collection[Container]) -> None:
    """Raise ``UnhealthyError`` where a service that is to have containers has none."""
    there = {each.service for each in mine}
    for each in changes:
        if each.service.replicas and each.service.name not in there:
            raise UnhealthyError(HealthProblem(each.service.name, "", "it has no container"))


def not_started(name: str, failed: CommandFailedError) -> UnhealthyError:
    """What is said of services for which docker failed, and it names no container."""
    words = final_error(failed.stderr)
    return UnhealthyError(HealthProblem(name, "", "docker compose could not start it", words))
