"""A service as it is tried out: nothing finds it, and no proxy routes to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from whalebuild.compose.containers import TRIAL_LABEL
from whalebuild.compose.model import Model

#: What a trial is labelled with. Traefik would route to a container without any label of its own:
#: by ``exposedByDefault``, under the name that compose's labels give it.
_LABELS = (f"{TRIAL_LABEL}=1", "traefik.enable=false")
#: Flags of ``docker compose run``.
TRIAL_FLAGS = tuple(word for label in _LABELS for word in ("--label", label))

# docker makes a name in the service's networks of the first; proxies and registrators read the
# labels, and compose has put those of the label file among them.
_FOUND_BY = frozenset({"hostname", "labels", "label_file"})
# nginx-proxy and its companion route to containers by variables.
_ROUTED_BY = ("VIRTUAL_", "LETSENCRYPT_")


def as_trial(model: Model, service: str) -> Model:
    """The project with a service that nothing finds."""
    services = dict(model.raw.get("services") or {})
    kept = {k: v for k, v in services[service].items() if k not in _FOUND_BY}
    if isinstance(kept.get("environment"), Mapping):
        kept["environment"] = _not_routed(kept["environment"])
    services[service] = kept
    return replace(model, raw={**model.raw, "services": services})


def _not_routed(environment: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in environment.items() if not k.startswith(_ROUTED_BY)}
