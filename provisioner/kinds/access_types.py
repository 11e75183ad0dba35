"""The types of `source_access_configuration`: which kinds have them, and which go together (docs/aws/kinds.md#fields)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from provisioner.model.sources import ALL, SELF_MANAGED, SourceKind

ACCESS_TYPES: Final = (
    "BASIC_AUTH",
    "VPC_SUBNET",
    "VPC_SECURITY_GROUP",
    "SASL_SCRAM_512_AUTH",
    "SASL_SCRAM_256_AUTH",
    "VIRTUAL_HOST",
    "CLIENT_CERTIFICATE_TLS_AUTH",
    "SERVER_ROOT_CA_CERTIFICATE",
    "OAUTHBEARER_AUTH",
    "OAUTHBEARER_SCOPE",
    "OAUTHBEARER_AUDIENCE",
    "OAUTHBEARER_LOGICAL_CLUSTER",
    "OAUTHBEARER_IDENTITY_POOL",
    "IAM_AUTH",
    "IAM_OAUTHBEARER_AUTH",
)
"""Every access type that is known. Of another one nothing is said here: AWS decides."""

WITHOUT_URI: Final = frozenset({"IAM_AUTH", "IAM_OAUTHBEARER_AUTH"})
OAUTH_PARTS: Final = ("OAUTHBEARER_SCOPE", "OAUTHBEARER_LOGICAL_CLUSTER", "OAUTHBEARER_IDENTITY_POOL")
AUDIENCE: Final = "OAUTHBEARER_AUDIENCE"
SECRETS: Final = frozenset(ACCESS_TYPES) - {
    *WITHOUT_URI,
    *OAUTH_PARTS,
    *(AUDIENCE, "VPC_SUBNET", "VPC_SECURITY_GROUP", "VIRTUAL_HOST"),
}
"""The types whose URI is the ARN of a secret."""
SIGN_IN: Final = (
    "BASIC_AUTH",
    "SASL_SCRAM_512_AUTH",
    "SASL_SCRAM_256_AUTH",
    "CLIENT_CERTIFICATE_TLS_AUTH",
    "OAUTHBEARER_AUTH",
    "IAM_AUTH",
    "IAM_OAUTHBEARER_AUTH",
)
OF_KIND: Final[Mapping[SourceKind, tuple[str, ...]]] = {
    SourceKind.MSK: ("SASL_SCRAM_512_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH"),
    SourceKind.MQ: ("BASIC_AUTH", "VIRTUAL_HOST"),
    SourceKind.DOCUMENTDB: ("BASIC_AUTH",),
    **dict.fromkeys(SELF_MANAGED, tuple(name for name in ACCESS_TYPES if name != "VIRTUAL_HOST")),
}
NEEDED_BESIDE: Final[Mapping[str, tuple[str, ...]]] = {
    "IAM_OAUTHBEARER_AUTH": (AUDIENCE,),
    AUDIENCE: ("OAUTHBEARER_AUTH", "IAM_OAUTHBEARER_AUTH"),
    **dict.fromkeys(OAUTH_PARTS, ("OAUTHBEARER_AUTH",)),
}
"""For each type the types of which one must be there as well."""


@dataclass(frozen=True, slots=True)
class Count:
    """How often a type may be in a list that is not empty: at least `least` times, and at most once."""

    type: str
    least: int
    kinds: frozenset[SourceKind]
    code: str
    sentence: str

    def message(self, kind: SourceKind | None) -> str:
        """What is said of a list in which the type is too often, or not at all; `kind` is the mapping's, where the
        sentence names it.
        """
        return self.sentence.format(kind=kind.phrase) if kind else self.sentence


COUNTS: Final = (
    Count(
        "BASIC_AUTH",
        1,
        frozenset({SourceKind.MQ, SourceKind.DOCUMENTDB}),
        "E212",
        "{kind} needs exactly one BASIC_AUTH",
    ),
    Count("VIRTUAL_HOST", 0, ALL, "E216", "a mapping can have only one VIRTUAL_HOST"),
)
