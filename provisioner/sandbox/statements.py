"""The statements of a function's policy: as AddPermission writes them, as PutResourcePolicy checks them, and what they
allow (docs/aws/push.md#statements).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from provisioner.model.references import ACCOUNT
from provisioner.sandbox.answers import invalid

Statement = dict[str, Any]

_ORDER: Final = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "Resource", "Condition")
"""The members of a statement that AWS takes, in its order."""

_SERVICES: Final = frozenset(
    (
        "apigateway",
        "bedrock",
        "cloudformation",
        "codecommit",
        "codepipeline",
        "cognito-idp",
        "cognito-sync",
        "config",
        "connect",
        "edgelambda",
        "elasticloadbalancing",
        "events",
        "iot",
        "lambda",
        "lex",
        "lexv2",
        "logs",
        "s3",
        "scheduler",
        "secretsmanager",
        "ses",
        "sns",
        "sqs",
        "states",
        "vpc-lattice",
    )
)
"""Services whose principals Lambda takes (docs/aws/push.md#statements)."""

_SERVICE: Final = re.compile(r"([a-z0-9-]+)(\.[a-z]+(?:-[a-z]+)+-\d)?\.amazonaws\.com(\.cn)?")
_OTHERS: Final = frozenset(
    ("alexa-appkit.amazon.com", "alexa-connectedhome.amazon.com", "lambda.alarms.cloudwatch.amazonaws.com")
)
_IDENTITY: Final = re.compile(r"arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role|federated-user)/.+)")
_ACTION: Final = re.compile(r"\*|lambda:[a-zA-Z*?]+")
_KEY: Final = re.compile(r"(aws|lambda):.+", re.IGNORECASE)

# Member of AddPermission -> operator and key of the condition. Mind the capitals.
_CONDITIONS: Final = {
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "InvokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
}


def statement_of(asked: Mapping[str, Any], resource: str, partition: str) -> Statement:
    """The statement that AddPermission writes. Raises Refusal for a principal that does not exist."""
    conditions: dict[str, dict[str, str]] = {}
    for member, (operator, key) in _CONDITIONS.items():
        if member in asked:
            value = asked[member]
            conditions.setdefault(operator, {})[key] = str(value).lower() if isinstance(value, bool) else value
    return {
        "Sid": asked["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(asked["Principal"], partition),
        "Action": asked["Action"],
        "Resource": resource,
        **({"Condition": conditions} if conditions else {}),
    }


def _principal(text: str, partition: str) -> Any:
    if text == "*":
        return text
    if ACCOUNT.fullmatch(text):
        return {"AWS": f"arn:{partition}:iam::{text}:root"}
    if _IDENTITY.fullmatch(text):
        return {"AWS": text}
    match = _SERVICE.fullmatch(text)
    if text in _OTHERS or (match and match[1] in _SERVICES):
        return {"Service": text}
    raise invalid("The provided principal was invalid. Please check the principal and try again.")


def compact(value: Any) -> str:
    """JSON as AWS writes policies: without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def as_get_policy(statement: Statement, partition: str) -> Statement:
    """A statement as GetPolicy shows it: an account as its root. GetResourcePolicy shows it as it was sent."""
    principal = statement.get("Principal")
    if not isinstance(principal, dict) or "AWS" not in principal:
        return statement
    shown = [
        f"arn:{partition}:iam::{name}:root" if ACCOUNT.fullmatch(name) else name for name in listed(principal["AWS"])
    ]
    accounts = shown if isinstance(principal["AWS"], list) else shown[0]
    return {**statement, "Principal": {**principal, "AWS": accounts}}


# --- a whole policy --------------------------------------------------------------------------------------------------


def read_policy(text: str, resource: str) -> tuple[dict[str, Any], list[Statement]]:
    """A policy's head and its statements, whose members are put into AWS's order. Raises Refusal for what is no policy
    of this function, version or alias.
    """
    try:
        policy = json.loads(text)
        statements = policy.pop("Statement")
        statements = statements if isinstance(statements, list) else [statements]
        sids = [statement["Sid"] for statement in statements if "Sid" in statement]
        sound = (
            policy.keys() <= {"Version", "Id"}
            and statements
            and len(set(sids)) == len(sids)
            and all(_is_statement(statement, resource) for statement in statements)
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise invalid("Policy has syntax errors.")
    return policy, [{name: item[name] for name in _ORDER if name in item} for item in statements]


def _is_statement(statement: Statement, resource: str) -> bool:
    conditions = statement.get("Condition", {})
    keys = [key for block in conditions.values() for key in block]
    actions, resources = listed(statement["Action"]), listed(statement["Resource"])
    return (
        statement.keys() <= set(_ORDER)
        and statement["Effect"] in ("Allow", "Deny")
        and len(statement.keys() & {"Principal", "NotPrincipal"}) == 1
        and _is_principal(statement.get("Principal", statement.get("NotPrincipal")))
        and bool(actions)
        and all(_ACTION.fullmatch(action) for action in actions)
        and set(resources) == {resource}
        and all(_KEY.fullmatch(key) for key in keys)
    )


def _is_principal(value: Any) -> bool:
    if isinstance(value, str):
        return value == "*"
    names = [name for named in value.values() for name in listed(named)]
    kinds = {"AWS", "Service", "Federated", "CanonicalUser"}
    return value.keys() <= kinds and bool(names) and all(isinstance(name, str) for name in names)


def listed(value: Any) -> list[Any]:
    """A list as it is, and anything else as the list of it: policies have either."""
    return value if isinstance(value, list) else [value]


# --- what statements allow -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Invocation:
    """A service that wants to invoke a function for a source."""

    service: str
    source_arn: str
    source_account: str

    @property
    def keys(self) -> dict[str, str]:
        """What conditions can ask about, by the key in lower case."""
        return {
            "aws:sourcearn": self.source_arn,
            "aws:sourceaccount": self.source_account,
            "aws:principalisawsservice": "true",
            "aws:principalservicename": self.service,
        }


def admit(statements: Iterable[Statement], invocation: Invocation) -> bool:
    """Whether a policy of these statements lets the service invoke its function: one allows it, and none denies it."""
    effects = {statement["Effect"] for statement in statements if _concerns(statement, invocation)}
    return effects == {"Allow"}


def _concerns(statement: Statement, invocation: Invocation) -> bool:
    named = "Principal" in statement
    principal = statement["Principal" if named else "NotPrincipal"]
    everybody = principal == "*" or "*" in listed(principal.get("AWS", []))
    is_in = everybody or invocation.service in listed(principal.get("Service", []))
    return (
        is_in == named
        and any(matches(pattern.lower(), "lambda:invokefunction") for pattern in listed(statement["Action"]))
        and all(
            _holds(operator, invocation.keys.get(key.lower()), [str(value) for value in listed(values)])
            for operator, block in statement.get("Condition", {}).items()
            for key, values in block.items()
        )
    )


def matches(pattern: str, text: str) -> bool:
    """Whether a text is as a pattern of `*` and `?` says."""
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def matches_arn(pattern: str, arn: str) -> bool:
    """As `matches`, but each of the six parts by itself."""
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) and all(map(matches, patterns, parts))


_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringEqualsIgnoreCase": lambda wanted, found: wanted.lower() == found.lower(),
    "StringLike": matches,
    "ArnEquals": matches_arn,
    "ArnLike": matches_arn,
    "Bool": lambda wanted, found: wanted.lower() == found,
}


def _holds(operator: str, found: str | None, wanted: list[str]) -> bool:
    """Whether a condition holds for what was found. One whose operator is not known holds for nothing."""
    base = operator.rpartition(":")[2]  # ForAnyValue: and ForAllValues: are one where there is one value
    if base == "Null":
        return (found is None) == (wanted[0].lower() == "true")
    optional, base = base.endswith("IfExists"), base.removesuffix("IfExists")
    negated, base = "Not" in base, base.replace("Not", "")
    if found is None:
        return optional or negated
    return base in _OPERATORS and any(_OPERATORS[base](value, found) for value in wanted) != negated
