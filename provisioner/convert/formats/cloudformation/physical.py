"""What CloudFormation's `Ref` and `Fn::GetAtt` return for a resource, as far as its template says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provisioner.convert.formats.cloudformation.template import Refused, Resource
from provisioner.convert.unknown import has_unknown
from provisioner.model.sources import SourceKind

if TYPE_CHECKING:
    from provisioner.convert.formats.cloudformation.evaluator import Evaluator

_LAMBDA: Final = "AWS::Lambda::Function"
_SAM: Final = "AWS::Serverless::Function"
ALIAS: Final = "AWS::Lambda::Alias"
VERSION: Final = "AWS::Lambda::Version"
FUNCTIONS: Final = frozenset({_LAMBDA, _SAM, ALIAS, VERSION})
"""Types of which a mapping may have one as its function."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a type of resource is called.

    name  the property with its name; "" where AWS generates it
    ref   the attribute that `Ref` returns too; "" for the name
    arn   the attribute with its ARN, and the ARN's service and resource; without a resource AWS generates a part
    kind  of its ARN, where it is a source
    same  other attributes that are the name
    """

    name: str = ""
    ref: str = ""
    arn: str = "Arn"
    service: str = ""
    resource: str = ""
    kind: SourceKind | None = None
    same: tuple[str, ...] = ()


_FUNCTION: Final = _Shape("FunctionName", service="lambda", resource="function:{}")
_TABLE: Final = _Shape("TableName", service="dynamodb", resource="table/{}")
_CLUSTER: Final = _Shape(ref="Arn", kind=SourceKind.MSK)
_SHAPES: Final = {
    _LAMBDA: _FUNCTION,
    _SAM: _FUNCTION,
    "AWS::SQS::Queue": _Shape(
        "QueueName", "QueueUrl", service="sqs", resource="{}", kind=SourceKind.SQS, same=("QueueName",)
    ),
    "AWS::Kinesis::Stream": _Shape("Name", service="kinesis", resource="stream/{}", kind=SourceKind.KINESIS),
    "AWS::Kinesis::StreamConsumer": _Shape(ref="ConsumerARN", arn="ConsumerARN", kind=SourceKind.KINESIS),
    "AWS::DynamoDB::Table": _TABLE,
    "AWS::DynamoDB::GlobalTable": _TABLE,
    "AWS::Serverless::SimpleTable": _TABLE,
    "AWS::MSK::Cluster": _CLUSTER,
    "AWS::MSK::ServerlessCluster": _CLUSTER,
    "AWS::AmazonMQ::Broker": _Shape(kind=SourceKind.MQ),
    "AWS::DocDB::DBCluster": _Shape(
        "DBClusterIdentifier", service="rds", resource="cluster:{}", kind=SourceKind.DOCUMENTDB
    ),
    "AWS::RDS::DBCluster": _Shape(
        "DBClusterIdentifier", arn="DBClusterArn", service="rds", resource="cluster:{}", kind=SourceKind.DOCUMENTDB
    ),
    "AWS::S3::Bucket": _Shape("BucketName", service="s3", resource="{}", kind=SourceKind.S3),
    "AWS::SNS::Topic": _Shape("TopicName", "TopicArn", "TopicArn", "sns", "{}", same=("TopicName",)),
    "AWS::SecretsManager::Secret": _Shape(ref="Arn"),
    "AWS::KMS::Key": _Shape(same=("KeyId",)),
    "AWS::KMS::Alias": _Shape("AliasName"),
    "AWS::EC2::SecurityGroup": _Shape(ref="GroupId"),
    "AWS::EC2::Subnet": _Shape(ref="SubnetId"),
    "AWS::Glue::Registry": _Shape(ref="Arn"),
    "AWS::SSM::Parameter": _Shape("Name"),
}
NAMES: Final = frozenset({shape.name for shape in _SHAPES.values()} | {"FifoQueue", "SecretId", "Value"})
"""The properties that say how resources are called."""
_STREAM: Final = "StreamArn"  # ends with the time when the stream was enabled


def referenced(evaluator: Evaluator, resource: Resource) -> str:
    """What `Ref` of a resource returns."""
    if resource.type in (ALIAS, VERSION):
        return _qualified(evaluator, resource)
    if resource.type == "AWS::SecretsManager::SecretTargetAttachment":
        return evaluator.text_of(resource, "SecretId") or _generated(evaluator, resource, "Ref")
    shape = _SHAPES.get(resource.type, _Shape())
    return attribute(evaluator, resource, shape.ref) if shape.ref else _name(evaluator, resource, shape)


def attribute(evaluator: Evaluator, resource: Resource, name: str) -> str:
    """An attribute of a resource."""
    shape = _SHAPES.get(resource.type, _Shape())
    if name in shape.same:
        return _name(evaluator, resource, shape)
    if resource.type in (ALIAS, VERSION) and name in ("AliasArn", "Arn", "FunctionArn"):
        return _qualified(evaluator, resource)
    if resource.type == _SAM and name in ("Alias", "Version"):
        return _of_sam(evaluator, resource, name)
    if name == shape.arn and shape.resource:
        return _arn(evaluator, resource, shape)
    if name == _STREAM and evaluator.in_parts and _stated(evaluator, resource, shape):
        return f"{_arn(evaluator, resource, shape)}/stream/{_generated(evaluator, resource, 'StreamLabel')}"
    if resource.type == "AWS::SSM::Parameter" and name == "Value":
        return evaluator.text_of(resource, "Value") or _generated(evaluator, resource, name)
    kind = shape.kind if name == shape.arn else SourceKind.DYNAMODB if name == _STREAM else None
    return _generated(evaluator, resource, name, kind)


def _stated(evaluator: Evaluator, resource: Resource, shape: _Shape) -> str:
    """The name that a template gives a resource, or "" where CloudFormation generates it."""
    try:
        name = evaluator.text_of(resource, shape.name) if shape.name else ""
    except Refused:
        return ""  # stated in one case only
    # AWS stores the identifiers of clusters in small letters.
    return name.lower() if shape.service == "rds" and not has_unknown(name) else name


def _name(evaluator: Evaluator, resource: Resource, shape: _Shape) -> str:
    return _stated(evaluator, resource, shape) or _generated(evaluator, resource, "Ref")


def _arn(evaluator: Evaluator, resource: Resource, shape: _Shape) -> str:
    kind = shape.kind
    if kind is SourceKind.SQS and evaluator.text_of(resource, "FifoQueue") == "true":
        kind = SourceKind.FIFO
    name = _stated(evaluator, resource, shape)
    if not name and shape is not _FUNCTION:
        return _generated(evaluator, resource, shape.arn, kind)
    # A function is its name, wherever it stands: one variable for its name and its ARN.
    name = name or _generated(evaluator, resource, "Ref")
    partition, region, account = (evaluator.pseudo(f"AWS::{part}") for part in ("Partition", "Region", "AccountId"))
    where = ":" if shape.service == "s3" else f"{region}:{account}"
    arn = f"arn:{partition}:{shape.service}:{where}:{shape.resource.format(name)}"
    if kind:
        evaluator.shared.kinds[arn] = kind
    return arn


def _qualified(evaluator: Evaluator, resource: Resource) -> str:
    """An alias or a version, as a function is named with it."""
    function = evaluator.text_of(resource, "FunctionName")
    if not function:
        return _generated(evaluator, resource, "Ref")
    name = evaluator.text_of(resource, "Name") if resource.type == ALIAS else ""
    return f"{function}:{name or _generated(evaluator, resource, 'Version')}"


def _of_sam(evaluator: Evaluator, resource: Resource, name: str) -> str:
    """The alias or the version that SAM publishes for a function."""
    function = _name(evaluator, resource, _FUNCTION)
    alias = evaluator.alias_of(resource)
    known = evaluator.text(alias) if alias and name == "Alias" else ""
    return f"{function}:{known or _generated(evaluator, resource, name)}"


def _generated(evaluator: Evaluator, resource: Resource, name: str, kind: SourceKind | None = None) -> str:
    """A variable for what AWS generates."""
    own = evaluator.template.called(resource.id)
    attribute_name = name.removeprefix("Outputs.")
    called = own if name == "Ref" else f"{own}{attribute_name.replace('.', '')}"
    what = attribute_name if attribute_name == name else f"output {attribute_name}"
    if name == "Ref":
        has_name = resource.type in FUNCTIONS or _SHAPES.get(resource.type, _Shape()).name
        what = "name" if has_name else "name or id"
    return evaluator.unknown(
        f"{resource.id}.{name}",
        called,
        f"the {what} of {resource.id} ({resource.type}) in {resource.place.file}:{resource.place.line}",
        kind=kind,
        is_atom=name in ("Ref", "Version", "QueueName"),
    )
