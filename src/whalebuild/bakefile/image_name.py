"""Which target the setting ``image`` names: the bake file's one application without tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field

from whalebuild.bakefile.target import DEFAULT_GROUP, Target
from whalebuild.errors import UsageError
from whalebuild.oci.reference import Reference
from whalebuild.settings import Settings
from whalebuild.tags import APP_TAG
from whalebuild.values import dataclass

_USUAL_NAMES = ("app", DEFAULT_GROUP)
_FLAG = "--image"


@dataclass
class ImageNames:
    """Gives the setting's name to the target that it is meant for.

    Attributes:
        unnamed: The targets of the bake file without tags that may be applications.
        requested: Names of the targets that were asked for.
        chosen: Whether they were named on the command line, and are not the default group.
    """

    settings: Settings
    unnamed: Sequence[Target]
    requested: Sequence[str]
    chosen: bool
    _owner: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Find the target."""
        asked = [target.name for target in self.unnamed if target.name in self.requested]
        names = [target.name for target in self.unnamed]
        flag = self.settings.origin("image") == _FLAG
        if len(asked) == 1 and (flag or not self.chosen):
            self._owner = asked[0]
        elif len(names) == 1:
            self._owner = names[0]
        else:
            self._owner = next((name for name in _USUAL_NAMES if name in names), None)

    def name_of(self, target: Target) -> str | None:
        """The repository that a target without tags is published in; None if there is none.

        Raises:
            UsageError: It is not clear which target the setting is for.
        """
        image = self.settings.image
        if image is None or target not in self.unnamed:
            return None
        if self._owner is None:
            names = ", ".join(each.name for each in self.unnamed)
            raise UsageError(
                f'it is not clear which target is image "{image}" '
                f"({self.settings.origin('image')})",
                cause=f"several have no tags: {names}",
                next_step=f'write tags = ["{image}:{APP_TAG}"] in the one',
            )
        return image if target.name == self._owner else None

    def why_none(self, target: Target) -> str:
        """Why a target has no name to publish it under."""
        if self.settings.image and self._owner not in {None, target.name}:
            return f'it has no tag, and image is the name of "{self._owner}"'
        return "it has no tag"

    def check_used(
        self, targets: Iterable[Target], tags_of: Callable[[Target], tuple[Reference, ...]]
    ) -> None:
        """Refuse an image name that nothing would be published under: it would be a surprise.

        Raises:
            UsageError: All of these targets have tags, of other repositories.
        """
        image = self.settings.image
        tagged = [(target, tags_of(target)) for target in targets]
        if not image or not tagged or any(not tags for _, tags in tagged):
            return
        if any(tag.repository == image for _, tags in tagged for tag in tags):
            return
        target, tags = tagged[0]
        raise UsageError(
            f'image "{image}" ({self.settings.origin("image")}) would not be published',
            cause=f'the bake file has tags of its own: target "{target.name}" is {tags[0]}',
            next_step=f"use --set {target.name}.tags={image}:{APP_TAG}, or drop one of them",
        )
