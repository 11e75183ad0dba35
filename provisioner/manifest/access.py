"""Rules about access to the source: secrets, networks and virtual hosts (docs/aws/kinds.md#fields)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from provisioner.kinds.access_types import (
    ACCESS_TYPES,
    AUDIENCE,
    COUNTS,
    NEEDED_BESIDE,
    OAUTH_PARTS,
    OF_KIND,
    SECRETS,
    SIGN_IN,
    WITHOUT_URI,
)
from provisioner.kinds.tables import fields_of
from provisioner.manifest.finding import Finding
from provisioner.model.references import Arn
from provisioner.model.sources import KAFKAS, SELF_MANAGED, SourceKind


def access_findings(raw: Mapping[str, Any], kind: SourceKind) -> Iterator[Finding]:
    """Findings about `source_access_configuration`: which types a kind has, and which go together."""
    name = "source_access_configuration"
    items, path = raw.get(name), (name,)
    if not items or kind not in fields_of(kind)[name].row.kinds:
        return
    types = [item.get("type", "") for item in items]
    for index, item in enumerate(items):
        yield from _access_item(item, kind, (*path, index), types)
    for count in COUNTS:
        if kind in count.kinds and not count.least <= types.count(count.type) <= 1:
            yield Finding(count.code, path, count.message(kind))
    ways = [word for word in SIGN_IN if word in types]
    if kind in KAFKAS and len(ways) > 1:
        yield Finding("W206", path, f"more than one authentication method: {' and '.join(ways)}", "keep one of them")
    if ("VPC_SUBNET" in types) != ("VPC_SECURITY_GROUP" in types) and kind in SELF_MANAGED:
        there, other = sorted(("VPC_SUBNET", "VPC_SECURITY_GROUP"), key=lambda word: word not in types)
        yield Finding("W205", path, f"{there} needs {other} as well", f"add an entry of type {other}")


def _access_item(
    item: Mapping[str, Any], kind: SourceKind, path: tuple[str | int, ...], types: Collection[str]
) -> Iterator[Finding]:
    word, uri = item.get("type"), item.get("uri")
    if word not in ACCESS_TYPES:
        return  # unknown here: a warning, and AWS decides
    if word not in OF_KIND[kind]:
        hint = f"supported types: {', '.join(OF_KIND[kind])}"
        yield Finding("E213", (*path, "type"), f"{kind.phrase} does not support the access type {word}", hint)
        return
    if word in WITHOUT_URI and uri:
        yield Finding(
            "E214", (*path, "uri"), f"{word} takes no uri: it authenticates with the function's role", "remove uri"
        )
    elif word not in WITHOUT_URI and not uri:
        yield Finding("E214", path, f"{word} needs a uri", _uri_hint(word))
    if uri and word in SECRETS:
        yield from _secret(word, uri, kind, (*path, "uri"))
    if word in OAUTH_PARTS and "IAM_OAUTHBEARER_AUTH" in types:
        yield Finding("E215", (*path, "type"), f"{word} cannot be combined with IAM_OAUTHBEARER_AUTH", f"remove {word}")
        return
    if word in NEEDED_BESIDE and not set(NEEDED_BESIDE[word]) & set(types):
        wanted = " or ".join(NEEDED_BESIDE[word])
        yield Finding("E215", (*path, "type"), f"{word} needs {wanted}", f"add an entry of type {wanted}")


def _secret(word: str, uri: str, kind: SourceKind, path: tuple[str | int, ...]) -> Iterator[Finding]:
    """A secret is named by its ARN; MSK takes SCRAM secrets of one prefix only (MSK's guide, "Sign-in credentials")."""
    arn = Arn.parse(uri)
    if arn is None:
        name = uri if re.fullmatch(r"[\w/+=.@-]+", uri) else "NAME"
        hint = f"use the ARN of the secret, for example arn:aws:secretsmanager:REGION:ACCOUNT:secret:{name}"
        yield Finding("E223", path, f"{word} needs the ARN of a secret; {uri!r} is not an ARN", hint)
    elif arn.service != "secretsmanager":
        hint = "store the credentials in Secrets Manager, and use the ARN of that secret"
        yield Finding("W221", path, f"{word} needs a Secrets Manager secret; this is an ARN of {arn.service}", hint)
    elif kind is SourceKind.MSK and word.startswith("SASL_SCRAM") and not arn.resource.startswith("secret:AmazonMSK_"):
        name = arn.resource.removeprefix("secret:")
        yield Finding("W221", path, f"the secret name {name!r} does not start with AmazonMSK_, which MSK requires")


def _uri_hint(word: str) -> str:
    if word.startswith("VPC_"):
        return "write subnet:subnet-…" if word == "VPC_SUBNET" else "write security_group:sg-…"
    if word == "VIRTUAL_HOST":
        return "set uri to the virtual host, for example /"
    if word == AUDIENCE or word in OAUTH_PARTS:
        return "set uri to the value itself"
    return "set uri to the ARN of a Secrets Manager secret"


def secret_findings(raw: Mapping[str, Any], region: str) -> Iterator[Finding]:
    """Secrets are in the function's region (docs/aws/kinds.md#documented-rules)."""
    items = raw.get("source_access_configuration")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        arn = Arn.parse(item.get("uri")) if isinstance(item, dict) else None
        if arn and arn.service == "secretsmanager" and region and arn.region != region:
            path = ("source_access_configuration", index, "uri")
            yield Finding("W211", path, f"the secret is in {arn.region}, the mapping in {region}")
