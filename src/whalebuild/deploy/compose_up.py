"""Has docker compose start versions that the engine has, and says why it could not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from whalebuild.compose.containers import Container
from whalebuild.compose.health import HealthProblem
from whalebuild.compose.up import UpFlag
from whalebuild.deploy.health_wait import UnhealthyError, last_output
from whalebuild.deployplan.plan import ServiceChange, host_name, needs_override
from whalebuild.deployplan.ports import Project
from whalebuild.failures.classify_docker import final_error
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference
from whalebuild.published.kept import kept_name
from whalebuild.values import dataclass


@dataclass(frozen=True)
class ComposeUp:
    """``docker compose up`` of a project's services, in the versions that they are to run.

    Attributes:
        watch: Called while compose works; what it raises stops compose.
    """

    project: Project
    watch: Callable[[], None] | None = None

    def tag(self, change: ServiceChange) -> None:
        """Have the host's tag stand for the version that a service is to run, if that has a tag."""
        version = version_of(change)
        if version.tag:
            self.project.tag(str(kept_name(version.digest or "")), host_name(version))

    def up(
        self,
        services: Sequence[str],
        pairs: Collection[ServiceChange],
        count: int | None = None,
        *,
        flags: Collection[UpFlag] = (),
    ) -> None:
        """Run ``docker compose up``.

        Args:
            services: Which ones; all of the project if it is empty.
            pairs: Which versions of whalebuild's pairs are to run.
            count: How many containers each of the services gets; None for what the files say.
            flags: Of ``docker compose up``.

        Raises:
            UnhealthyError: Compose failed.
        """
        images = {
            each.service.name: host_name(version_of(each))
            for each in pairs
            if needs_override(each.service, version_of(each))
        }
        scales = None if count is None else dict.fromkeys(services, count)
        try:
            self.project.up(services, images=images, scales=scales, flags=flags, watch=self.watch)
        except CommandFailedError as failed:
            raise self._unhealthy(failed, pairs) from None

    def _unhealthy(
        self, failed: CommandFailedError, pairs: Collection[ServiceChange]
    ) -> UnhealthyError:
        """Why compose failed: the container that it names, or else all of the services."""
        message = final_error(failed.stderr)
        for each in self.project.containers():
            if each.name in message and each.status != "created":
                problem = HealthProblem(each.service, each.id, "docker compose failed", message)
                return UnhealthyError(problem, last_output(self.project, each.id))
        return not_started(", ".join(each.service.name for each in pairs), failed)


def version_of(change: ServiceChange) -> Reference:
    """The version that a service with a pair is to run."""
    assert change.version is not None, "plain services are compose's"  # noqa: S101
    return change.version


def containers_of(containers: Collection[Container], service: str) -> list[Container]:
    """A service's containers, without those of ``docker compose run``."""
    return [each for each in containers if each.service == service and not each.oneoff]


def require_containers(
    changes: Collection[ServiceChange], containers: Collection[Container]
) -> None:
    """Raise ``UnhealthyError`` where a service that is to have containers has none of these."""
    services = {each.service for each in containers}
    for each in changes:
        if each.service.replicas and each.service.name not in services:
            raise UnhealthyError(HealthProblem(each.service.name, "", "it has no container"))


def not_started(services: str, failed: CommandFailedError) -> UnhealthyError:
    """The error of services for which docker failed, and named no container."""
    message = final_error(failed.stderr)
    return UnhealthyError(HealthProblem(services, "", "docker compose could not start it", message))
