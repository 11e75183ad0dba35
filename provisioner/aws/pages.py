"""Lists that AWS answers page by page."""

from __future__ import annotations

from typing import Any

from provisioner.aws.session import Aws
from provisioner.errors import ServiceError


def items_of(
    aws: Aws, service: str, region: str, operation: str, member: str, tokens: tuple[str, str], **ask: str
) -> list[dict[str, Any]]:
    """All items of a list: the `member` of each page. `tokens` are what the token of the next page is called in a request and in
    an answer. Raises AwsError, and ServiceError for a list that never ends.
    """
    items: list[dict[str, Any]] = []
    before = {""}
    while True:
        answer = aws.ask(service, region, operation, ask)
        items += answer.get(member) or ()
        token = answer.get(tokens[1]) or ""
        if not token:
            return items
        if token in before:
            raise ServiceError(f"{service}:{operation}: unexpected response: the same token again")
        before.add(token)
        ask = {**ask, tokens[0]: token}
