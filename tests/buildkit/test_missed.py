"""Which of the steps that ran a cache should have had."""

from __future__ import annotations

import pytest

from whalebuild.buildkit.events import Step, Transfer
from whalebuild.buildkit.missed import MissedSteps, missed_steps
from whalebuild.buildkit.progress import BuildState

NOTHING = MissedSteps()


def observe(state: BuildState, text: str) -> None:
    """One attempt: a line a step, ``ID (made from …) text``, with ``*`` where it was executed."""
    state.begin_attempt()
    for number, line in enumerate(filter(None, map(str.strip, text.splitlines()))):
        head, _, name = line.partition(")")
        digest, _, made_from = head.partition("(")
        ran, digest = digest.startswith("*"), digest.strip("* ")
        inputs, name = tuple(made_from.split()), name.strip()
        if inputs:
            name = f"[final {number}/9] {name}"
        state.apply(Step(digest, name, 1.0, 2.0, cached=not ran, error="", inputs=inputs))
        if "load" in name:
            state.apply(Transfer(digest, "transferring context:", 1, 1, done=True))


def missed(*attempts: str) -> MissedSteps:
    state = BuildState(["app"])
    for text in attempts:
        observe(state, text)
    return missed_steps(state, "app")


def after_files(*names: str) -> MissedSteps:
    return MissedSteps(after_files=frozenset(names))


def others(*names: str) -> MissedSteps:
    return MissedSteps(others=frozenset(names))


@pytest.mark.parametrize(
    "graph",
    [
        """
        *ctx () load build context
        *img () image
        v (img) RUN version
        *c (ctx) COPY --link app /app
        *l (v c) LINK COPY --link app /app
        """,
        """
        *ctx () load build context
        *img () image
        v (img) RUN version
        *c (v ctx) COPY app /app
        """,
        """
        *ctx () load build context
        *img () image
        v (img) RUN version
        *c (v ctx) COPY . /app
        *r (c) RUN collectstatic
        """,
        """
        *ctx () load build context
        *img () image
        *a (img ctx) COPY a /a
        *b (a ctx) COPY b /b
        """,
        """
        *ctx () load build context
        *img () image
        *m (img ctx) COPY manage.py /
        *a (m ctx) COPY app /app
        *r (a) RUN collectstatic
        """,
        """
        *ctx () load build context
        *img () image
        *a (ctx) COPY --link a /a
        *la (img a) LINK COPY --link a /a
        *b (ctx) COPY --link b /b
        *lb (la b) LINK COPY --link b /b
        """,
        """
        *ctx () load build context
        *img () image
        v (img) RUN version
        c (v ctx) COPY . /app
        r (c) RUN collectstatic
        """,
        "*img () image\nv (img) RUN version",
    ],
    ids=[
        "linked",
        "not linked",
        "a command after the code",
        "two copies on each other",
        "a command after all code",
        "two linked copies",
        "nothing ran",
        "no code",
    ],
)
def test_what_a_change_of_code_runs_is_not_missed(graph: str) -> None:
    assert missed(graph) == NOTHING


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (
            """
            *ctx () load build context
            *img () image
            *v (img) RUN version
            *c (ctx) COPY --link app /app
            *l (v c) LINK COPY --link app /app
            """,
            others("[final 2/9] RUN version"),
        ),
        (
            """
            *ctx () load build context
            *img () image
            *v (img) RUN version
            *c (v ctx) COPY app /app
            """,
            others("[final 2/9] RUN version"),
        ),
        (
            """
            *ctx () load build context
            *img () image
            *deps () image
            *v (img deps) COPY --from=dependencies /venv /venv
            *c (ctx) COPY --link app /app
            *l (v c) LINK COPY --link app /app
            """,
            others("[final 3/9] COPY --from=dependencies /venv /venv"),
        ),
        (
            """
            *img () image
            *w (img) WORKDIR /app
            """,
            others("[final 1/9] WORKDIR /app"),
        ),
        (
            """
            *ctx () load build context
            *node () image
            *img () image
            p (node ctx) COPY package.json /
            i (p) RUN npm ci
            *s (i ctx) COPY src /src
            *b (s) RUN npm run build
            *f (b) COPY --link --from=assets /dist /dist
            *lf (img f) LINK COPY --link --from=assets /dist /dist
            c (ctx) COPY --link app /app
            *lc (lf c) LINK COPY --link app /app
            """,
            after_files(
                "[final 5/9] COPY src /src",
                "[final 6/9] RUN npm run build",
                "[final 7/9] COPY --link --from=assets /dist /dist",
            ),
        ),
        (
            """
            *ctx () load build context
            *img () image
            *c (img ctx) COPY app /app
            *e (ctx) COPY --link entry /entry
            *l (c e) LINK COPY --link entry /entry
            """,
            after_files("[final 2/9] COPY app /app"),
        ),
        (
            """
            *ctx () load build context
            *img () image
            *c (img ctx) COPY . /app
            *r (c) RUN collectstatic
            *e (r ctx) COPY entry /entry
            """,
            after_files("[final 3/9] RUN collectstatic"),
        ),
        (
            """
            *ctx () load build context
            *img () image
            *v (img) RUN version
            *c (v ctx) COPY static /static
            *r (c) RUN compile
            *e (ctx) COPY --link app /app
            *l (r e) LINK COPY --link app /app
            """,
            MissedSteps(
                frozenset({"[final 3/9] COPY static /static", "[final 4/9] RUN compile"}),
                frozenset({"[final 2/9] RUN version"}),
            ),
        ),
    ],
    ids=[
        "a command before linked code",
        "a command before code",
        "a copy of the dependencies",
        "without code",
        "assets",
        "code below a linked copy",
        "a command after some of the code",
        "both",
    ],
)
def test_what_another_change_leaves_as_it_is_is_missed(graph: str, expected: MissedSteps) -> None:
    assert missed(graph) == expected


_TWO = """
    *ctx{n} () load build context
    *img () image
    {ran}c{n} (img ctx{n}) COPY . /app
    {ran}r{n} (c{n}) RUN collectstatic
    """


def test_a_further_attempt_has_steps_of_its_own() -> None:
    first, second = _TWO.format(n=1, ran="*"), _TWO.format(n=2, ran="")
    assert missed(first, second) == NOTHING


def test_steps_of_an_earlier_attempt_count() -> None:
    graph = "*img () image\n*v (img) RUN version"
    assert missed(graph, graph.replace("*v", "v")) == others("[final 1/9] RUN version")


def test_a_step_that_was_cut_off_did_not_run() -> None:
    state = BuildState(["app"])
    state.begin_attempt()
    step = Step("v", "[final 1/9] RUN x", 1.0, 2.0, cached=False, error="context canceled")
    state.apply(step)
    state.begin_attempt()
    assert missed_steps(state, "app") == NOTHING


def test_only_the_targets_own_steps_count() -> None:
    state = BuildState(["one", "two"])
    state.begin_attempt()
    for target in state.targets:
        name = f"[{target} final 1/9] RUN {target}"
        state.apply(Step(target, name, 1.0, 2.0, cached=False, error="", inputs=("img",)))
    assert missed_steps(state, "one") == others("[one final 1/9] RUN one")
