"""What the environment says."""

from __future__ import annotations

import os


def environment_region() -> str:
    """The environment's region. boto3 reads only the second variable, the AWS CLI both."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
