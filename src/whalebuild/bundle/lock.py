"""The lock of a dependencies image: its inputs, kept in the annotations of its index.

The *deps key* is a hash over every input of the stage, one for each platform: the same key means
that BuildKit would build the same from the same inputs. A lock also has short digests of the
inputs by name, so that a plan can say which input has changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace

from whalebuild.bundle.lock_grouping import group_files
from whalebuild.inputs.values import (
    Address,
    Closure,
    ContextFiles,
    NamedContext,
    StageInputs,
    Undetermined,
)
from whalebuild.values import dataclass

SCHEME = 1
# Hex digits of digests by name, which only show whether an input changed; keys are complete.
_SHORT, _LONG = 16, 64
# The name of a stage's instructions among the facts.
STAGE = "Dockerfile: stage "
_MISSING = "is missing"
_LOGIN = re.compile(r"(?<=://)[^/?#]*@")

ByName = Mapping[str, str]
ByPlatform = Mapping[str, ByName]


@dataclass(frozen=True)
class Lock:
    """The inputs of a stage.

    Attributes:
        keys: The deps key of each platform.
        facts: For each platform, short digests of inputs that are no files, by name.
        files: For each platform, ``digest:mode`` of the files that are read, by name.
        bases: For each platform, digests of the base images, by ``BaseImage.key``, and what is
            behind addresses that nothing pins, by ``Address.key``.
        grouping: How coarsely files are grouped, see ``bundle.lock_grouping``; 0 is not at all.
        scheme: The version of this format.
    """

    keys: ByName
    facts: ByPlatform = field(default_factory=dict)
    files: ByPlatform = field(default_factory=dict)
    bases: ByPlatform = field(default_factory=dict)
    grouping: int = 0
    scheme: int = SCHEME

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that the image is for."""
        return tuple(self.keys)

    @property
    def key(self) -> str:
        """One key for all platforms."""
        return _digest([self.scheme, sorted(self.keys.items())])

    def without(self, pins: Collection[str], platforms: Collection[str]) -> Lock:
        """The lock of images that were made from something else than it says: they fit no inputs.

        Args:
            pins: Names in ``bases`` of what that is about.
            platforms: Those of the images.
        """
        keys = {p: "" if p in platforms else key for p, key in self.keys.items()}
        bases = {
            platform: {name: told for name, told in table.items() if name not in pins}
            for platform, table in self.bases.items()
        }
        return replace(self, keys=keys, bases=bases)

    def grouped(self, grouping: int) -> Lock:
        """The lock with its files grouped at least this coarsely."""
        if grouping <= self.grouping:
            return self
        files = {platform: group_files(names, grouping) for platform, names in self.files.items()}
        return Lock(self.keys, self.facts, files, self.bases, grouping, self.scheme)


@dataclass(frozen=True)
class Change:
    """One input that differs.

    Attributes:
        name: The input.
        what: ``changed``, ``added``, ``removed``, ``moved`` (a base image) or ``is missing`` (a
            platform).
        before: Its short digest in the old lock; None where that does not have it.
        after: Its short digest in the new one.
        file: Whether it is a file or a group of files.
    """

    name: str
    what: str
    before: str | None = None
    after: str | None = None
    file: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.what}"


def make_lock(
    inputs: StageInputs,
    files: ContextFiles,
    *,
    pins: ByPlatform | None = None,
    targets: ByName | None = None,
) -> Lock | Undetermined:
    """Compute the lock of a stage.

    Args:
        inputs: What the stage is made from.
        files: The files that it reads.
        pins: Digests of its base images, as ``Lock.bases`` has them: those of the published lock to
            keep them, those of the registry to follow it. An image without one counts by its
            reference alone.
        targets: For named contexts that are other bake targets, the keys of those by name.

    Returns:
        The lock; or why it cannot be determined, where a target's key is missing.
    """
    keys, facts, listed, bases = {}, {}, {}, {}
    for closure in inputs.closures:
        unknown = [c for c in closure.contexts if c.target and c.target not in (targets or {})]
        if unknown:
            return Undetermined(f"what target {unknown[0].target} is made from is not known")
        platform = closure.platform
        digests = _image_digests(closure, (pins or {}).get(platform, {}))
        known = _facts(closure, digests, targets or {})
        content = _fingerprints(closure, files)
        keys[platform] = _digest([SCHEME, platform, sorted(known.items()), sorted(content.items())])
        facts[platform] = {name: digest[:_SHORT] for name, digest in known.items()}
        listed[platform] = {name: _short(each) for name, each in content.items()}
        bases[platform] = {name: digest for name, digest in digests.items() if digest}
    return Lock(keys, facts, listed, bases)


def compare(old: Lock, new: Lock) -> tuple[Change, ...]:
    """Say what differs between a published lock and the one of the inputs now.

    Platforms that only the published one has are no difference: all wanted ones are there.

    Returns:
        The changes; none where the published image can be used.
    """
    changes = [Change(f"platform {p}", _MISSING) for p in new.keys if p not in old.keys]
    differing = [p for p in new.keys if p in old.keys and old.keys[p] != new.keys[p]]
    grouping = max(old.grouping, new.grouping)
    before, after = old.grouped(grouping), new.grouped(grouping)
    for platform in differing:
        changes += _compare(before.facts, after.facts, platform, file=False)
        changes += _compare(before.files, after.files, platform, file=True)
    if differing and all(change.what == _MISSING for change in changes):
        changes.append(Change("an input", "changed"))
    return tuple(dict.fromkeys(changes))


def _compare(old: ByPlatform, new: ByPlatform, platform: str, *, file: bool) -> Iterable[Change]:
    before, after = old.get(platform, {}), new.get(platform, {})
    for name in dict.fromkeys([*after, *before]):
        pair = before.get(name), after.get(name)
        if pair[0] != pair[1]:
            yield Change(name, _what(name, *pair, file=file), *pair, file=file)


def _what(name: str, before: str | None, after: str | None, *, file: bool) -> str:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    if file:
        content, _, mode = before.partition(":")
        same, _, other = after.partition(":")
        if content == same and mode and other:
            return f"has another mode ({mode} → {other})"
    return "moved" if name.startswith("base ") and not file else "changed"


def _image_digests(closure: Closure, pins: ByName) -> dict[str, str]:
    digests = {image.key: image.digest or pins.get(image.key, "") for image in closure.images}
    return digests | {each.key: pins.get(each.key, "") for each in closure.addresses}


def _facts(closure: Closure, digests: ByName, targets: ByName) -> dict[str, str]:
    """Full digests by name. No name depends on a position in the Dockerfile."""
    facts = {f"{STAGE}{part.label}": _digest(part.canonical) for part in closure.stages}
    facts |= {f"arg {name}": _digest(value) for name, value in closure.args}
    facts |= {f"base {base.key}": _digest([base.key, digests[base.key]]) for base in closure.bases}
    for context in closure.contexts:
        facts[f"context {context.name}"] = _digest(_context_value(context, digests, targets))
    for remote in closure.remotes:
        checksum = remote.checksum or digests[Address(remote.url).key]
        url = without_login(remote.url)
        facts[f"ADD {url}"] = _digest([url, checksum])
    facts |= {f"secret {name}": _digest(name) for name in closure.secrets}
    facts |= {f"cache mount {name}": _digest(name) for name in closure.caches}
    facts |= {name: _digest(value) for name, value in closure.attributes}
    if closure.syntax:
        facts["the syntax directive"] = _digest(closure.syntax)
    return facts


def _context_value(context: NamedContext, digests: ByName, targets: ByName) -> object:
    if context.target:
        return ["target", targets[context.target]]
    if context.image:
        return ["image", context.image, digests[context.image]]
    if Address(context.value).key in digests:
        return [context.value, digests[Address(context.value).key]]
    return "folder" if context.folder is not None else without_login(context.value)


def _fingerprints(closure: Closure, files: ContextFiles) -> dict[str, str]:
    """Of the files that a closure reads, by name."""
    reads = set(closure.reads)
    found = (pair for read, pairs in files.fingerprints if read in reads for pair in pairs)
    return dict(list(dict.fromkeys(found)))


def without_login(url: str) -> str:
    """A URL without the user and the password that it may have."""
    return _LOGIN.sub("", url, count=1)


def _short(fingerprint: str) -> str:
    return fingerprint[:_SHORT] + fingerprint[_LONG:]


def _digest(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
