"""What a manifest may name: a pull request can change endpoint, role and the state's location, and the credentials that
plan it are not its author's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from provisioner.aws.session import is_aws_host, is_loopback
from provisioner.errors import ProvisionerError
from provisioner.manifest.load import Loaded
from provisioner.model.manifest import Manifest

ENDPOINTS, ROLES, STATES = "PROVISIONER_ALLOWED_ENDPOINTS", "PROVISIONER_ALLOWED_ROLES", "PROVISIONER_ALLOWED_STATES"
"""Variables with globs, separated by commas."""


def refuse_what_is_not_allowed(manifest: Manifest, loaded: Loaded | None) -> None:
    """Raise ProvisionerError when the manifest names an endpoint, role or state location that is not allowed here. Called
    before any client is made. What the environment itself names, such as AWS_ENDPOINT_URL, is the operator's own.
    """
    provider = manifest.provider
    url = provider.endpoint_url
    # Without the variable, only this machine and AWS: elsewhere, signed requests and session tokens would be readable.
    # Only plain URLs count: parsers disagree about the host of one with a user or a backslash.
    is_plain = re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+/?", url) is not None
    is_known = is_loopback(url) or (url.startswith("https:") and is_aws_host(url))
    if url and not (is_plain and is_known):
        _require(ENDPOINTS, url, "the endpoint", loaded, ("provider", "endpoint_url"), needs_variable=True)
    if provider.assume_role:
        _require(ROLES, provider.assume_role.role_arn, "the role", loaded, ("provider", "assume_role", "role_arn"))
    if manifest.state_stated:
        _require(STATES, manifest.state_stated, "the state's location", loaded, ("state",))


def _require(
    variable: str, value: str, what: str, loaded: Loaded | None, path: Iterable[str], *, needs_variable: bool = False
) -> None:
    allowed = os.environ.get(variable)
    if allowed is None and not needs_variable:
        return
    if any(fnmatchcase(value, glob.strip()) for glob in (allowed or "").split(",")):
        return
    at = f"{loaded.root.at(tuple(path)).place()}: " if loaded else ""
    known = f"allowed by {variable}" if allowed is not None else "on this machine or an endpoint of AWS"
    hint = f"if it is meant, the operator can allow it: {variable} has globs, separated by commas"
    raise ProvisionerError(f"{at}{what} {value} is not {known}", hint=hint)
