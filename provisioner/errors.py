"""The tree of errors: every failure that a user can see is an instance of one of these classes.

ProvisionerError          1  anything below
├── UsageError            1  a flag or an argument is wrong
├── ManifestError         1  the YAML is wrong; carries every diagnostic
├── RefusedError          1  a plan that must not be carried out; carries every problem
├── CancelledError        1  the user did not approve
├── StaleError            4  what was approved is no longer what would be done
├── StateError            1  the state cannot be read, written or trusted; a file cannot be written
│   ├── LockedError       5  somebody else holds the state
│   └── DamagedError      1  what is stored is not what was written
└── AwsError              1  what AWS answered, or why it could not be asked
    ├── CredentialsError  1  no credentials, or expired ones
    ├── AccountError      1  the credentials belong to another account
    ├── UnreachableError  1  no answer arrived
    │   ├── NotSentError    1  the request was never sent
    │   └── LostAnswerError 1  whether AWS acted is not known
    ├── DeniedError       1  IAM refused the caller
    ├── NotFoundError     1  no such mapping, function, source, bucket or object
    ├── ConflictError     1  the pair is taken, an operation is in progress, or the mapping was changed
    ├── PreconditionError 1  what was read has been changed since
    ├── InUseError        1  the mapping is in transition
    ├── ThrottledError    1  the request quota is exhausted
    ├── ElsewhereError    1  the bucket is in another region
    ├── InvalidError      1  AWS refuses the request itself
    │   └── ArgumentError 1  and says which arguments
    └── ServiceError      1  AWS failed (5xx), or answered garbage

The number is the exit code (the README lists them); 2, 3 and 130, which are results and no errors, are set in `cli/`.
`message` is what happened and where, `hint` what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from provisioner.foreign_text import one_line


class ProvisionerError(Exception):
    """A failure that is shown to the user: `message` is what happened, `hint` what to do next, or ""."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ProvisionerError):
    """A flag or an argument is wrong."""


class ManifestError(ProvisionerError):
    """The manifest is wrong. `diagnostics` holds every `model.diagnostics.Diagnostic`, errors and warnings; `unvalued`
    are the variables without a value, on which some checks depend.
    """

    def __init__(self, diagnostics: Sequence[object], *, unvalued: Sequence[str] = ()) -> None:
        super().__init__("the manifest has errors")
        self.diagnostics = tuple(diagnostics)
        self.unvalued = tuple(unvalued)


class RefusedError(ProvisionerError):
    """A plan that must not be carried out. `problems` holds every `model.plan.Problem`."""

    def __init__(self, problems: Sequence[object]) -> None:
        super().__init__("the plan is refused")
        self.problems = tuple(problems)


class CancelledError(ProvisionerError):
    """The user did not approve."""


class StaleError(ProvisionerError):
    """A saved plan, or an expected hash, that no longer matches what would be done."""

    exit_code = 4


class StateError(ProvisionerError):
    """The state cannot be read, written or trusted; also a saved plan or a manifest that cannot be written."""


class LockedError(StateError):
    """Somebody else holds the state's lock."""

    exit_code = 5


class DamagedError(StateError):
    """A state or journal that cannot be read because its content is not what was written."""


class AwsError(ProvisionerError):
    """What AWS answered, or why there is no answer. `code` is AWS's error code, `words` its own message, and
    `request_id` its request, where there was one.
    """

    def __init__(self, message: str, *, hint: str = "", code: str = "", request_id: str = "", words: str = "") -> None:
        # AWS's words, and those of whatever answers in its place, are a part of the message.
        super().__init__(one_line(message), hint=hint)
        self.code = code
        self.request_id = request_id
        self.words = words


class CredentialsError(AwsError):
    """No credentials were found, or they have expired."""


class AccountError(AwsError):
    """The credentials belong to another account than the one that is meant."""


class UnreachableError(AwsError):
    """No answer arrived."""


class NotSentError(UnreachableError):
    """The request was never sent, so that AWS did not act."""


class LostAnswerError(UnreachableError):
    """The request was sent and no answer arrived. Whether AWS acted is not known."""


class DeniedError(AwsError):
    """IAM refused the caller."""


class NotFoundError(AwsError):
    """A mapping, function, source, bucket or object does not exist; `code` is AWS's name for what is missing."""


class ConflictError(AwsError):
    """The pair is taken (`uuid` is the mapping that holds it). With an empty `uuid`: another operation is in progress,
    an object in S3 is being written, or a mapping or a statement is not as the plan expects it.
    """

    def __init__(
        self, message: str, *, uuid: str = "", hint: str = "", code: str = "", request_id: str = "", words: str = ""
    ) -> None:
        super().__init__(message, hint=hint, code=code, request_id=request_id, words=words)
        self.uuid = uuid


class PreconditionError(AwsError):
    """An object in S3 does not have the ETag that a conditional request named, or a function's policy the revision."""


class InUseError(AwsError):
    """The mapping is in transition and takes no request."""


class ThrottledError(AwsError):
    """The account's request quota is exhausted. `retry_after` is AWS's advice in seconds, 0 where it gave none."""

    retry_after: float = 0.0


class InvalidError(AwsError):
    """AWS refuses the request itself: a rule of the API, of the source's kind, or of access to the source."""


class ArgumentError(InvalidError):
    """AWS refuses a request for its arguments. `arguments` has what AWS names, in its order: names and values."""

    arguments: tuple[tuple[str, str], ...] = ()


class ElsewhereError(AwsError):
    """A bucket is in another region than the request. `region` is which, "" where AWS does not say."""

    region: str = ""


class ServiceError(AwsError):
    """AWS failed, or its answer cannot be parsed. Whether it acted is not known."""
