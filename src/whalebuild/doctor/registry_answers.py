"""What several checks of registries go by: which they are, and what each answered first."""

from __future__ import annotations

from functools import partial

from whalebuild.doctor.answers import Answers
from whalebuild.doctor.asking import Asked, Questions, in_time
from whalebuild.doctor.facts import Ping
from whalebuild.doctor.ports import RegistryQuestions
from whalebuild.doctor.subject import Subject, subject_of
from whalebuild.errors import WhalebuildError
from whalebuild.failures.failure import FailedError, Failure, may_not_exist_yet
from whalebuild.oci.reference import Reference
from whalebuild.plan.plan import Plan
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.settings import Settings
from whalebuild.tags import APP_TAG
from whalebuild.values import dataclass

#: Why something was not looked at.
UNREACHED = "the registry cannot be reached"
_NO_IMAGE = "no image is named: there is no project, and no --image"


@dataclass(frozen=True)
class RegistryAnswers:
    """What is known of the registries, as it comes."""

    answers: Answers
    settings: Settings
    questions: RegistryQuestions
    ask: Questions
    _subject: Asked[Subject]
    _pings: Asked[dict[str, Ping | Failure]]

    @property
    def subject(self) -> Subject:
        """Where images are published; nowhere where the project cannot be read."""
        found = self._subject.answer()
        return Subject() if isinstance(found, WhalebuildError) else found

    @property
    def pings(self) -> dict[str, Ping | Failure]:
        """What each registry answered first."""
        found = self._pings.answer()
        return {} if isinstance(found, WhalebuildError) else found

    @property
    def why_none(self) -> str:
        """Why there is no registry to ask."""
        if self.subject.repositories:
            return "the registries were not asked in time"
        plan = self.answers.plan.answer()
        failed = isinstance(plan, WhalebuildError)
        return "the project could not be read" if failed else _NO_IMAGE

    def there(self, registry: str) -> bool:
        """Whether a registry answers."""
        return isinstance(self.pings.get(registry), Ping)


def ask_registries(
    answers: Answers, settings: Settings, questions: RegistryQuestions, ask: Questions
) -> RegistryAnswers:
    """Ask each registry whether it is there, as soon as it is known which they are."""

    def about() -> Subject:
        plan = answers.plan.answer()
        known = plan if isinstance(plan, Plan) else None
        return subject_of(known, None if known else settings.image)

    subject = ask.ask("the project", about, parts=2)

    def ping_all() -> dict[str, Ping | Failure]:
        found = subject.answer()
        names = () if isinstance(found, WhalebuildError) else found.registries
        asked = {n: ask.ask_registry(n, partial(questions.ping, n)) for n in names}
        return {name: in_time(each.answer(), f"GET {name}/v2/") for name, each in asked.items()}

    return RegistryAnswers(
        *(answers, settings, questions, ask), subject, ask.ask("the registries", ping_all, parts=3)
    )


def read_tag(registry: RetryingRegistry, repository: Reference) -> str | None:
    """The digest of an application that is published in a repository; None for nothing.

    Raises:
        FailedError: It may not be read.
    """
    try:
        found = registry.head(repository.tagged(APP_TAG))
    except FailedError as failed:
        if may_not_exist_yet(failed.failure):
            return None
        raise
    return found.digest if found else None
