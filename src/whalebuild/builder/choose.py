"""Chooses the builder: the one that is named, the current one, or ``--builder auto``'s."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.messages import BuilderError
from whalebuild.builder.nodes import Execution, places
from whalebuild.builder.probe import BuilderProbe
from whalebuild.builder.spec import CONTAINER
from whalebuild.errors import EngineError
from whalebuild.oci.platform import LOCAL
from whalebuild.settings import AUTO, OWN_NAME, Settings
from whalebuild.values import dataclass

_STORE_OFF = "it uses the docker driver, and this engine's containerd image store is off"


@dataclass(frozen=True)
class BuilderChooser:
    """Chooses a builder.

    Attributes:
        named: The setting: a builder, ``auto``, or None for the current one.
        publishes: Whether it has to push images and caches.
    """

    probe: BuilderProbe
    named: str | None
    publishes: bool

    def look(self) -> BuilderFacts:
        """Look at the builder that is to be used if it will do.

        Raises:
            EngineError: It is not there, or cannot do the job, and no other may be taken.
        """
        if self.named != AUTO:
            facts = self.probe.facts(self.named)
            if self._lacks_store(facts):
                raise _old_store(facts.builder)
            return facts
        try:
            return self.probe.facts(None)
        except EngineError as down:
            is_own = isinstance(down, BuilderError) and down.builder == OWN_NAME
            if is_own or not self.probe.engine.has_builder(OWN_NAME):
                raise
            self._say(f"the current builder cannot be used ({down.what})")
            return self.probe.facts(OWN_NAME)

    def choose(self, facts: BuilderFacts, platforms: Collection[str]) -> BuilderFacts:
        """Keep this builder, or take ``whalebuild``, which may have to be made.

        Args:
            facts: What :meth:`look` found.
            platforms: Those to build; ``local`` is the builder's own, whichever it is.

        Raises:
            EngineError: ``whalebuild`` is there, and cannot be looked at.
        """
        if self.named != AUTO or facts.builder == OWN_NAME:
            return facts
        exists = self.probe.engine.has_builder(OWN_NAME)
        lacks_store = self._lacks_store(facts)
        why = _STORE_OFF if lacks_store else ""
        unable = () if lacks_store or not exists else self._unable(facts, platforms)
        if unable:
            why = f"it cannot run programs of {', '.join(unable)}"
        if not why:
            return facts
        if exists:
            own = self.probe.facts(OWN_NAME)
            if unable and self._unable(own, unable):
                return facts  # no better; what nobody can run is said where it is met
        else:
            own = self._planned(facts, platforms)
        self._say(f'builder "{facts.builder}" cannot do this: {why}')
        return own

    def settings_of_bake(self, settings: Settings, facts: BuilderFacts | None) -> Settings:
        """The settings of the bake: with the builder that was chosen."""
        if self.named != AUTO or facts is None:
            return settings
        origins = {**settings.origins, "builder": f"{settings.origin('builder')}: {AUTO}"}
        return replace(settings, builder=facts.builder, origins=origins)

    def _lacks_store(self, facts: BuilderFacts) -> bool:
        return self.publishes and not facts.containerd_store

    def _unable(self, facts: BuilderFacts, platforms: Collection[str]) -> tuple[str, ...]:
        """Platforms whose programs it cannot run, as far as that is known."""
        wanted = sorted(platform for platform in platforms if platform != LOCAL)
        if set(wanted) <= {facts.platform}:
            return ()
        nodes = self.probe.with_nodes(facts, wanted).nodes
        return tuple(at.platform for at in places(nodes, wanted) if at.how is Execution.UNABLE)

    def _planned(self, facts: BuilderFacts, platforms: Collection[str]) -> BuilderFacts:
        """What ``whalebuild`` will be once it is made: on the same machine, with its platforms."""
        wanted = [platform for platform in platforms if platform != LOCAL]
        nodes = self.probe.with_nodes(facts, wanted).nodes
        named = tuple(replace(node, name=f"{OWN_NAME}0", brings_qemu=True) for node in nodes)
        return BuilderFacts(OWN_NAME, CONTAINER, True, facts.platform, named, missing=True)  # noqa: FBT003

    def _say(self, why: str) -> None:
        self.probe.note(f'{why}; using builder "{OWN_NAME}" (--builder {AUTO})')


def _old_store(builder: str) -> EngineError:
    return EngineError(
        f'builder "{builder}" cannot export a registry cache or several platforms',
        cause=_STORE_OFF,
        next_step='turn it on ({"features": {"containerd-snapshotter": true}} in daemon.json), or '
        "use a builder of another driver: --builder auto makes one (docker-container) and uses it",
    )
