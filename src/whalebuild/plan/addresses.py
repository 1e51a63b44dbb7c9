"""Asks servers what is behind addresses that no checksum pins: URLs and git references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import field
from functools import partial

from whalebuild.failures.failure import FailedError
from whalebuild.inputs.values import Address
from whalebuild.plan.ports import Web
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.threads import Submit
from whalebuild.values import dataclass


@dataclass
class Addresses:
    """Addresses, asked for side by side; each once.

    Attributes:
        web: What asks; None where nobody is to be asked.
    """

    web: Web | None
    retrier: Retrier
    submit: Submit
    _found: dict[str, Future[str]] = field(default_factory=dict)

    def identities(self, addresses: Iterable[Address], known: Mapping[str, str]) -> dict[str, str]:
        """What is behind addresses now, by ``Address.key``.

        Those of which that cannot be found out are left out.

        Args:
            addresses: The addresses.
            known: What was behind them, by the same.
        """
        wanted = list(addresses)
        for each in wanted:
            if each.url not in self._found:
                asked = partial(self._ask, each.url, known.get(each.key, ""))
                self._found[each.url] = self.submit(asked)
        found = {each.key: self._found[each.url].result() for each in wanted}
        return {key: identity for key, identity in found.items() if identity}

    def _ask(self, url: str, known: str) -> str:
        web = self.web
        if web is None:
            return ""
        try:
            host = url.split("/")[2]
            return self.retrier.call(
                f"asking for {url}", lambda: web.identity(url, known), registry=host
            )
        except FailedError:
            return ""


def moved(addresses: Addresses, told: Mapping[Address, str]) -> tuple[Address, ...]:
    """Addresses behind which there is something else by now, or nobody knows what."""
    now = addresses.identities(told, {each.key: identity for each, identity in told.items()})
    return tuple(each for each, identity in told.items() if now.get(each.key) != identity)
