"""The external image at the bottom of a stage: its layers are the lowest of what is built on it."""

from __future__ import annotations

from collections.abc import Mapping

from whalebuild.appbase.stages import Stages
from whalebuild.errors import UsageError
from whalebuild.inputs.values import AnalysisError
from whalebuild.oci.reference import Reference, familiar, parse_reference
from whalebuild.plan.pins import pinned_image
from whalebuild.plan.read_inputs import StageReading


def root_image(reading: StageReading, contexts: Mapping[str, str]) -> Reference | None:
    """The image that the chain of a target's stage begins with, by digest.

    None where that is not known, or where it begins with something else.

    Args:
        reading: What was read of the target.
        contexts: The named contexts that pin external images.
    """
    dockerfile, name = reading.dockerfile, reading.target.stage
    final = dockerfile.stage(name) if name else dockerfile.stages[-1]
    if final is None:
        return None
    try:
        _, base = Stages(dockerfile, reading.build, final.name or "").chain(final)
        given = contexts.get(familiar(base)) or reading.target.contexts.get(familiar(base))
        text = pinned_image(given) if given else base
        reference = parse_reference(text, where="FROM") if text else None
    except (AnalysisError, UsageError):
        return None
    return reference if reference and reference.digest else None
