"""The environment's region, and the flags of the command line, for commands that are printed to the user."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

_flags: list[str] = []  # of the module, because hints are made in every package, far from the command line


def environment_region() -> str:
    """The environment's region, or "". boto3 reads only the second variable, the AWS CLI both."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""


def access_variables() -> dict[str, str]:
    """The variables that decide how AWS is reached, where the environment has them. None of them is a secret."""
    names = ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL_S3")
    return {name: value for name in names if (value := os.environ.get(name))}


def remember_flags(flags: Sequence[str]) -> None:
    """Remember the flags that name the manifest and its variables, for the commands that hints print."""
    _flags[:] = flags


def command_line(*words: str) -> str:
    """A provisioner command for the same manifest, quoted for a shell: `provisioner import orders 5f0c…`."""
    return shlex.join(["provisioner", *words, *_flags])
