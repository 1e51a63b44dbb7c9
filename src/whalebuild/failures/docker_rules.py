"""The words of docker, buildx and BuildKit by which kinds of failure are told, in their order.

They are recorded messages; ``tests/failures/test_classify_docker.py`` has each with its source. A
failing RUN may print anything, so the build's own failures stand first. Patterns are compiled when
something has failed: what goes well needs none.
"""

from __future__ import annotations

from whalebuild.failures.failure import (
    CORRUPT,
    EXPIRED,
    LOST_UPLOAD,
    NO_PLATFORM,
    NOT_UTF8,
    RATE_LIMIT,
    FailureKind,
)

# What registries say when they refuse.
_NO = r"not known|not exist|not found|invalid|exceeded|unsupported|immutable|not allowed|too large"
# What a push begins its error with, of an image or of a cache.
_PUSH = r"(?:failed to push \S+|error writing (?:manifest|config|layer) blob)"
BUILD_RULES: tuple[tuple[FailureKind, str], ...] = (
    (FailureKind.BUILD, r'process ".*" did not complete successfully: [^\n]*'),
    (FailureKind.BUILD, NOT_UTF8),
    (FailureKind.DISK_FULL, r"no space left on device"),
    (
        FailureKind.USAGE,
        r"failed to read dockerfile|dockerfile parse error|Dockerfile:? no such file",
    ),
    (FailureKind.USAGE, r"target stage \S+ could not be found|failed to find target \S+"),
    (FailureKind.USAGE, r"couldn't find a bake definition|(?:no|invalid) bake (?:file|definition)"),
    (FailureKind.USAGE, r"additional privileges requested|requires --allow=|is not allowed; must"),
    (FailureKind.USAGE, r"invalid reference format|unable to prepare context"),
    (FailureKind.ENGINE, r"permission denied while trying to connect"),
    (FailureKind.ENGINE, r"unknown command: docker buildx|'buildx' is not a docker command"),
    # Without the plugin, docker itself stumbles over the first flag and shows its own usage.
    (FailureKind.ENGINE, r"Usage:\s+docker \[OPTIONS\] COMMAND"),
    (FailureKind.ENGINE, r"no builder \S+ found|failed to find driver"),
    (FailureKind.ENGINE, r"not supported for the docker driver|is not supported by the current"),
    (FailureKind.ENGINE_LOST, r"Cannot connect to the Docker daemon|error during connect"),
    (
        FailureKind.ENGINE_LOST,
        r"failed to connect to the docker API|Error while dialing: dial unix",
    ),
    (
        FailureKind.ENGINE_LOST,
        r"error reading from server(?:: EOF)?|transport is closing|graceful_stop",
    ),
    (FailureKind.ENGINE_LOST, r"code = Unavailable desc = [^\n]*|closing transport due to[^\n]*"),
    (FailureKind.ENGINE_LOST, r"stream terminated by RST_STREAM"),
    # All that the remote driver says when nobody answers.
    (FailureKind.ENGINE_LOST, r"(?<=\AERROR: )context deadline exceeded\Z"),
    # An engine that still cleans up after a build whose client was killed.
    (FailureKind.TRANSIENT, r"snapshot \S+ does not exist"),
    # Of 200 builds that are begun at once: the engine waits some seconds for the build whose status
    # is asked for (``Get`` in solver/jobs.go of BuildKit), and is too busy to begin it by then.
    (FailureKind.TRANSIENT, r"failed to receive status: [^\n]*no such job \S+"),
    (FailureKind.UNREACHABLE, r"x509: [^\n]*|server gave HTTP response to HTTPS client"),
    (FailureKind.UNREACHABLE, r"tls: (?!internal error|bad record MAC)[^\n]*"),
    (FailureKind.TRANSIENT, r"tls: internal error|tls: bad record MAC"),
    (FailureKind.TRANSIENT, RATE_LIMIT),
    (FailureKind.TRANSIENT, r"\b(?:408|425|500|502|503|504|520|521|522|523|524) (?-i:[A-Z])[\w ]+"),
    (FailureKind.TRANSIENT, r"unexpected status[^\n]*: (?:429|500|50[2-4]|52\d|530)\b"),
    # BuildKit leaves the status out where the registry says something of its own
    # (``util/errutil``), of a cache since 0.30. These are 500 and 503, with or without
    # distribution's words.
    (FailureKind.TRANSIENT, rf"{_PUSH}: (?:unknown|unavailable)$"),
    (FailureKind.TRANSIENT, r"(?<=: )(?:unknown: unknown error|unavailable: [^\n]*)"),
    (
        FailureKind.TRANSIENT,
        r"connection refused|connection reset by peer|broken pipe|on closed pipe",
    ),
    (FailureKind.TRANSIENT, r"i/o timeout|TLS handshake timeout|Client\.Timeout exceeded"),
    (FailureKind.TRANSIENT, r"context deadline exceeded|timeout awaiting response headers"),
    (FailureKind.TRANSIENT, r"connection timed out|maximum timeout reached|Failed to commit cache"),
    (
        FailureKind.TRANSIENT,
        r"no such host|Temporary failure in name resolution|server misbehaving",
    ),
    (FailureKind.TRANSIENT, r"unexpected EOF|\bEOF$|network is unreachable|no route to host"),
    (FailureKind.TRANSIENT, r"http2: [^\n]*|stream error: [^\n]*|use of closed network connection"),
    (FailureKind.TRANSIENT, r"cannot reuse body"),
    (FailureKind.TRANSIENT, CORRUPT),
    # Registries lose sight of a blob while another push of it ends (distribution before 78456caf):
    # https://github.com/docker/buildx/pull/3731
    (
        FailureKind.TRANSIENT,
        r"blob unknown to registry|provided digest did not match uploaded content",
    ),
    (FailureKind.TRANSIENT, rf"{LOST_UPLOAD}|invalid content range"),
    (FailureKind.TRANSIENT, r"from (?:PUT|PATCH) request to \S+/blobs/uploads?/\S*: 404 Not Found"),
    (FailureKind.CREDENTIAL, rf"{EXPIRED}|did not include a token"),
    (FailureKind.REFUSED, r"insufficient_scope[^\n]*|push access denied|pull access denied"),
    (FailureKind.REFUSED, r"no basic auth credentials"),
    (
        FailureKind.CREDENTIAL,
        rf"unauthorized: [^\n]*|\b401 Unauthorized|{_PUSH}: unauthorized$",
    ),
    (FailureKind.CREDENTIAL, r"failed to fetch \w+ token: (?:denied[^\n]*|unauthorized$)"),
    (FailureKind.REFUSED, r"denied: [^\n]*|\b403 Forbidden|\b405 Method Not Allowed"),
    (
        FailureKind.REFUSED,
        r"\b(?:406 Not Acceptable|415 Unsupported Media Type|501 Not Implemented)",
    ),
    (
        FailureKind.REFUSED,
        r"413 Request Entity Too Large|manifest invalid|name invalid|name unknown",
    ),
    (FailureKind.REFUSED, r"quota[^\n]*exceeded|tag [^\n]*immutable|\b400 Bad Request"),
    (FailureKind.REFUSED, rf"{_PUSH}: (?:denied|unsupported)$"),
    # A code that containerd does not know, with the registry's words, or one of a 500.
    (FailureKind.REFUSED, rf"(?<=: )unknown: [^\n]*(?:{_NO})"),
    # Of an image it may be a manifest that its index names, and that the registry does not see yet.
    (FailureKind.MISSING, r"(?<=error writing manifest blob: )unknown: manifest unknown"),
    (FailureKind.TRANSIENT, r"(?<=: )unknown: [^\n]+"),
    (FailureKind.GONE, r"could not fetch content descriptor \S+|\bblob (?:sha256:\S+ )?not found"),
    (FailureKind.BUILD, NO_PLATFORM),
    (
        FailureKind.BUILD,
        r"failed to compute cache key: [^\n]*not found|failed to calculate checksum",
    ),
    (
        FailureKind.BUILD,
        r"failed to resolve source metadata[^\n]*not found|exporter [^\n]*not found",
    ),
    (FailureKind.MISSING, r"404 Not Found|manifest unknown|(?<=: )not found\b"),
)
# Docker drops the status where the registry's answer has words of its own; these are
# distribution's (``registry/api/errcode/register.go``), the others are told by the rules above.
_SAID = "(?<=error from registry: )"
PULL_RULES = (
    (FailureKind.CREDENTIAL, rf"{_SAID}authentication required[^\n]*"),
    (FailureKind.REFUSED, rf"{_SAID}[^\n]*(?:denied|forbidden)[^\n]*"),
    (FailureKind.TRANSIENT, rf"{_SAID}(?:unknown error|service unavailable)[^\n]*"),
    # What only engines with a graph driver say.
    (FailureKind.TRANSIENT, r"error parsing HTTP (?:408|425|429|5\d\d) response body"),
    (FailureKind.REFUSED, r"error parsing HTTP 403 response body"),
    (FailureKind.TRANSIENT, r"(?:manifest|config|layer) verification failed for digest"),
    (FailureKind.GONE, r"(?<=: )unknown blob"),
)
