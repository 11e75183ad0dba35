"""The field table of S3: an entry of a bucket's notification configuration that invokes a function, and the permission that
S3 needs for it (docs/aws/push.md#documents).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from provisioner.kinds.fields import Block, Field, fields_from
from provisioner.kinds.forms import as_function, as_set
from provisioner.kinds.rows import Legal, Limits, Row
from provisioner.kinds.statements import as_permission
from provisioner.model.sources import PUSH, SourceKind

ENTRY_LIMIT: Final = 100
"""The most entries of one bucket (docs/aws/push.md#refusals-of-documents)."""
_S3: Final = frozenset({SourceKind.S3})

EVENTS: Final = (
    *("s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectCreated:Post", "s3:ObjectCreated:Copy"),
    "s3:ObjectCreated:CompleteMultipartUpload",
    *("s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated"),
    *("s3:ObjectRestore:*", "s3:ObjectRestore:Post", "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete"),
    *("s3:Replication:*", "s3:Replication:OperationFailedReplication", "s3:Replication:OperationNotTracked"),
    *("s3:Replication:OperationMissedThreshold", "s3:Replication:OperationReplicatedAfterThreshold"),
    *("s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated"),
    *("s3:ObjectTagging:*", "s3:ObjectTagging:Put", "s3:ObjectTagging:Delete"),
    *("s3:ObjectAnnotation:*", "s3:ObjectAnnotation:Put", "s3:ObjectAnnotation:Delete"),
    *("s3:ObjectAcl:Put", "s3:ObjectRetention:Put"),
    *("s3:ReducedRedundancyLostObject", "s3:LifecycleTransition", "s3:IntelligentTiering"),
)
"""Every event type (botocore 1.44, docs/aws/push.md#documents)."""

# What XML 1.0 cannot hold is left out.
_AFFIX: Final = Legal(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*", "free of control characters")
_ID: Final = Legal(r"[^\x00-\x1f\x7f-\x9f\ufffe\uffff]*", "free of control characters")


class BucketNotification(Block):
    """Invokes a function when something happens to the objects of a bucket."""

    function_name: Annotated[
        str | None, Row(api="LambdaFunctionArn", kinds=PUSH, required=PUSH, bounds=(1, 256), form=as_function)
    ] = None
    event_source_arn: Annotated[
        str | None, Row(api="Bucket", kinds=PUSH, required=PUSH, bounds=(0, 10000), replaces=True)
    ] = None
    events: Annotated[
        list[str] | None, Row(api="Events", kinds=_S3, required=_S3, bounds=(1, 100), values=EVENTS, form=as_set)
    ] = None
    filter_prefix: Annotated[str | None, Row(api="Prefix", kinds=_S3, bounds=(0, 1024), legal=_AFFIX)] = None
    filter_suffix: Annotated[str | None, Row(api="Suffix", kinds=_S3, bounds=(0, 1024), legal=_AFFIX)] = None
    # Kept: without one in the manifest, the name that planning chose stays.
    id: Annotated[str | None, Row(api="Id", kinds=_S3, bounds=(1, 255), legal=_ID, kept=_S3, replaces=True)] = None
    bucket_owner: Annotated[
        str | None,
        Row(api="ExpectedBucketOwner", kinds=_S3, legal=Legal(r"(\d{12})?", "an account ID of 12 digits")),
    ] = None
    # `none`, or what differs from the statement that provisioner writes by itself.
    permission: Annotated[
        str | dict[str, Any] | None, Row(api="Permission", kinds=PUSH, each=Limits(), form=as_permission)
    ] = None


FIELDS: Final[Mapping[str, Field]] = fields_from(BucketNotification)
"""Every top-level field by our name, in the order of the table."""
