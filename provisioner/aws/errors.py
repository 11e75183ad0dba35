"""Translates botocore's errors into ours, here and nowhere else, and decides which of them are retried."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from traceback import walk_tb
from typing import Any, Final

from botocore import endpoint, parsers
from botocore import exceptions as vendor
from botocore.parsers import ResponseParserError

from provisioner import errors
from provisioner.errors import AwsError

_LONGEST: Final = 200  # a parser error contains the whole body, such as the HTML page of a proxy
_NO_CONTENT: Final = 204
_BY_STATUS: Final[dict[int, type[AwsError]]] = {
    403: errors.DeniedError,
    408: errors.ServiceError,
    429: errors.ThrottledError,
}
"""The error class of an HTTP status, used when the code is not in ERROR_CLASSES. After a timeout (408) it is not known
whether AWS acted, as after a 5xx.
"""
# The refusal of a create ends with the UUID of the mapping that holds the pair (docs/aws/identity.md#uniqueness).
_UUID_AT_END: Final = re.compile(r"([0-9a-fA-F-]{36})\W*$")

ERROR_CLASSES: Final[dict[str, type[AwsError]]] = {
    "TooManyRequestsException": errors.ThrottledError,
    "ThrottlingException": errors.ThrottledError,
    "Throttling": errors.ThrottledError,
    "RequestLimitExceeded": errors.ThrottledError,
    "ThrottledException": errors.ThrottledError,
    "ResourceNotFoundException": errors.NotFoundError,
    "ResourceConflictException": errors.ConflictError,
    "ResourceInUseException": errors.InUseError,
    "InvalidParameterValueException": errors.InvalidError,
    "InvalidParameterException": errors.InvalidError,
    "ValidationException": errors.InvalidError,  # not modelled, but returned (docs/aws/errors.md#messages)
    "SerializationException": errors.InvalidError,
    "PaginationTokenExpiredException": errors.InvalidError,
    "ServiceException": errors.ServiceError,
    "InternalServiceException": errors.ServiceError,
    "PreconditionFailed": errors.PreconditionError,
    "PreconditionFailedException": errors.PreconditionError,
    "PolicyLengthExceededException": errors.InvalidError,
    "ConditionalRequestConflict": errors.ConflictError,  # S3: another request writes the object at the same time
    "NoSuchKey": errors.NotFoundError,
    "NoSuchBucket": errors.NotFoundError,
    "SlowDown": errors.ThrottledError,  # S3's name for it
    "OperationAborted": errors.ConflictError,  # S3: another request changes the bucket at the same time
    "InvalidArgument": errors.InvalidError,
    "MalformedXML": errors.InvalidError,
    "MissingRequestBodyError": errors.InvalidError,
    "RequestTimeout": errors.ServiceError,  # S3: the request did not arrive whole
    "PermanentRedirect": errors.ElsewhereError,
    "TemporaryRedirect": errors.ElsewhereError,
    "IllegalLocationConstraintException": errors.ElsewhereError,
    "ExpiredToken": errors.CredentialsError,
    "ExpiredTokenException": errors.CredentialsError,
    "InvalidClientTokenId": errors.CredentialsError,
    "UnrecognizedClientException": errors.CredentialsError,
    "InvalidSignatureException": errors.CredentialsError,
    "SignatureDoesNotMatch": errors.CredentialsError,
    "MissingAuthenticationToken": errors.CredentialsError,
    "InvalidAccessKeyId": errors.CredentialsError,  # S3's name for it
    "RequestTimeTooSkewed": errors.CredentialsError,
    "RequestExpired": errors.CredentialsError,
    "AccessDenied": errors.DeniedError,
    "AccessDeniedException": errors.DeniedError,
    "UnauthorizedOperation": errors.DeniedError,
}
"""Errors are matched by their code, not their class: `ValidationException` has no class (docs/aws/errors.md#messages).
"""

_CREDENTIALS: Final = (
    vendor.NoCredentialsError,
    vendor.PartialCredentialsError,
    vendor.CredentialRetrievalError,
    vendor.ProfileNotFound,
    vendor.TokenRetrievalError,
    vendor.SSOError,
    vendor.NoAuthTokenError,
)
_HINT_CREDENTIALS: Final = (
    "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
    "to try without an account, run `provisioner sandbox`"
)


_HINTS: Final = (
    (
        "Function does not exist",
        "deploy the function, version or alias first; until then, its mappings can only be read or deleted",
    ),
    ("NonExistentQueue", "create the queue, or fix event_source_arn"),
    (
        "Stream not found",
        "create the stream, or fix event_source_arn: a table that was recreated has a new stream ARN",
    ),
    ("cannot be assumed by Lambda", "allow lambda.amazonaws.com in the trust policy of the function's execution role"),
    (
        "execution role does not have permissions",
        "allow this action in the function's execution role, and check the queue's policy for an explicit deny",
    ),
    ("Cannot access cluster", "make sure that the cluster exists, and allow these actions in the function's role"),
    ("ensure the role can perform", "allow these actions in the function's role"),
    (
        "is less than Function timeout",
        "set the queue's visibility timeout to at least the function's timeout; AWS recommends six times the function's timeout",
    ),
    ("key is disabled", "enable the KMS key, or set new filter_criteria to replace the filters that cannot be read"),
    (
        "unable to decrypt your filter criteria",
        "allow these credentials to call kms:Decrypt on the key, or set new filter_criteria to replace the "
        "filters that cannot be read",
    ),
    (
        "AccessDeniedException from Secrets Manager",
        "allow secretsmanager:GetSecretValue, and kms:Decrypt on the secret's key, in the function's execution role",
    ),
    (
        "from Secrets Manager",
        "fix the secret ARN in source_access_configuration; the secret must be in the function's region",
    ),
    (
        "Tags not supported",
        "this partition does not support tags on mappings: set `provider: {ownership_tags: false}` and remove all tags",
    ),
    (
        "Number of tags exceeds",
        "AWS allows 50 tags per mapping and provisioner uses three of them; remove tags, or set `provider: "
        "{ownership_tags: false}`",
    ),
    (
        "The final policy size",
        "remove statements that nobody needs from the function's policy, or let one statement admit several sources: state "
        "the same `permission` with a pattern as `source_arn` in their mappings",
    ),
    ("policies for $LATEST", "name the function without a qualifier, or one of its versions or aliases"),
    (
        "The provided principal was invalid",
        "fix `principal` in `permission`, or remove it for the source's own principal",
    ),
    ("Invalid filter pattern definition", "run `provisioner explain E220` to see what a pattern may contain"),
)
"""Hints by a part of AWS's message (docs/aws/errors.md#messages). The first part that the message contains counts, so
a special case comes before the general one.
"""


@contextmanager
def translating_errors(what: str) -> Iterator[None]:
    """Raise botocore's errors as ours, each an AwsError. `what` names the action, as in "reading mapping 5f0c…"."""
    try:
        yield
    except vendor.ClientError as error:
        raise from_response(error.response, what) from error
    except vendor.BotoCoreError as error:
        raise _from_client(error, what) from error
    except (ResponseParserError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        if _is_about_answer(error):
            text = " ".join(str(error).split())
            raise errors.ServiceError(f"{what}: cannot parse the response: {text[:_LONGEST]}") from error
        if not isinstance(error, ValueError):
            raise  # a mistake of ours, which must not look like one of AWS
        # botocore has no class for an invalid endpoint.
        hint = "check `provider` in the manifest, and AWS_ENDPOINT_URL and AWS_REGION"
        raise AwsError(f"{what}: {error}", hint=hint) from error


def _is_about_answer(error: Exception) -> bool:
    """Whether botocore could not parse an answer. It has a class for XML that is none; JSON of another form than its
    model, such as a list or a time that is no time, ends in whatever Python raises in its code.
    """
    # JSON that is nested too deeply, or a proxy that answers every request to S3 with a redirect.
    if isinstance(error, ResponseParserError | RecursionError):
        return True
    modules = [frame.f_globals.get("__name__") for frame, _ in walk_tb(error.__traceback__)]
    # The endpoint adds to what the parser returned, which is None for null. Its ValueError is about its own address.
    added = modules[-1] == endpoint.__name__ and not isinstance(error, ValueError)
    return added or parsers.__name__ in modules


def require_member(answer: Mapping[str, Any], member: str, what: str) -> None:
    """Raise ServiceError when an answer lacks the member that every answer of AWS to this call has. `member` is "" for
    calls whose answer has no body; then the status must be 204. botocore takes a body that it cannot parse for an empty
    one.
    """
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if not (answer.get(member) is not None if member else status == _NO_CONTENT):
        raise errors.ServiceError(f"{what}: unexpected response (HTTP {status})", hint="run the command again")


def from_response(response: Any, what: str) -> AwsError:
    """The error of our tree for the response in botocore's ClientError. A ConflictError has the UUID at the end of
    AWS's message; a ThrottledError has `retry_after`, an ElsewhereError the region, an ArgumentError the arguments.
    """
    detail, meta = response.get("Error", {}), response.get("ResponseMetadata", {})
    code, status = str(detail.get("Code", "")), meta.get("HTTPStatusCode", 0)
    text = detail.get("Message") or response.get("Message") or response.get("message") or f"HTTP {status}"
    # The code comes first, because expired credentials have status 403 too.
    kind = ERROR_CLASSES.get(code) or _BY_STATUS.get(status) or (errors.ServiceError if status >= 500 else AwsError)
    message = f"{what}: {code or status}: {text}"
    known = {"code": code, "request_id": meta.get("RequestId", ""), "words": text}
    if issubclass(kind, errors.ConflictError):
        uuid = _UUID_AT_END.search(text)
        return errors.ConflictError(message, uuid=uuid[1] if uuid else "", **known)
    if issubclass(kind, errors.CredentialsError):
        # A signature holds a time: with a wrong clock, new credentials are refused too.
        clock = code in ("RequestTimeTooSkewed", "RequestExpired") or text.startswith("Signature expired")
        renew = "renew the credentials (with IAM Identity Center: `aws sso login`), then run the command again"
        hint = (
            "check the clock of this machine: AWS refuses requests that are minutes away from its own"
            if clock
            else renew
        )
        return kind(message, hint=hint, **known)
    if issubclass(kind, errors.DeniedError) and "TagResource" in text:
        hint = "allow lambda:TagResource on event-source-mapping:*, or set `provider: {ownership_tags: false}`"
        return kind(message, hint=hint, **known)
    if issubclass(kind, errors.ElsewhereError) or "Region" in detail:
        region = str(meta.get("HTTPHeaders", {}).get("x-amz-bucket-region") or detail.get("Region") or "")
        elsewhere = errors.ElsewhereError(f"{what}: the bucket is in {region or 'another region'}", **known)
        elsewhere.region = region
        return elsewhere
    # S3 numbers its arguments where there are several.
    numbers = [found[1] for name in detail if (found := re.fullmatch(r"ArgumentName(\d*)", name))]
    if issubclass(kind, errors.InvalidError) and numbers:
        return _about_arguments(message, detail, sorted(numbers, key=lambda number: int(number or 0)), known)
    error = kind(message, hint=next((hint for part, hint in _HINTS if part in text), ""), **known)
    if isinstance(error, errors.ThrottledError):
        # botocore parses the header only for the error class that models it, TooManyRequestsException.
        advice = response.get("retryAfterSeconds") or meta.get("HTTPHeaders", {}).get("retry-after")
        with suppress(TypeError, ValueError):  # absent, or no number
            error.retry_after = max(0.0, float(advice))
    return error


def _about_arguments(
    message: str, detail: Mapping[str, Any], numbers: Sequence[str], known: dict[str, str]
) -> errors.ArgumentError:
    """A refusal with its arguments, in the message too: S3's words alone do not say what is wrong."""
    arguments = tuple(
        (str(detail[f"ArgumentName{number}"]), str(detail.get(f"ArgumentValue{number}", ""))) for number in numbers
    )
    named = "; ".join(f"{name}: {value}" for name, value in arguments)
    error = errors.ArgumentError(f"{message} ({named})", **known)
    error.arguments = arguments
    return error


def _from_client(error: vendor.BotoCoreError, what: str) -> AwsError:
    text = " ".join(str(error).split())
    if isinstance(error, _CREDENTIALS):
        return errors.CredentialsError(f"{what}: {text}", hint=_HINT_CREDENTIALS)
    if isinstance(error, vendor.NoRegionError):
        return AwsError(
            f"{what}: no region is set", hint="set `provider: {region: ...}` in the manifest, or AWS_REGION"
        )
    # Without a connection nothing was sent. Any other failure of HTTP may have come after the request.
    if isinstance(error, vendor.EndpointConnectionError | vendor.ConnectTimeoutError | vendor.ProxyConnectionError):
        hint = (
            "check the network, and AWS_ENDPOINT_URL if it is set; if it points to the sandbox, start it "
            "with `provisioner sandbox`"
        )
        return errors.NotSentError(f"{what}: {text}", hint=hint)
    if isinstance(error, vendor.HTTPClientError):
        return errors.LostAnswerError(f"{what}: no response received: {text}", hint="run the command again")
    if isinstance(error, vendor.ParamValidationError):
        return errors.InvalidError(f"{what}: {text}")
    if isinstance(error, vendor.IncompleteReadError):
        return errors.ServiceError(f"{what}: cannot parse the response: {text}")
    return AwsError(f"{what}: {text}")


class Retry(Enum):
    """The classes of errors that a retry may overcome (docs/aws/errors.md#retries)."""

    IAM = "waiting for IAM"
    FUNCTION = "waiting for the function"
    BUSY = "waiting for the mapping to settle"
    POLICY = "waiting for another change of the function's policy"
    PROPAGATION = "waiting until S3 sees the function's policy"
    ABORTED = "waiting for another write to the bucket"
    THROTTLED = "throttled by AWS, retrying"
    FAULT = "retrying after an AWS error"


_IAM_TEXTS: Final = (
    "cannot be assumed by Lambda",
    "execution role does not have permissions",
    "ensure the role can perform",
    "Cannot access stream",
    "Cannot access event source",
    "Cannot access cluster",
)


def statement_exists(error: AwsError) -> bool:
    """Whether AWS refused to add a statement because its policy has one with this id."""
    return isinstance(error, errors.ConflictError) and "provided already exists" in error.words


def retry_class(error: AwsError, *, repeatable: bool) -> Retry | None:
    """The class of retry for an error, or None when it is not retried (docs/aws/errors.md#retries). A request that is
    not `repeatable` (Create has no idempotency token) is never sent again when AWS may have acted on it.
    """
    # Texts are searched in `words`, which is AWS's own message: ours contains names from the manifest.
    match error:
        case errors.ThrottledError():
            return Retry.THROTTLED
        case errors.InUseError():
            return Retry.BUSY
        case errors.ConflictError() if error.code == "OperationAborted":
            return Retry.ABORTED
        case errors.ConflictError() if "concurrent update operation" in error.words:
            return Retry.POLICY
        # With a UUID the pair is taken, and waiting does not free it; nor does it remove a statement.
        case errors.ConflictError() if not error.uuid and not statement_exists(error):
            return Retry.BUSY
        case errors.InvalidError() if any(text in error.words for text in _IAM_TEXTS):
            return Retry.IAM
        case errors.InvalidError() if "Function does not exist" in error.words:
            return Retry.FUNCTION
        case errors.ServiceError() if repeatable:
            return Retry.FAULT
        case errors.LostAnswerError() if repeatable:
            return Retry.FAULT
    return None
