"""The resource-based policies of functions: what they say and whom they let invoke (docs/aws/push.md#function-policies).
What a mapping needs of one is in `statements`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from provisioner import strict_json
from provisioner.foreign_text import one_line
from provisioner.kinds.policy_evaluation import (
    EVERYBODY,
    INVOKE,
    WILDCARDS,
    Invocation,
    concerns,
    principals_of,
    texts_of,
)
from provisioner.kinds.statements import MEMBERS, NONE, as_principal, statement_id
from provisioner.model.canonical import Canonical
from provisioner.model.references import ACCOUNT, Arn, partition_of
from provisioner.model.state import Statement

POLICY_LIMIT: Final = 20480
"""The most characters of a policy."""

_EMPTY: Final = '{"Version":"2012-10-17","Id":"default","Statement":[]}'
_STATEMENT_ID: Final = re.compile(r"[a-zA-Z0-9-_]{1,100}")  # as AddPermission takes it; a whole policy may have others
_PLAIN: Final = frozenset(("Sid", "Effect", "Principal", "Action", "Resource", "Condition"))
"""The members of a statement that AddPermission writes."""
_SOURCE_ARN: Final = "aws:sourcearn"
_CONDITIONS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    _SOURCE_ARN: ("source_arn", frozenset(("ArnLike", "ArnEquals", "StringEquals", "StringLike"))),
    "aws:sourceaccount": ("source_account", frozenset(("StringEquals", "StringLike"))),
}
"""The member of a permission that a condition key is, and the operators that say the same of it."""
_ANY_ACCOUNT: Final = "0" * 12


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of a function, or of one of its versions or aliases, as GetPolicy answers it; empty when there is none.
    `text` is its JSON, `revision` its RevisionId.
    """

    statements: tuple[Mapping[str, Any], ...] = ()
    text: str = ""
    revision: str = ""

    @classmethod
    def parse(cls, text: object, revision: object = "") -> Policy:
        """The policy that a JSON text is. Its statements may have any shape. Raises ValueError for what is no policy."""
        if not isinstance(text, str) or not isinstance(revision, str):
            raise ValueError("a policy and its revision are texts")  # one error for all that is no policy
        try:
            value = strict_json.loads(text)
        except RecursionError as error:
            raise ValueError("a policy that is nested too deeply") from error
        found = value.get("Statement") if isinstance(value, dict) else None
        statements: list[Any] = found if isinstance(found, list) else [found]
        if not all(isinstance(statement, dict) for statement in statements):
            raise ValueError("no policy: it has no statements")
        return cls(tuple(statements), text, revision)

    @property
    def resources(self) -> tuple[str, ...]:
        """The ARNs that the statements are about: the function's, in every policy that AWS wrote."""
        return tuple(text for statement in self.statements for text in texts_of(statement.get("Resource", "")) or ())

    def has(self, ident: str) -> bool:
        """Whether a statement has this id."""
        return self._find(ident) is not None

    def content_of(self, ident: str) -> Canonical | None:
        """What the statement with this id says: its principal, source_arn and source_account, without those that it
        does not have. The spelling does not count. {} for one that says anything else; None when there is none.
        """
        statement = self._find(ident)
        return None if statement is None else _content(statement)

    def admits(self, content: Mapping[str, str]) -> tuple[str, ...]:
        """The statements that let a principal invoke for a source, by id or by place ("statement 2"); none when another
        one denies it.

        Only statements that can be judged count, so that nothing is said to be admitted or denied which may not be. In
        doubt an Allow does not admit: at worst a statement of ours stands beside it. In doubt a Deny does not deny: at
        worst AWS refuses, or does not invoke, where a mapping that works would have been reported as broken.
        """
        return () if self.denies(content) else self._about("Allow", content)

    def denies(self, content: Mapping[str, str]) -> tuple[str, ...]:
        """The statements that deny a principal to invoke for a source, named as in `admits`."""
        return self._about("Deny", content)

    def sources(self, principal: str) -> frozenset[str]:
        """The sources for which statements let a principal invoke, as they stand there, also as patterns; `*` where one names
        no source.
        """
        found: set[str] = set()
        for statement in self.statements:
            names = principals_of(statement.get("Principal")) or frozenset()
            if statement.get("Effect") == "Allow" and names & {principal, EVERYBODY}:
                conditions = statement.get("Condition")
                blocks = conditions.values() if isinstance(conditions, dict) else ()
                texts = [
                    text
                    for block in blocks
                    if isinstance(block, dict)
                    for key, value in block.items()
                    if key.lower() == _SOURCE_ARN
                    for text in texts_of(value) or ()
                ]
                found |= set(texts) or {EVERYBODY}
        return frozenset(found)

    def size_with(self, statements: Iterable[Statement]) -> int:
        """The characters of the policy with these statements, each in the place of the one that has its id."""
        size, count = len(self.text or _EMPTY), len(self.statements)
        for statement in {statement.id: statement for statement in statements}.values():
            size += len(_compact(as_stored(statement)))
            if (old := self._find(statement.id)) is not None:
                size -= len(_compact(old))
            else:
                size += 1 if count else 0  # the comma
                count += 1
        return size

    def with_statement(self, statement: Mapping[str, Any]) -> Policy:
        """The policy after a statement was added. Its revision and text are not known."""
        return Policy((*self.statements, statement))

    def without(self, ident: str) -> Policy:
        """The policy after a statement was removed. Its revision and text are not known."""
        return Policy(tuple(statement for statement in self.statements if statement.get("Sid") != ident))

    def _find(self, ident: str) -> Mapping[str, Any] | None:
        return next((statement for statement in self.statements if statement.get("Sid") == ident), None)

    def _about(self, effect: str, content: Mapping[str, str]) -> tuple[str, ...]:
        invocation = Invocation(
            as_principal(content.get("principal", "")), content.get("source_arn", ""), content.get("source_account", "")
        )
        return tuple(
            str(statement.get("Sid") or f"statement {place}")
            for place, statement in enumerate(self.statements, 1)
            if statement.get("Effect") == effect and concerns(statement, invocation)
        )


def content_of(statement: Statement) -> Canonical:
    """What a statement of the state says, in the form of `Policy.content_of`."""
    members = {name: value for name in MEMBERS[1:] if (value := statement.applied.get(name))}
    return {**members, "principal": as_principal(members.get("principal", ""))}


def as_stored(statement: Statement, account: str = _ANY_ACCOUNT) -> dict[str, Any]:
    """A statement as AWS keeps it after AddPermission. Any account has the length of the true one."""
    partition = partition_of(statement.region)
    content = content_of(statement)
    conditions: dict[str, Any] = {}
    if content.get("source_account"):
        conditions["StringEquals"] = {"AWS:SourceAccount": content["source_account"]}
    if content.get("source_arn"):
        conditions["ArnLike"] = {"AWS:SourceArn": content["source_arn"]}
    principal: Any = content["principal"]
    if ACCOUNT.fullmatch(principal):
        principal = {"AWS": f"arn:{partition}:iam::{principal}:root"}
    elif principal != EVERYBODY:
        principal = {"AWS" if principal.startswith("arn:") else "Service": principal}
    return {
        "Sid": statement.id,
        "Effect": "Allow",
        "Principal": principal,
        "Action": INVOKE,
        "Resource": str(Arn(partition, "lambda", statement.region, account, f"function:{statement.function}")),
        **({"Condition": conditions} if conditions else {}),
    }


def taken_over(policy: Policy, automatic: Mapping[str, str], function: str, lineage: str) -> tuple[Any, str]:
    """What an imported mapping needs as `permission` in the manifest, and a note for people or "".

    A map takes over the one statement that admits the source and nothing else: its id, and the members that differ from
    the `automatic` ones, null for one that it does not have. "none" where a wider statement, or several, admit the
    source. None where the plan adds our statement, or where it is there already.
    """
    content = {name: value for name in MEMBERS[1:] if (value := automatic.get(name))}
    who, source = content.get("principal", ""), content.get("source_arn", "")
    admitting = policy.admits(content)
    if not admitting:
        denying = policy.denies(content)
        why = f" ({_quoted(denying)} of its policy denies it)" if denying else ""
        return None, f"nothing lets {who} invoke {function} for {source} today{why}; the plan adds a statement"
    ours = statement_id(function, content, lineage)
    if ours in admitting and policy.content_of(ours) == content:
        return None, ""
    if len(admitting) > 1:
        several = f"{_quoted(admitting)} of the policy of {function} let {who} invoke it for {source}"
        return NONE, f"{several}; `permission: none` leaves them as they are"
    [ident] = admitting
    found = policy.content_of(ident) or {}
    if found.get("source_arn") != source or not _STATEMENT_ID.fullmatch(ident):
        wider = (
            f"{_quoted(admitting)} of the policy of {function} lets {who} invoke it for {source}, and not for it alone"
        )
        return NONE, f"{wider}; `permission: none` leaves it as it is"
    differing = {name: found.get(name) for name in MEMBERS[1:] if found.get(name) != content.get(name)}
    return {"statement_id": ident, **differing}, ""


def _content(statement: Mapping[str, Any]) -> Canonical:
    """The principal and the source of a statement that AddPermission could have written, or {}."""
    names = principals_of(statement.get("Principal")) or frozenset()
    conditions = statement.get("Condition", {})
    is_plain = (
        statement.keys() <= _PLAIN
        and statement.get("Effect") == "Allow"
        and _single(statement.get("Action")).lower() == INVOKE.lower()
        and len(names) == 1
        # A principal of another kind beside it is not among the names.
        and (not isinstance(statement["Principal"], dict) or len(statement["Principal"]) == 1)
        and isinstance(conditions, dict)
        and all(isinstance(block, dict) for block in conditions.values())
    )
    if not is_plain:
        return {}
    content: Canonical = {"principal": next(iter(names))}
    for operator, block in conditions.items():
        for key, value in block.items():
            member, operators = _CONDITIONS.get(key.lower(), ("", frozenset[str]()))
            text = _single(value)
            # In StringEquals a wildcard is a character; in StringLike it goes beyond its part of an ARN.
            is_pattern = bool(WILDCARDS & set(text)) and not operator.startswith("Arn")
            if not text or "${" in text or operator not in operators or member in content or is_pattern:
                return {}
            content[member] = text
    return content


def _single(value: Any) -> str:
    """The text that a value is, or the only one of a list; else ""."""
    texts = texts_of(value) or []
    return texts[0] if len(texts) == 1 else ""


def _quoted(names: Iterable[str]) -> str:
    """Statements in a note. Their ids are whatever somebody wrote."""
    return ", ".join(name if name.startswith("statement ") else f'statement "{name}"' for name in map(one_line, names))


def _compact(value: Any) -> str:
    """JSON as AWS writes policies: without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
