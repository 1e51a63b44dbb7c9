"""A mixture of everything that passes: each request may meet one of it, by seeded chance."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tests.integration.faults import (
    AnswerLost,
    Closed,
    Delay,
    Effect,
    Fault,
    Reset,
    Truncated,
    WrongDigest,
    oci_error,
)

SHARE = 0.15
_ANYWHERE: dict[str, Effect] = {
    "500": oci_error(500, "UNKNOWN"),
    "502": oci_error(502, "UNKNOWN"),
    "503": oci_error(503, "UNAVAILABLE"),
    "504": oci_error(504, "UNKNOWN"),
    "429 with Retry-After": oci_error(429, "TOOMANYREQUESTS", "slow down", Retry_After="1"),
    "connection reset": Reset(),
    "closed without an answer": Closed(),
    "answer lost": AnswerLost(),
    "half a second late": Delay(0.5),
}
# A HEAD's answer has no body, so it cannot say that a 403 is a rate limit.
_WITH_WORDS: dict[str, Effect] = {
    "403 with a rate limit": oci_error(403, "DENIED", "API rate limit exceeded, retry later")
}
_WITH_ANSWER: dict[str, Effect] = {
    "answer truncated": Truncated(),
    "wrong content": WrongDigest(),
}
_WITH_BODY: dict[str, Effect] = {"reset amid the body": Reset(after=400)}
_UPLOAD: dict[str, Effect] = {"upload forgotten": oci_error(404, "BLOB_UPLOAD_UNKNOWN")}
# Each request is of one sort: the first that it fits.
_SORTS: tuple[tuple[str, str, dict[str, Effect]], ...] = (
    ("HEAD", "", _ANYWHERE),
    ("GET", r"/(?:manifests|blobs)/", _ANYWHERE | _WITH_WORDS | _WITH_ANSWER),
    ("PATCH|PUT", r"/blobs/uploads/", _ANYWHERE | _WITH_WORDS | _WITH_BODY | _UPLOAD),
    ("PUT", r"/manifests/", _ANYWHERE | _WITH_WORDS | _WITH_BODY),
    ("POST", r"/v2/", _ANYWHERE | _WITH_WORDS),
    ("GET|DELETE", r"/v2/(?!.*/(?:manifests|blobs)/)", _ANYWHERE | _WITH_WORDS),
    ("DELETE", r"/manifests/", _ANYWHERE | _WITH_WORDS),
    ("GET|POST", r"/token", _ANYWHERE | {"answer truncated": Truncated()}),
)


@dataclass
class Chaos:
    """The faults of a run, and what each one is called."""

    faults: list[Fault]
    names: dict[int, str]

    @classmethod
    def of(cls, seed: int, share: float = SHARE) -> Chaos:
        """Each request meets one with this probability, each kind that fits it as likely."""
        chaos = cls([], {})
        for method, path, kinds in _SORTS:
            each = share / len(kinds)
            for before, (name, effect) in enumerate(kinds.items()):
                # Those before it did not strike.
                chance = each / (1 - before * each)
                fault = Fault(method, path, effect, probability=chance, seed=seed)
                chaos.faults.append(fault)
                chaos.names[id(fault)] = name
        return chaos

    def hits(self) -> Counter[str]:
        """How often each kind struck."""
        found: Counter[str] = Counter()
        for fault in self.faults:
            found[self.names[id(fault)]] += fault.hits
        return +found
