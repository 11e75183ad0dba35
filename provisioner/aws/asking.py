"""Asks the questions of checks: in parallel, within the quota of each service, and not for long."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from provisioner.aws.errors import translating_errors
from provisioner.aws.limiter import TokenBucket
from provisioner.aws.session import Aws, is_loopback
from provisioner.aws.wait import Clock, delays
from provisioner.errors import AwsError, DeniedError, ElsewhereError, NotSentError, ServiceError, ThrottledError
from provisioner.model.checks import Answer, Question
from provisioner.model.report import STILL

TIMEOUT: Final = 10.0
"""Seconds after which a question is given up."""
MOST: Final = 100
"""Items that are asked for in one call at most."""
_WORKERS: Final = 32

_RATES: Final[Mapping[str, float]] = {
    "iam": 5.0,
    "lambda": 100.0,
    "kinesis": 10.0,
    "dynamodbstreams": 10.0,
    "kafka": 5.0,
    "mq": 5.0,
    "docdb": 10.0,
    "ec2": 10.0,
    "secretsmanager": 40.0,
    "sns": 20.0,
}
"""Requests a second that are at most sent to a service in a region, and fewer where it throttles (docs/checks.md#calls).
`GetFunction` has a quota of its own; GetFunctionConfiguration shares that of all changes, and is sent with them. A
service that is not here has a quota that these questions do not reach.
"""

_CODE_DENIED: Final = "lambda:GetFunction is denied"

_GONE: Final = frozenset(
    (
        *("ResourceNotFoundException", "StreamNotFound", "NotFoundException", "NotFound", "NoSuchEntity"),
        *("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "DBClusterNotFoundFault", "NoSuchBucket"),
        *("404", "InvalidSubnetID.NotFound", "InvalidGroup.NotFound"),
    )
)
"""What services say of what they do not have. SQS has a name in its query protocol and another one in its JSON protocol."""


class Asker:
    """Asks questions of one session, each service at a limited rate."""

    def __init__(self, aws: Aws, clock: Clock, note: Callable[[str], None] = lambda _: None) -> None:
        self._aws = aws
        self._clock = clock
        self._note = note
        self._limiters: dict[tuple[str, str], TokenBucket] = {}
        self._unreachable: dict[tuple[str, str], str] = {}
        self._code_denied: set[str] = set()

    def ask(self, questions: Sequence[Question]) -> dict[Question, Answer]:
        """The answer to each question, with a note every thirty seconds. What could not be asked is an answer, and no error."""
        for service, region in {(question.service, question.region) for question in questions} - self._limiters.keys():
            client = self._aws.client_with_timeout(service, region, TIMEOUT)
            # The sandbox on this machine has no quota.
            rate = None if is_loopback(client.meta.endpoint_url) else _RATES.get(service)
            self._limiters[service, region] = TokenBucket(rate, rate or 1.0, self._clock)
        answers: dict[Question, Answer] = {}
        batches = list(_batches(questions))
        noted = self._clock.now()
        pool = ThreadPoolExecutor(min(_WORKERS, len(batches) or 1))
        try:
            for batch, answer in zip(batches, pool.map(self._answer, batches), strict=True):
                answers |= dict.fromkeys(batch, answer)
                if self._clock.now() - noted >= STILL:
                    noted = self._clock.now()
                    self._note(f"still asking for the checks ({len(answers)} of {len(questions)} answered)")
        finally:
            pool.shutdown(wait=True, cancel_futures=True)  # an interrupt must not wait for all that is left
        return answers

    def _answer(self, batch: Sequence[Question]) -> Answer:
        """The answer to questions that one call asks."""
        first = batch[0]
        where = (first.service, first.region)
        if where in self._unreachable:
            return Answer(trouble=self._unreachable[where])
        hands_out_code = first.operation == "get_function"
        if hands_out_code and first.region in self._code_denied:
            return Answer(trouble=_CODE_DENIED, denied=True)
        try:
            return Answer(self._with_retries(first, partial(self._ask, first, [item.one_of[1] for item in batch])))
        except ElsewhereError:
            return Answer({})  # a bucket of another region is there
        except DeniedError as error:
            if hands_out_code:
                # Denied to many on purpose: one refusal is enough in their log, and there is another call for the rest.
                self._code_denied.add(first.region)
            return Answer(trouble=error.message, denied=True)
        except AwsError as error:
            if error.code in _GONE:
                return Answer(gone=True)
            if isinstance(error, NotSentError):
                # The others would wait for nothing, too.
                self._unreachable[where] = error.message
            return Answer(trouble=error.message)

    def _with_retries(self, question: Question, send: Callable[[], Any]) -> Any:
        """The answer, also after refusals that pass, as long as `TIMEOUT` allows."""
        limiter = self._limiters[question.service, question.region]
        end = self._clock.now() + TIMEOUT
        for pause in delays(0.3, 3.0):
            limiter.acquire()
            try:
                answer = send()
            except (ThrottledError, ServiceError) as error:
                if isinstance(error, ThrottledError):
                    limiter.throttled()
                if self._clock.now() + pause > end or not self._clock.sleep(pause):
                    raise
            else:
                limiter.answered()
                return answer
        raise AssertionError  # `delays` has no end

    def _ask(self, question: Question, items: Sequence[str]) -> Any:
        arguments = json.loads(question.arguments)
        if question.operation == "get_function_configuration":
            return self._aws.gateway(question.region).configuration(
                arguments["FunctionName"], arguments.get("Qualifier", "")
            )
        if question.one_of[0]:
            arguments[question.one_of[0]] = list(items)
        answer = self._send(question, arguments)
        while answer.get("IsTruncated") and answer.get("Marker"):
            page = self._send(question, {**arguments, "Marker": answer["Marker"]})
            results = [*(answer.get("EvaluationResults") or ()), *(page.get("EvaluationResults") or ())]
            answer = {**page, "EvaluationResults": results}
        return answer

    def _send(self, question: Question, arguments: dict[str, Any]) -> dict[str, Any]:
        client = self._aws.client_with_timeout(question.service, question.region, TIMEOUT)
        with translating_errors(f"{question.action} in {question.region}"):
            self._aws.calls.count()
            answer: dict[str, Any] = getattr(client, question.operation)(**arguments)
            return answer


def _batches(questions: Sequence[Question]) -> Iterator[list[Question]]:
    """The questions that are asked by one call."""
    together: defaultdict[Question, list[Question]] = defaultdict(list)
    for question in questions:
        together[question._replace(one_of=(question.one_of[0], ""))].append(question)
    for group in together.values():
        yield from (group[start : start + MOST] for start in range(0, len(group), MOST))
