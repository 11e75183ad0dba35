"""Statements are added to the policies of functions and removed, against a control plane that refuses as AWS does."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from provisioner import errors
from provisioner.aws.policies import Policies
from provisioner.aws.requests import BUDGETS
from provisioner.aws.session import Aws
from provisioner.errors import AwsError, ConflictError
from provisioner.kinds.policies import POLICY_LIMIT
from provisioner.model.provider import Provider
from provisioner.model.state import Statement
from provisioner.sandbox.mappings import Delays
from tests.support.clocks import ManualClock, Time
from tests.support.control_plane import ACCOUNT, REGION, ServedControlPlane, any_credentials, served

FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
CONTENT = {"principal": "s3.amazonaws.com", "source_arn": "arn:aws:s3:::b", "source_account": ACCOUNT}
POLICY = "/policy"


def wanted(ident: str = "s", function: str = "f", **members: str) -> Statement:
    content = {name: value for name, value in {**CONTENT, **members}.items() if value}
    return Statement(function, REGION, ident, content)


@dataclass
class Functions:
    """The policies of functions as provisioner changes them, and as another client sees and changes them."""

    plane: ServedControlPlane
    policies: Policies
    aws: Aws
    clock: ManualClock
    notes: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)  # the methods of all calls on policies

    def add(self, statement: Statement) -> None:
        self.policies.add(statement, self.notes.append)

    def remove(self, statement: Statement) -> None:
        self.policies.remove(statement, self.notes.append)

    def verify(self, *statements: Statement) -> None:
        self.policies.verify(statements, self.notes.append)

    @contextlib.contextmanager
    def unseen(self) -> Iterator[None]:
        """Calls of another client, which no fault meets and which are not counted."""
        faults, self.plane.faults = self.plane.faults, []
        try:
            yield
        finally:
            self.plane.faults = faults

    def foreign(self, ident: str, function: str = "f", **members: Any) -> None:
        """Another client adds a statement."""
        request = {"StatementId": ident, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", **members}
        with self.unseen():
            self.plane.client().add_permission(FunctionName=function, **request)

    def foreign_removes(self, ident: str) -> None:
        with self.unseen():
            self.plane.client().remove_permission(FunctionName="f", StatementId=ident)

    def whole(self, *statements: Any) -> None:
        """Another client writes the whole policy."""
        text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self.plane.client().put_resource_policy(ResourceArn=FUNCTION, Policy=text)

    def ids(self, function: str = "f") -> list[str]:
        """The ids of all statements; none where there is no policy."""
        client, text = self.plane.client(), '{"Statement": []}'
        with self.unseen(), contextlib.suppress(client.exceptions.ResourceNotFoundException):
            text = client.get_policy(FunctionName=function)["Policy"]
        return [statement.get("Sid", "") for statement in json.loads(text)["Statement"]]

    def before(self, method: str, act: Callable[[], None], times: int = 1) -> None:
        """Let another client act between our look at the policy and our change."""
        left = [times]

        def fault(called: str, path: str) -> str:
            if called == method and POLICY in path and left[0]:
                left[0] -= 1
                act()
            return ""

        self.plane.faults.append(fault)

    def answers(self, method: str, *verdicts: str) -> None:
        """What becomes of the next calls; see `Fault`."""
        left = list(verdicts)

        def fault(called: str, path: str) -> str:
            return left.pop(0) if called == method and POLICY in path and left else ""

        self.plane.faults.append(fault)


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    any_credentials(monkeypatch)
    clock = ManualClock()
    with served(Delays(0, 0, 0, 0, 0), Time(), direct=True) as plane:
        aws = Aws(Provider(region=REGION, endpoint_url=plane.endpoint), clock)
        plane.attach(aws._session.events)
        aws.account = ACCOUNT
        made = Functions(plane, Policies(aws), aws, clock)

        def noted(method: str, path: str) -> str:
            if POLICY in path:
                made.calls.append(method)
            return ""

        plane.faults.append(noted)
        yield made


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_policy_is_read_once_and_again_after_a_change_of_ours(functions: Functions) -> None:
    functions.foreign("theirs")

    assert functions.policies.read("f", REGION).has("theirs")
    assert functions.policies.read("f", REGION).has("theirs")
    functions.add(wanted())
    read = functions.policies.read("f", REGION)

    assert (read.has("theirs"), read.content_of("s"), read.admits(CONTENT)) == (True, CONTENT, ("theirs", "s"))
    assert functions.calls == ["GET", "POST", "GET"]


@pytest.mark.parametrize("function", ["gone", "f", "f:42", "f:$LATEST"])
def test_what_has_no_policy_has_an_empty_one(functions: Functions, function: str) -> None:
    functions.plane.world.gone = {"gone", "f:42"}

    assert functions.policies.read(function, REGION).statements == ()


def test_statements_of_any_shape_are_read(functions: Functions) -> None:
    deny = {"Effect": "Deny", "NotPrincipal": {"AWS": [ACCOUNT]}, "Action": ["lambda:*"], "Resource": [FUNCTION]}
    functions.whole(deny, {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": FUNCTION})
    functions.add(wanted())

    assert functions.ids() == ["", "", "s"]
    assert functions.policies.read("f", REGION).denies(CONTENT) == ("statement 1",)


@pytest.mark.parametrize("body", [b'{"Policy": "x"}', b'{"Policy": "{}"}', b'{"Policy": {"Statement": []}}', b"{}"])
def test_an_answer_that_is_no_policy(functions: Functions, body: bytes) -> None:
    functions.foreign("theirs")
    client = functions.aws.gateway(REGION)._client
    client.meta.events.register_first(
        "before-parse.lambda.GetPolicy", lambda response_dict, **_: response_dict.update(body=body)
    )

    with pytest.raises(errors.ServiceError, match=f"reading the policy of f in {REGION}: unexpected response"):
        functions.policies.read("f", REGION)


def test_an_answer_from_another_account_stops_the_run(functions: Functions) -> None:
    functions.foreign("theirs")
    functions.aws.account = "210987654321"

    with pytest.raises(errors.AccountError, match=f"from account {ACCOUNT}"):
        functions.add(wanted())
    assert functions.ids() == ["theirs"]


# --- adding ----------------------------------------------------------------------------------------------------------


def test_a_statement_is_written_as_it_is_recorded(functions: Functions) -> None:
    functions.add(wanted(source_account=""))
    functions.add(wanted("t", "f:live"))

    assert functions.policies.read("f", REGION).content_of("s") == wanted(source_account="").applied
    assert functions.policies.read("f:live", REGION).content_of("t") == CONTENT
    assert (functions.ids(), functions.ids("f:live")) == (["s"], ["t"])


def test_a_statement_that_is_there_costs_no_call(functions: Functions) -> None:
    functions.whole(
        {
            "Sid": "s",
            "Effect": "Allow",
            "Principal": {"Service": ["s3.amazonaws.com"]},
            "Action": ["lambda:InvokeFunction"],
            "Resource": FUNCTION,
            "Condition": {
                "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::b"},
                "StringLike": {"aws:SourceAccount": [ACCOUNT]},
            },
        }
    )
    functions.add(wanted())

    assert functions.calls == ["GET"]
    assert not functions.policies.written("f", REGION)


def test_mappings_that_share_a_statement_add_it_once(functions: Functions) -> None:
    functions.add(wanted())
    functions.add(wanted())
    functions.add(wanted("t"))

    assert functions.calls == ["GET", "POST", "POST"]
    assert functions.policies.written("f", REGION)
    assert not functions.policies.written("f:live", REGION)


def test_each_change_is_guarded_and_its_request_recorded(functions: Functions) -> None:
    guarded: list[str] = []
    functions.aws.before_change = lambda: guarded.append(functions.calls[-1])
    ids: list[str] = []
    with functions.aws.calls.collecting(ids):
        functions.add(wanted())
        functions.remove(wanted())

    assert guarded == ["GET", "GET"]  # before POST and DELETE; reading needs no guard
    assert len(ids) == 2
    assert functions.aws.calls.made == len(functions.calls) == 4


def test_threads_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    any_credentials(monkeypatch)
    statements = [wanted(f"s{number}", ("f:1", "f:live")[number % 2]) for number in range(16)]
    lock, mine = threading.Lock(), threading.local()
    under_way: Counter[str] = Counter()
    most: Counter[str] = Counter()

    def began(params: dict[str, Any], **_: Any) -> None:
        mine.path = params["url_path"]
        with lock:
            under_way[mine.path] += 1
            most[mine.path] = max(most[mine.path], under_way[mine.path])

    def ended(**_: Any) -> None:
        with lock:
            under_way[mine.path] -= 1

    with served() as plane:
        aws = Aws(Provider(region=REGION, endpoint_url=plane.endpoint), ManualClock())
        aws._session.events.register("before-call.lambda.AddPermission", began)
        aws._session.events.register("after-call.lambda.AddPermission", ended)
        policies = Policies(aws)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda statement: policies.add(statement, lambda text: None), statements))
        policies.verify(statements, lambda text: None)

        assert list(most.values()) == [1, 1]  # one after the other, for each of the two policies
        for function in ("f:1", "f:live"):
            ids = {statement["Sid"] for statement in policies.read(function, REGION).statements}
            assert ids == {statement.id for statement in statements if statement.function == function}


def test_a_statement_with_the_same_id_that_says_something_else(functions: Functions) -> None:
    functions.foreign("s", SourceArn="arn:aws:s3:::other")

    with pytest.raises(ConflictError) as caught:
        functions.add(wanted())
    assert caught.value.message == (
        "statement s in the policy of f in eu-west-1 was changed or made outside provisioner: it says principal "
        "s3.amazonaws.com, source_arn arn:aws:s3:::other, and not principal s3.amazonaws.com, source_arn arn:aws:s3:::b, "
        "source_account 123456789012"
    )
    assert "aws lambda remove-permission --function-name f --statement-id s --region eu-west-1" in caught.value.hint
    assert functions.calls == ["GET"]


def test_an_id_that_another_client_took_since_the_read(functions: Functions) -> None:
    functions.add(wanted("first"))
    functions.before("POST", lambda: functions.foreign("s", Principal="*"))

    with pytest.raises(ConflictError, match=r"it says principal \*, and not"):
        functions.add(wanted())
    assert functions.ids() == ["first", "s"]


def test_the_same_statement_that_another_client_wrote_since_the_read(functions: Functions) -> None:
    functions.add(wanted("first"))
    same = {"SourceArn": "arn:aws:s3:::b", "SourceAccount": ACCOUNT}
    functions.before("POST", lambda: functions.foreign("s", **same))
    functions.add(wanted())

    assert functions.ids() == ["first", "s"]


def test_a_policy_that_was_changed_since_the_read_is_read_again(functions: Functions) -> None:
    functions.foreign("theirs")
    functions.before("POST", lambda: functions.foreign("more"))
    functions.add(wanted())

    # The first POST has the revision that was read, and is refused.
    assert functions.calls == ["GET", "POST", "GET", "POST"]
    assert functions.ids() == ["theirs", "more", "s"]


def test_a_policy_that_is_changed_all_the_time(functions: Functions) -> None:
    functions.foreign("theirs")
    numbers = iter(range(99))
    functions.before("POST", lambda: functions.foreign(f"more{next(numbers)}"), times=99)

    with pytest.raises(errors.PreconditionError, match="adding statement s to the policy of f"):
        functions.add(wanted())
    assert functions.calls.count("POST") == 5


@pytest.mark.parametrize("lost", ["after", "before", "500", "503"])
def test_a_lost_answer_to_an_add_costs_nothing(functions: Functions, lost: str) -> None:
    functions.answers("POST", lost)
    functions.add(wanted())

    assert functions.ids() == ["s"]
    assert functions.policies.written("f", REGION)


def test_answers_that_are_lost_for_longer_than_calls_are_repeated(functions: Functions) -> None:
    functions.answers("POST", "after", *["500"] * 99)
    functions.add(wanted())

    assert functions.ids() == ["s"]
    assert functions.policies.written("f", REGION)


@pytest.mark.parametrize(("lost", "kind"), [("before", errors.LostAnswerError), ("500", errors.ServiceError)])
def test_an_add_whose_outcome_stays_unknown_says_so(functions: Functions, lost: str, kind: type[AwsError]) -> None:
    functions.policies.read("f", REGION)
    functions.answers("POST", *[lost] * 99)
    functions.answers("GET", *[lost] * 99)

    with pytest.raises(kind, match="adding statement s to the policy of f"):
        functions.add(wanted())


def test_what_a_lost_attempt_has_added_is_seen_after_a_refusal(functions: Functions) -> None:
    functions.policies.read("f", REGION)
    functions.answers("POST", "after", "403")

    with pytest.raises(errors.DeniedError):
        functions.add(wanted())

    assert functions.policies.read("f", REGION).has("s")


# --- removing --------------------------------------------------------------------------------------------------------


def test_what_is_recorded_is_removed_and_nothing_else(functions: Functions) -> None:
    functions.foreign("theirs")
    functions.add(wanted())
    functions.remove(wanted())
    functions.remove(wanted())

    assert functions.ids() == ["theirs"]
    assert functions.calls == ["GET", "POST", "GET", "DELETE", "GET"]
    assert not functions.policies.read("f", REGION).has("s")


def test_a_changed_statement_is_removed_and_added(functions: Functions) -> None:
    functions.add(wanted())
    functions.remove(wanted())
    functions.add(wanted(source_arn="arn:aws:s3:::c"))

    assert functions.policies.read("f", REGION).content_of("s") == {**CONTENT, "source_arn": "arn:aws:s3:::c"}


def test_a_statement_that_somebody_changed_is_not_removed(functions: Functions) -> None:
    functions.add(wanted())
    functions.foreign_removes("s")
    functions.foreign("s", Principal="*")

    with pytest.raises(ConflictError, match=r"statement s in the policy of f .* it says principal \*, and not"):
        functions.remove(wanted())
    assert functions.ids() == ["s"]


def test_a_statement_that_somebody_changes_between_read_and_removal(functions: Functions) -> None:
    functions.add(wanted())

    def change() -> None:
        functions.foreign_removes("s")
        functions.foreign("s", Principal="*")

    functions.before("DELETE", change)

    with pytest.raises(ConflictError):
        functions.remove(wanted())
    assert functions.ids() == ["s"]


def test_another_change_between_read_and_removal_does_not_hinder_it(functions: Functions) -> None:
    functions.add(wanted())
    functions.before("DELETE", lambda: functions.foreign("theirs"))
    functions.remove(wanted())

    assert functions.ids() == ["theirs"]


def test_a_removal_from_a_policy_that_is_changed_all_the_time(functions: Functions) -> None:
    functions.add(wanted())
    numbers = iter(range(99))
    functions.before("DELETE", lambda: functions.foreign(f"more{next(numbers)}"), times=99)

    with pytest.raises(errors.PreconditionError, match="removing statement s from the policy of f"):
        functions.remove(wanted())
    assert functions.calls.count("DELETE") == 5


@pytest.mark.parametrize("others", [[], ["theirs"]])
def test_a_statement_that_somebody_removes_first(functions: Functions, others: list[str]) -> None:
    for ident in others:
        functions.foreign(ident)
    functions.add(wanted())
    functions.before("DELETE", lambda: functions.foreign_removes("s"))
    functions.remove(wanted())

    assert functions.ids() == others


@pytest.mark.parametrize("lost", ["after", "before", "500"])
def test_a_lost_answer_to_a_removal_costs_nothing(functions: Functions, lost: str) -> None:
    functions.add(wanted())
    functions.answers("DELETE", lost)
    functions.remove(wanted())

    assert functions.ids() == []


def test_the_statement_of_a_function_that_is_gone_is_gone(functions: Functions) -> None:
    functions.add(wanted())
    functions.plane.world.gone = {"f"}
    functions.remove(wanted())

    assert functions.calls == ["GET", "POST", "GET"]


# --- verifying -------------------------------------------------------------------------------------------------------


def test_each_policy_is_read_once_to_verify_it(functions: Functions) -> None:
    statements = [wanted("s"), wanted("t"), wanted("s", "f:live")]
    for statement in statements:
        functions.add(statement)
    functions.calls.clear()
    functions.verify(*statements)

    assert functions.calls == ["GET", "GET"]


def test_what_was_lost_is_added_once_more(functions: Functions) -> None:
    functions.add(wanted("s"))
    functions.add(wanted("t"))
    functions.foreign_removes("s")
    functions.calls.clear()
    functions.verify(wanted("s"), wanted("t"))

    assert functions.ids() == ["t", "s"]
    assert functions.calls == ["GET", "POST", "GET"]


def test_what_is_lost_again_and_again_is_an_error(functions: Functions) -> None:
    functions.add(wanted("t"))
    functions.add(wanted("s"))
    functions.foreign_removes("s")
    reads = iter(range(9))
    functions.before("GET", lambda: functions.foreign_removes("s") if next(reads) == 1 else None, times=2)

    with pytest.raises(ConflictError) as caught:
        functions.verify(wanted("s"), wanted("t"))
    assert caught.value.message == (
        "statement s in the policy of f in eu-west-1 is missing although AWS accepted it twice"
    )


def test_what_says_something_else_by_now_is_an_error(functions: Functions) -> None:
    functions.add(wanted())
    functions.foreign_removes("s")
    functions.foreign("s", Principal="*")

    with pytest.raises(ConflictError, match="was changed or made outside"):
        functions.verify(wanted())


# --- refusals of policies (docs/aws/push.md#refusals-of-policies) -----------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "kind", "message", "hint"),
    [
        (wanted("a.b"), errors.InvalidError, "Value 'a.b' at 'statementId' failed to satisfy constraint", ""),
        (wanted(function="f:$LATEST"), errors.InvalidError, "We currently do not support adding policies for $LATEST.", "name the function without a qualifier, or one of its versions or aliases"),
        (wanted(principal="nobody.amazonaws.com"), errors.InvalidError, "The provided principal was invalid.", "fix `principal` in `permission`"),
        (wanted(function="gone"), errors.NotFoundError, "adding statement s in the policy of gone in eu-west-1: the function gone does not exist", "create it first, or fix function_name"),
        (wanted(function="f:old"), errors.NotFoundError, "adding statement s in the policy of f:old in eu-west-1: alias old of the function f does not exist", "create it first, or fix function_name"),
        (wanted(function="f:42"), errors.NotFoundError, "adding statement s in the policy of f:42 in eu-west-1: version 42 of the function f does not exist", "create it first, or fix function_name"),
    ],
)  # fmt: skip
def test_what_add_refuses(
    functions: Functions, statement: Statement, kind: type[AwsError], message: str, hint: str
) -> None:
    functions.plane.world.gone = {"gone", "f:old", "f:42"}

    with pytest.raises(kind) as caught:
        functions.add(statement)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert functions.calls == ["GET", "POST"]
    assert not functions.policies.written(statement.function, REGION)


def test_a_policy_that_is_full(functions: Functions) -> None:
    long = {"StringEquals": {"aws:SourceArn": "x" * (POLICY_LIMIT - 400)}}
    functions.whole(
        {"Sid": "long", "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": FUNCTION, "Condition": long}
    )
    size = functions.policies.read("f", REGION).size_with([wanted()])

    with pytest.raises(errors.InvalidError) as caught:
        functions.add(wanted())
    assert f"The final policy size ({size}) is bigger than the limit ({POLICY_LIMIT})." in caught.value.message
    assert caught.value.hint.startswith("remove statements that nobody needs from the function's policy")


@pytest.mark.parametrize("number", [1, 3])
def test_another_change_at_the_same_time_is_waited_for(functions: Functions, number: int) -> None:
    functions.plane.troubles.concurrent["f"] = number
    functions.add(wanted())

    assert functions.calls == ["GET", *["POST"] * (number + 1)]
    [note] = functions.notes
    assert "concurrent update operation. (waiting for another change of the function's policy, for up to 60s)" in note


def test_another_change_is_not_waited_for_without_end(functions: Functions) -> None:
    functions.plane.troubles.concurrent["f"] = 999

    with pytest.raises(ConflictError, match="concurrent update operation"):
        functions.add(wanted())
    assert functions.clock.time == pytest.approx(60, abs=1)
    assert max(BUDGETS.values()) >= functions.clock.time


def test_another_change_at_the_time_of_a_removal_is_waited_for(functions: Functions) -> None:
    functions.add(wanted())
    functions.plane.troubles.concurrent["f"] = 2
    functions.remove(wanted())

    assert functions.ids() == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_iam_denies(functions: Functions, method: str) -> None:
    functions.answers(method, "403")

    with pytest.raises(errors.DeniedError):
        functions.add(wanted())
    assert functions.ids() == []
