"""Flags of ``docker buildx`` that are said of every target: the values of ``--set`` that they are.

``bake`` of buildx has ``--push``, ``--sbom``, ``--provenance`` and ``--call``, and makes overrides
of them itself (``runBake`` in ``commands/bake.go``); the others are those of its ``build``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from whalebuild.values import dataclass

# What Go's `strconv.ParseBool` takes.
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
#: A call that is none: the build itself.
_NO_CALL = "build"
_SECRETS = "*.secrets+="


@dataclass(frozen=True)
class BuildFlags:
    """Flags as they were written.

    Attributes:
        sbom: A switch, or parameters such as ``generator=IMAGE``.
        provenance: A switch, or parameters such as ``mode=max``.
        attest: As ``type=sbom,generator=IMAGE``.
        annotation: As ``index:KEY=VALUE``; the level may be left out.
        label: As ``KEY=VALUE``.
        secret: As ``id=NAME,src=FILE`` or ``id=NAME,env=VARIABLE``.
        ssh: As ``default`` or ``NAME=SOCKET``.
        call: What a Dockerfile is asked for in place of a build, with its parameters.
    """

    push: bool = False
    sbom: str | None = None
    provenance: str | None = None
    attest: Sequence[str] = ()
    annotation: Sequence[str] = ()
    label: Sequence[str] = ()
    secret: Sequence[str] = ()
    ssh: Sequence[str] = ()
    call: str | None = None

    @property
    def method(self) -> str | None:
        """What the Dockerfile is asked for; None where it is built."""
        name = call_name(self.call or _NO_CALL)
        return None if name == _NO_CALL else name

    @property
    def overrides(self) -> tuple[str, ...]:
        """The values of ``--set``: secrets and keys are added to those of the bake file."""
        attests = [*self.attest]
        attests += [attest_parameters("sbom", self.sbom)] if self.sbom else []
        attests += [attest_parameters("provenance", self.provenance)] if self.provenance else []
        return (
            *(["*.push=true"] if self.push else []),
            *(f"*.attest={each}" for each in attests),
            *(f"*.annotations={each}" for each in self.annotation),
            *(f"*.labels.{each}" if "=" in each else f"*.labels.{each}=" for each in self.label),
            *(f"{_SECRETS}{each}" for each in self.secret),
            *(f"*.ssh+={each}" for each in self.ssh),
            *([f"*.call={self.method}"] if self.method else []),
        )


def attest_parameters(kind: str, given: str) -> str:
    """What ``--sbom`` or ``--provenance`` is as a value of ``attest`` (``CanonicalizeAttest``)."""
    if given in _TRUE | _FALSE:
        return f"type={kind},disabled={'false' if given in _TRUE else 'true'}"
    return f"type={kind},{given}"


def call_name(given: str) -> str:
    """What ``--call`` asks for, without its parameters: ``outline`` of ``outline,format=json``.

    ``lint`` is another name of ``check`` (``ParseCallFunc`` in ``util/buildflags/callfunc.go``).
    """
    names = [field for field in given.split(",") if field and "=" not in field]
    return {"lint": "check"}.get(names[0], names[0]) if names else _NO_CALL


def names_secret(words: str, overrides: Iterable[str]) -> bool:
    """Whether buildx's words are about a value of ``--secret`` rather than about the bake file.

    It says that it "failed to stat" a file, or of a field that it is none
    (``UnmarshalText`` in ``util/buildflags/secrets.go``).

    Args:
        words: What buildx said.
        overrides: The values of ``--set``, among them those of ``--secret``.
    """
    given = [each.removeprefix(_SECRETS) for each in overrides if each.startswith(_SECRETS)]
    fields = {field.strip() for secret in given for field in secret.split(",")}
    files = {field.partition("=")[2] for field in fields} - {""}
    return any(f"'{field}'" in words for field in fields if field) or any(
        f"failed to stat {file}:" in words for file in files
    )
