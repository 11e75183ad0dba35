"""Whether a statement of a function's policy concerns a source that invokes the function (docs/aws/push.md#statements).

A statement that anybody wrote may have any shape, so an answer is True, False, or None for what cannot be judged: an
operator or a condition key that is not known here, a value that AWS fills in, a member of another type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from provisioner.kinds.statements import as_principal
from provisioner.model.references import ACCOUNT

Verdict: TypeAlias = bool | None

INVOKE: Final = "lambda:InvokeFunction"
EVERYBODY: Final = "*"
WILDCARDS: Final = frozenset("*?")

_ABSENT: Final = frozenset(
    (
        *("aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths"),
        *("aws:userid", "aws:username", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip"),
        *("lambda:eventsourcetoken", "lambda:functionurlauthtype"),
    )
)
"""Condition keys that no request of a service has: they are of users, roles, networks, and other ways to invoke."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """Who invokes a function, and for which source. "" is what is not known."""

    principal: str
    source_arn: str
    source_account: str

    @property
    def is_by_service(self) -> bool:
        """Whether a service invokes, and not an account, a role or everybody."""
        return not (
            self.principal == EVERYBODY or self.principal.startswith("arn:") or ACCOUNT.fullmatch(self.principal)
        )

    def keys(self) -> dict[str, str]:
        """What conditions can ask about, by the key in lower case: the capitals of a key do not count."""
        known = {"aws:sourcearn": self.source_arn, "aws:sourceaccount": self.source_account}
        if self.is_by_service:
            known |= {"aws:principalisawsservice": "true", "aws:principalservicename": self.principal}
        return {key: value for key, value in known.items() if value}


def concerns(statement: Mapping[str, Any], invocation: Invocation) -> Verdict:
    """Whether a statement is about an invocation, whatever its effect is."""
    actions = texts_of(statement.get("Action"))
    wanted = INVOKE.lower()
    return _all(
        (
            _names(statement, invocation.principal),
            None if actions is None else any(matches(action.lower(), wanted) for action in actions),
            _all(_conditions(statement.get("Condition", {}), invocation)),
        )
    )


def texts_of(value: Any) -> list[str] | None:
    """A text, or a list of at least one, as a list; true and false as their texts. None for anything else."""
    items = value if isinstance(value, list) else [value]
    texts = [str(item).lower() if isinstance(item, bool) else item for item in items]
    return texts if texts and all(isinstance(text, str) for text in texts) else None


def principals_of(value: Any) -> frozenset[str] | None:
    """Who is named as principal, each as AddPermission takes it. None for what AWS would not take."""
    if value == EVERYBODY:
        return frozenset((EVERYBODY,))
    if not isinstance(value, dict):
        return None
    found: set[str] = set()
    for kind, listed in value.items():
        names = texts_of(listed)
        if names is None:
            return None
        # `*` is everybody as AWS's principal only, and services are in neither of the other kinds.
        found |= set(map(as_principal, names)) if kind == "AWS" else set()
        found |= {name for name in names if name != EVERYBODY} if kind == "Service" else set()
    return frozenset(found)


def matches(pattern: str, text: str) -> bool:
    """Whether a text is as a pattern of `*` and `?` says. Patterns come from whoever wrote the policy, and for one with many
    `*` a regular expression would take time without end; this takes at most the product of both lengths.
    """
    at = place = resume = 0
    star = -1  # the last `*` so far, which takes up to `resume`
    while at < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, resume = place, at
            place += 1
        elif place < len(pattern) and pattern[place] in ("?", text[at]):
            place, at = place + 1, at + 1
        elif star >= 0:
            resume += 1
            place, at = star + 1, resume
        else:
            return False
    return not pattern[place:].strip("*")


def matches_arn(pattern: str, arn: str) -> bool:
    """As `matches`, but each of the six parts of an ARN by itself."""
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) == 6 and all(map(matches, patterns, parts))


_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringEqualsIgnoreCase": lambda wanted, found: wanted.lower() == found.lower(),
    "StringLike": matches,
    "ArnEquals": matches_arn,
    "ArnLike": matches_arn,
    "Bool": lambda wanted, found: wanted.lower() == found,
}


def _names(statement: Mapping[str, Any], principal: str) -> Verdict:
    """Whether a statement is about this principal, by Principal or by NotPrincipal."""
    is_positive = "Principal" in statement
    if is_positive == ("NotPrincipal" in statement):
        return None
    names = principals_of(statement["Principal" if is_positive else "NotPrincipal"])
    return None if names is None else bool(names & {EVERYBODY, principal}) == is_positive


def _conditions(conditions: Any, invocation: Invocation) -> Iterator[Verdict]:
    """Whether each condition of a statement holds."""
    for operator, block in conditions.items() if isinstance(conditions, dict) else [("", conditions)]:
        if isinstance(block, dict):
            for key, values in block.items():
                yield _holds(operator, key, values, invocation)
        else:
            yield None


def _holds(operator: str, key: str, values: Any, invocation: Invocation) -> Verdict:
    """Whether one condition holds."""
    wanted = texts_of(values)
    known, name = invocation.keys(), key.lower()
    is_absent = invocation.is_by_service and (name in _ABSENT or name.startswith("aws:principaltag/"))
    # `${` begins a variable, which AWS replaces.
    if wanted is None or any("${" in text for text in wanted) or not (name in known or is_absent):
        return None
    found = known.get(name)
    quantifier, _, base = operator.rpartition(":")  # two ways to compare several values; here there is one, or none
    if base == "Null":
        asks = wanted[0].lower()
        return (found is None) == (asks == "true") if asks in ("true", "false") else None
    is_optional, base = base.endswith("IfExists"), base.removesuffix("IfExists")
    is_negated, base = "Not" in base, base.replace("Not", "")
    if found is None:
        return is_optional or is_negated or quantifier == "ForAllValues"
    compare = _OPERATORS.get(base)
    return any(compare(text, found) for text in wanted) != is_negated if compare else None


def _all(verdicts: Iterable[Verdict]) -> Verdict:
    """Whether all are True: one that is False decides, whatever cannot be judged."""
    seen = set(verdicts)
    return False if False in seen else None if None in seen else True
