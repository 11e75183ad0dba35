"""Mappings as if they had been found."""

from __future__ import annotations

from typing import Any

from provisioner.convert.found import Found
from provisioner.model.key import LAMBDA, S3, Key
from provisioner.model.sources import SourceKind, kind_of

UUID = "5f0c1f2e-1111-2222-3333-44445555{:04x}"
REGION = "eu-west-1"


def sqs(function: str = "f", queue: str = "q", number: int = 1, region: str = REGION, **more: Any) -> Found:
    """A mapping of a queue; what is no field of a mapping is one of `Found`."""
    return of(
        {"function_name": function, "event_source_arn": f"arn:aws:sqs:{region}:123456789012:{queue}"},
        number,
        region,
        **more,
    )


def entry(function: str = "f", bucket: str = "media", ident: str = "e", region: str = REGION, **fields: Any) -> Found:
    """An entry of a bucket."""
    mapping = {
        "function_name": function,
        "event_source_arn": f"arn:aws:s3:::{bucket}",
        "events": ["s3:ObjectCreated:*"],
    }
    key = Key(S3, region, f"{bucket}/{ident}")
    return Found(key, SourceKind.S3, region, {**mapping, "id": ident, **fields}, f"AWS, {region}")


def of(mapping: dict[str, Any], number: int = 1, region: str = REGION, **more: Any) -> Found:
    """A mapping that Lambda keeps."""
    fields = {
        name: more.pop(name)
        for name in ("batch_size", "tags", "function_response_types", "filter_criteria")
        if name in more
    }
    mapping = {**mapping, **fields}
    kind = kind_of(mapping)
    assert kind
    return Found(Key(LAMBDA, region, UUID.format(number)), kind, region, mapping, f"AWS, {region}", **more)
