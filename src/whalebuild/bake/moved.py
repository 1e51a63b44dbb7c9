"""Inputs behind addresses: is there still what the plan says, once everything is built?

What BuildKit fetched cannot be told from outside. It is what was there before the build and is
there after it; where that is not the same, the result records nothing that a later bake could take
for its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from whalebuild.bake.outcome import PushedImage
from whalebuild.bundle.lock import Lock
from whalebuild.inputs.values import Address
from whalebuild.plan.addresses import Addresses, moved
from whalebuild.plan.plan import AppPlan, DepsPlan
from whalebuild.plan.ports import Web
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.threads import Submit
from whalebuild.values import dataclass


@dataclass(frozen=True)
class MovedInputs:
    """Asks again for what images were made from.

    Attributes:
        warn: Takes one line.
    """

    web: Web | None
    retrier: Retrier
    warn: Callable[[str], None]

    def deps(self, plan: DepsPlan, pushed: PushedImage) -> DepsPlan:
        """The plan of dependencies that were built, with a lock that is true of them."""
        found = self._moved(plan.image.name, plan.addresses)
        if not found or not isinstance(plan.lock, Lock):
            return plan
        keys = [each.key for each in found]
        return replace(plan, lock=plan.lock.without(keys, pushed.images))

    def app(self, app: AppPlan, pushed: PushedImage) -> PushedImage:
        """An application that was built, and whether it was made from what its plan says."""
        return replace(pushed, steady=not self._moved(app.image.name, app.addresses))

    def _moved(self, name: str, told: Mapping[Address, str]) -> tuple[Address, ...]:
        found = moved(Addresses(self.web, self.retrier, Submit()), told) if told else ()
        for each in found:
            self.warn(
                f"what is behind {each.url} changed while {name} was built, or cannot be told any"
                " more: the next bake builds it again"
            )
        return found
