"""What the doctor is asked about: a project, an image alone, or only this machine."""

from __future__ import annotations

from collections.abc import Iterable

from whalebuild.bakefile.pair_names import PairNames, names_of_image
from whalebuild.oci.reference import Reference, parse_reference
from whalebuild.plan.plan import Plan
from whalebuild.values import dataclass


@dataclass(frozen=True)
class Subject:
    """Where images are published.

    Attributes:
        pairs: Those whose state is looked at.
        repositories: All that is pushed to, by the repository's name.
    """

    pairs: tuple[PairNames, ...] = ()
    repositories: tuple[Reference, ...] = ()

    @property
    def registries(self) -> tuple[str, ...]:
        """The registries, each once."""
        return tuple(dict.fromkeys(each.registry for each in self.repositories))


def subject_of(plan: Plan | None, image: str | None) -> Subject:
    """What a plan publishes; without one, the image that the settings name.

    Args:
        plan: None where there is no project.
        image: The setting.
    """
    if plan is None:
        pair = names_of_image(parse_reference(image, where="image")) if image else None
        return Subject((pair,), _repositories(pair.references)) if pair else Subject()
    pairs = []
    for app in plan.apps:
        deps = plan.deps_of(app).image.references
        pairs.append(PairNames(deps[:1], app.image.references[0]))
    used = {app.image.deps for app in plan.apps}
    alone = [each.image for each in plan.deps if each.image.name not in used]
    pairs += [PairNames(image.references[:1], None) for image in alone]
    pushed = [ref for image in plan.images for ref in image.references]
    pushed += [ref for other in plan.others for ref in other.references]
    return Subject(tuple(dict.fromkeys(pairs)), _repositories(pushed))


def _repositories(references: Iterable[Reference]) -> tuple[Reference, ...]:
    return tuple({ref.repository: Reference(ref.repository) for ref in references}.values())
