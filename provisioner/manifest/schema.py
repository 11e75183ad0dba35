"""The shape of a manifest: its keys and their types. What a mapping holds is the field table's.

Defaults are constructed without validation: to validate one, a validator would be built for it alone.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from provisioner.kinds.bucket_notification import BucketNotification
from provisioner.kinds.event_source_mapping import EventSourceMapping
from provisioner.kinds.fields import Block
from provisioner.model.duration import seconds


def _is_duration(value: str | float) -> str | int | float:
    seconds(value)
    return value


def _exactly(wanted: bool | int) -> BeforeValidator:
    """To Python 1 is True and 1.0; in a manifest it is not."""

    def check(value: Any) -> Any:
        if type(value) is not type(wanted):
            raise ValueError(f"it must be {str(wanted).lower()}")
        return value

    return BeforeValidator(check)


Duration = Annotated[int | float | str, AfterValidator(_is_duration)]
"""Seconds, or a text such as `5m`."""


class AssumeRoleBlock(Block):
    """`provider.assume_role`."""

    role_arn: str
    session_name: str = "provisioner"
    external_id: str = ""


class IgnoreTagsBlock(Block):
    """`provider.ignore_tags`."""

    keys: list[str] = []
    key_prefixes: list[str] = []


class ProviderBlock(Block):
    """`provider`: how to talk to AWS."""

    region: str = ""
    profile: str = ""
    endpoint_url: str = ""
    allowed_account_ids: list[str] = []
    assume_role: AssumeRoleBlock | None = None
    default_tags: dict[str, str] = {}
    ignore_tags: IgnoreTagsBlock = Field(default_factory=IgnoreTagsBlock.model_construct)
    ownership_tags: bool | None = None
    max_requests_per_second: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    retry_timeout: Duration = 300
    settle_timeout: Duration = 600


class S3Block(Block):
    """`state.s3`: an object that a team shares."""

    bucket: str
    key: str
    region: str = ""


class StateBlock(Block):
    """`state`: where it is kept."""

    path: str | None = None
    s3: S3Block | None = None


class LimitsBlock(Block):
    """`limits`: what a plan may not exceed."""

    deletes: Annotated[int, Field(ge=0)] | None = None
    conflicts: Annotated[int, Field(ge=0)] | None = None
    risk: Literal["loss", "replay"] | None = None


class LifecycleBlock(Block):
    """`lifecycle` of a mapping; null is absence, as everywhere in a mapping."""

    prevent_destroy: bool = False
    ignore_changes: list[str] = []
    on_conflict: Literal["fail", "adopt_identical", "adopt"] = "fail"
    skip_destination_validation: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        return {name: item for name, item in value.items() if item is not None} if isinstance(value, dict) else value


class FilterTestsBlock(Block):
    """`filter_tests` of a mapping: records that its filters let through, and records that they drop."""

    passing: Annotated[list[Any], Field(alias="pass")] = []
    drop: list[Any] = []


class Entry(BucketNotification, EventSourceMapping):
    """One entry of `mappings`: the API's fields for every kind of source, and what is ours."""

    region: str | None = None
    filter_tests: FilterTestsBlock | None = None
    lifecycle: LifecycleBlock | None = None


class VariableBlock(Block):
    """One entry of `variables`."""

    type: Literal["string", "integer", "number", "boolean", "list", "map"] = "string"
    default: Any = None
    allowed: list[Any] | None = None
    pattern: str | None = None
    description: str = ""


class DefaultsBlock(Block):
    """`defaults`: what mappings have unless they say otherwise."""

    all: Entry | None = None
    push: Entry | None = None
    stream: Entry | None = None
    sqs: Entry | None = None
    kinesis: Entry | None = None
    dynamodb: Entry | None = None
    msk: Entry | None = None
    kafka: Entry | None = None
    mq: Entry | None = None
    documentdb: Entry | None = None
    s3: Entry | None = None


class ImportEntry(Block):
    """One entry of `imports`."""

    to: str
    id: str
    region: str = ""
    expect: Literal["identical"] | None = None


class MovedEntry(Block):
    """One entry of `moved`."""

    from_: Annotated[str, Field(alias="from")]
    to: str


class RemovedEntry(Block):
    """One entry of `removed`."""

    from_: Annotated[str, Field(alias="from")]
    destroy: Annotated[Literal[False], _exactly(wanted=False)]


class Root(Block):
    """A whole manifest; `include` and `variables` are dealt with while it is put together."""

    version: Annotated[Literal[1], _exactly(wanted=1)] = 1
    stack: str
    provider: ProviderBlock = Field(default_factory=ProviderBlock.model_construct)
    state: StateBlock = Field(default_factory=StateBlock.model_construct)
    variables: dict[str, VariableBlock] = {}
    defaults: DefaultsBlock = Field(default_factory=DefaultsBlock.model_construct)
    mappings: dict[str, Entry] = {}
    imports: list[ImportEntry] = []
    moved: list[MovedEntry] = []
    removed: list[RemovedEntry] = []
    limits: LimitsBlock = Field(default_factory=LimitsBlock.model_construct)
