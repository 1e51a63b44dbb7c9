"""A patch changes no file of the image: generated Dockerfiles, before and after theirs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.rewrite.patching import applied, patch_of, written
from tests.rewrite.tree import Machine, Node

CONTEXT = {
    "requirements.txt": ("flask", 0o644),
    "run.sh": ("run", 0o644),
    "bin/a.sh": ("a", 0o644),
    "bin/b.sh": ("b", 0o755),
    "src/main.py": ("main", 0o644),
    "src/deep/part.py": ("part", 0o644),
}
BEFORE = ("RUN mkdir -p /app/var /data", "RUN useradd old", "COPY run.sh /app/")
FLAGS = ("", "", "--chown=1:1 ", "--chmod=750 ")
COPIES = (". .", ". /app", ". /app/", "src src", "src /app/src", "run.sh /", "run.sh bin/a.sh ./")
COPIES += ("bin /app/bin/", "requirements.txt /app/", "src /srv/x/src", "run.sh /app/start")
CHANGES = ("chmod +x run.sh", "chmod u+x /app/run.sh", "chmod 0750 bin/*.sh", "chmod +x /app/start")
CHANGES += ("chmod -R 755 /app", "chown -R 7:7 /app", "chown -R old /app", "chown -R new:new .")
CHANGES += ("chown 7:8 /run.sh", "useradd -m new", "mkdir -p /data/x", "chown -R new:new /data")
CHANGES += ("chown -R old:old /srv", "chmod a+rx bin/a.sh", "mkdir -p var", "chmod -R 700 src")
CHANGES += ("pip install -r requirements.txt", "pip install -r /app/requirements.txt")
OTHERS = ("ENV A=1", "EXPOSE 80", "WORKDIR /app", "WORKDIR /srv/x", "CMD x")

copies = st.builds(
    lambda flags, words: f"COPY {flags}{words}", *map(st.sampled_from, (FLAGS, COPIES))
)
runs = st.lists(st.sampled_from(CHANGES), min_size=1, max_size=2).map(
    lambda commands: f"RUN {' && '.join(commands)}"
)
steps = st.one_of(copies, runs, runs, st.sampled_from(OTHERS))


def tree_of(text: str) -> dict[str, Node] | None:
    """The image's files; None where the build fails."""
    try:
        return Machine(CONTEXT).run(text)
    except (AssertionError, KeyError):
        return None


@given(
    st.sampled_from((["WORKDIR /app"], ["WORKDIR /app"], [])),
    st.lists(st.sampled_from(BEFORE), max_size=3, unique=True),
    st.lists(copies, min_size=1, max_size=2),
    st.lists(steps, min_size=1, max_size=3),
)
def test_a_patched_dockerfile_makes_the_same_files(
    place: list[str], before: list[str], first: list[str], after: list[str]
) -> None:
    text = "\n".join(["FROM debian", *place, *before, *first, *after, ""])
    expected = tree_of(text)
    assume(expected is not None)
    tree = written({f"+{n}" if m == 0o755 else n: content for n, (content, m) in CONTEXT.items()})
    patch = patch_of(tree.root, text)
    if patch is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        result = applied(patch, text, Path(folder))
    assert tree_of(result) == expected, result
