"""An engine whose first look-ups are under way before anybody waits for them.

A docker command takes longer than importing the machinery that needs its answer.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from whalebuild.bakefile.request import BakeRequest, EngineFacts
from whalebuild.builder.nodes import Node
from whalebuild.ports import Engine
from whalebuild.runtime.threads import Submit


@dataclass
class AheadEngine:
    """Stands before an engine, and hands out answers that were asked for ahead; each once."""

    engine: Engine
    _submit: Submit = field(default_factory=Submit)
    _facts: dict[str | None, Future[EngineFacts]] = field(default_factory=dict)
    _printed: list[tuple[BakeRequest, Future[object]]] = field(default_factory=list)

    def begin_facts(self, builder: str | None) -> None:
        """Look at the builder ahead."""
        self._facts[builder] = self._submit(lambda: self.engine.facts(builder))

    def begin_print(self, request: BakeRequest) -> None:
        """Read the bake file ahead."""
        printed = self._submit(lambda: self.engine.print_bake(request))
        self._printed.append((request, printed))

    def facts(self, builder: str | None) -> EngineFacts:
        """See ``ports.Engine``."""
        ahead = self._facts.pop(builder, None)
        return ahead.result() if ahead else self.engine.facts(builder)

    def nodes(self, builder: str | None) -> tuple[Node, ...]:
        """See ``ports.Engine``."""
        return self.engine.nodes(builder)

    def has_builder(self, name: str) -> bool:
        """See ``ports.Engine``."""
        return self.engine.has_builder(name)

    def boot(self, builder: str | None) -> EngineFacts:
        """See ``ports.Engine``."""
        return self.engine.boot(builder)

    def print_bake(self, request: BakeRequest) -> object:
        """See ``ports.Engine``."""
        for begun in self._printed:
            if begun[0] == request:
                self._printed.remove(begun)
                return begun[1].result()
        return self.engine.print_bake(request)

    def target_names(self, request: BakeRequest) -> tuple[str, ...]:
        """See ``ports.Engine``."""
        return self.engine.target_names(request)

    def bake(
        self, definition: Mapping[str, Any], *, builder: str | None, allow: Sequence[str]
    ) -> Generator[str, None, None]:
        """See ``ports.Engine``."""
        return self.engine.bake(definition, builder=builder, allow=allow)

    def drop_broken(self, builder: str | None) -> None:
        """See ``ports.Engine``."""
        self.engine.drop_broken(builder)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """See ``ports.Engine``."""
        return self.engine.metadata
