"""The cells of the fault table: what goes wrong, where, and what is to come of it.

A cell is data; ``fault_runs`` makes it happen, ``fault_page`` writes it down.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.integration.faults import (
    AnswerLost,
    Closed,
    Delay,
    Effect,
    Reset,
    Status,
    Truncated,
    WrongDigest,
    oci_error,
)

#: How many requests at its place a transient fault strikes. The engine sends one request up to five
#: times (containerd a look-up that gets 429, BuildKit a blob or manifest that it pushes about four
#: times), so that six are more than one of its requests survives; and whalebuild's own requests,
#: tried eight times, still end within the budget.
STRIKES = 6
CACHE = rb"buildkit\.cacheconfig"
#: How BuildKit's configuration of a cache begins, which is a blob beside the layers.
_CACHE_CONFIG = rb'^\{"layers":'


@dataclass(frozen=True)
class Where:
    """Requests by patterns of their method, path and body; some are let go first."""

    method: str
    path: str
    sends: bytes = b""
    skip: int = 0


@dataclass(frozen=True)
class Place:
    """Where something goes wrong.

    Attributes:
        requests: Those of whalebuild and of the engine that it runs; ``{name}`` in a path is filled
            in by the run, which knows digests and repositories.
        by_hand: Those of plain buildx, where they differ.
        also: More of them, where one pattern does not do.
        tokens: Whether it is on the way to the token server.
        code_alone: Whether the code alone has changed, so that the dependencies are reused.
        loses: What the bake may go without in a permanent cell: a cache. Empty: it has to stop.
    """

    name: str
    requests: Where
    by_hand: Where | None = None
    also: Where | None = None
    tokens: bool = False
    code_alone: bool = False
    loses: str = ""


UNUSED, NO_CACHE = "cache not used", "no new cache"
BASE_MANIFEST = Place("base manifest", Where("GET|HEAD", "/{base}/manifests/"))
BASE_LAYER = Place("base layer", Where("GET", "/{base}/blobs/{base_layer}"))
# The first one is whalebuild's own, when it plans.
PINNED = Place(
    "reused :deps, by digest",
    Where("HEAD|GET", "/{repository}/manifests/{deps_image}", skip=1),
    by_hand=Where("HEAD|GET", "/{repository}/manifests/cache$"),
    code_alone=True,
)
CACHE_INDEX = Place(
    "cache import: manifest, config",
    Where("GET|HEAD", "/{repository}/(manifests/({cache}|cache$)|blobs/{cache_config})"),
    loses=UNUSED,
)
CACHE_LAYER = Place(
    "cache import: layer", Where("GET", "/{repository}/blobs/{cache_layer}"), loses=UNUSED
)
UPLOAD = Place("blob upload", Where("POST|PATCH|PUT", "/{repository}/blobs/uploads/"))
IMAGE = Place(
    "image manifest PUT", Where("PUT", "/{repository}/manifests/", rb"oci\.image\.config\.v1")
)
CACHE_PUT = Place(
    "cache config, manifest PUT",
    Where("PUT|PATCH", "/{repository}/", b"|".join((CACHE, _CACHE_CONFIG))),
    loses=NO_CACHE,
)
_TAGS = "/{repository}/manifests/(deps|latest)$"
TAG = Place("tag PUT", Where("PUT", _TAGS, rb"dev\.whalebuild"), by_hand=Where("PUT", _TAGS))
# GET alone: before a push, the engine asks with HEAD for what is rightly not there yet.
READ_BACK = Place("read after push", Where("GET", "/{repository}/manifests/sha256:(?!{old})"))
# whalebuild asks for tokens with GET; the engine's client with a form, and with GET once that is
# refused.
_FORM = Where("POST", "/token", rb"{name}")
TOKEN = Place("token: whalebuild's own", Where("GET", "/token.*{name}"), _FORM, tokens=True)
PUSH_TOKEN = Place(
    "token: the engine's, to push",
    Where("POST", "/token", rb"{name}.*push"),
    also=Where("GET", "/token.*{name}.*push"),
    tokens=True,
)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong: for the first requests only, or always.

    Attributes:
        says: What whalebuild's message has to name, as a pattern, in a permanent cell.
        exits: The exit code of a permanent cell whose bake has to stop.
        tries: How often it may be tried: a login may have to be refreshed.
    """

    name: str
    effects: Effect | Sequence[Effect]
    passes: bool = True
    says: str = ""
    exits: int = 5
    tries: int = 1


def _no(name: str, status: int, code: str, message: str, says: str, tries: int = 1) -> Trouble:
    return Trouble(name, oci_error(status, code, message), passes=False, says=says, tries=tries)


S503 = Trouble("503", Status(503))
S500 = Trouble("500", Status(500))
S429 = Trouble(
    "429, Retry-After 1 s", oci_error(429, "TOOMANYREQUESTS", "slow down", Retry_After="1")
)
RATE_403 = Trouble("403 of a rate limit", oci_error(403, "DENIED", "API rate limit exceeded"))
RESET = Trouble("connection reset", Reset())
CLOSED = Trouble("closed, no answer", Closed())
MIDWAY = Trouble("reset amid what is sent", Reset(after=100))
CUT = Trouble("answer cut short", Truncated())
LOST = Trouble("done, answer lost", AnswerLost())
FALSE = Trouble("wrong content", WrongDigest())
SILENT = Trouble("silent for 3 s, closed", [Delay(3), Closed()])
SESSION = Trouble(
    "upload session lost", oci_error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown")
)
UNSEEN = Trouble(
    "blobs not seen yet", oci_error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
)
NOT_YET = Trouble("not found yet", oci_error(404, "MANIFEST_UNKNOWN", "manifest unknown"))

DENIED = _no("403 denied", 403, "DENIED", "requested access is denied", r"denied|403")
LOGIN = _no("401", 401, "UNAUTHORIZED", "authentication required", "(?i)unauthorized", tries=2)
TOO_LARGE = Trouble("413", Status(413, b""), passes=False, says="413")
NO_NAME = _no("404 name unknown", 404, "NAME_UNKNOWN", "repository name not known", "name|404")
INVALID = _no("400 manifest invalid", 400, "MANIFEST_INVALID", "manifest invalid", "invalid|400")
# Harbor's words: https://github.com/goharbor/harbor/issues/17390
_FULL = (
    "adding 29.0 MiB of storage resource, which when updated to current usage of 152.4 MiB "
    "will exceed the configured upper limit of 10.0 MiB."
)
QUOTA = _no("403 quota exceeded", 403, "DENIED", _FULL, "storage resource|403")
# Harbor again: https://github.com/goharbor/harbor/pull/9427
_IMMUTABLE = "Failed to process request due to 'web:latest' configured as immutable."
IMMUTABLE = _no("412 immutable tag", 412, "PRECONDITION", _IMMUTABLE, "immutable|412")
NOT_THERE = _no("404 manifest unknown", 404, "MANIFEST_UNKNOWN", "manifest unknown", "404")
GONE = _no("404 blob unknown", 404, "BLOB_UNKNOWN", "blob unknown to registry", "404|not found")


@dataclass(frozen=True)
class Cell:
    """One fault at one place.

    Attributes:
        remote: Through a builder that pushes by digest, instead of the engine itself.
    """

    place: Place
    trouble: Trouble
    remote: bool = False

    @property
    def title(self) -> str:
        """Where it is, for people."""
        return f"{self.place.name} (by digest)" if self.remote else self.place.name

    @property
    def id(self) -> str:
        """Its name, as pytest shows it."""
        words = f"{self.place.name} {self.trouble.name}{' remote' if self.remote else ''}"
        return "-".join(re.findall(r"[a-z0-9]+", words.lower()))


_READS = (S503, S429, RESET, CUT, FALSE)
_NOS = (DENIED, LOGIN, TOO_LARGE, QUOTA)
_GRID: tuple[tuple[Place, tuple[Trouble, ...]], ...] = (
    # A base image that is not there is the Dockerfile's mistake.
    (BASE_MANIFEST, (S503, S429, CLOSED, DENIED, replace(NO_NAME, exits=4, says="not found"))),
    (BASE_LAYER, (*_READS, SILENT, DENIED)),
    (PINNED, (S503, RESET, CLOSED, DENIED)),
    (CACHE_INDEX, (*_READS, DENIED, NOT_THERE)),
    (CACHE_LAYER, (*_READS, DENIED, GONE)),
    (
        UPLOAD,
        (S503, S429, RESET, MIDWAY, LOST, SESSION, RATE_403, SILENT, *_NOS),
    ),
    (
        IMAGE,
        (S503, S500, S429, RESET, CLOSED, LOST, UNSEEN, RATE_403, NO_NAME, INVALID, DENIED, LOGIN),
    ),
    (CACHE_PUT, (S503, S429, RESET, LOST, DENIED, TOO_LARGE, INVALID)),
    (TAG, (S503, S429, RESET, LOST, UNSEEN, RATE_403, SILENT, DENIED, LOGIN, INVALID, IMMUTABLE)),
    (READ_BACK, (NOT_YET,)),
    (TOKEN, (S503, S429, RESET, CUT, DENIED)),
    (PUSH_TOKEN, (S503, S429, CLOSED, LOGIN)),
)
_REMOTE = ((UPLOAD, RESET), (IMAGE, S503), (IMAGE, DENIED), (CACHE_PUT, DENIED))
CELLS = tuple(
    [Cell(place, trouble) for place, troubles in _GRID for trouble in troubles]
    + [
        Cell(place, trouble, remote=True)
        for place, trouble in (*_REMOTE, (TAG, S503), (TAG, DENIED))
    ]
)
#: For `make test`: one that passes, and one that does not.
QUICK = (Cell(IMAGE, S429), Cell(TAG, IMMUTABLE))
#: For `make test-all`: one of each other sort.
COMMON = (Cell(UPLOAD, SESSION), Cell(IMAGE, DENIED), Cell(CACHE_PUT, INVALID))
