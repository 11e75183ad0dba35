"""How many calls mappings of S3 take: each bucket and each function's policy is read once, and each bucket written once."""

from __future__ import annotations

from collections import Counter

from provisioner import workflow
from provisioner.workflow import Selection
from tests.support.stack import Stack

BUCKETS = FUNCTIONS = 20


def write(stack: Stack, count: int) -> None:
    """Mappings spread over the buckets, and each bucket's over one function."""
    stack.write_mappings(
        *(
            f"m{number}: {{function_name: f{number % FUNCTIONS}, event_source_arn: 'arn:aws:s3:::bucket-{number % BUCKETS}', "
            f"events: ['s3:ObjectCreated:*'], filter_prefix: 'p{number}/'}}"
            for number in range(count)
        )
    )


def calls_of(stack: Stack) -> Counter[str]:
    """The calls since this was last asked, by what they do."""
    counts: Counter[str] = Counter()

    def noted(method: str, path: str) -> str:
        counts[
            f"{method} {'policy' if '/policy' in path else 'bucket' if path.startswith('/bucket-') else 'other'}"
        ] += 1
        return ""

    stack.plane.faults[:] = [noted]
    return counts


def test_a_thousand_mappings_are_applied_with_one_write_of_each_bucket_and_planned_with_one_read(stack: Stack) -> None:
    write(stack, 1000)
    calls = calls_of(stack)

    assert stack.apply().clean

    assert calls["PUT bucket"] == BUCKETS
    assert calls["GET bucket"] <= 3 * BUCKETS
    assert calls["POST policy"] == FUNCTIONS

    calls = calls_of(stack)
    stack.assert_in_sync()

    assert calls["GET bucket"] == BUCKETS
    assert calls["GET policy"] == FUNCTIONS
    assert calls.total() <= 42


def test_a_thousand_mappings_are_destroyed_with_one_write_of_each_bucket(stack: Stack) -> None:
    write(stack, 200)
    stack.apply()
    calls = calls_of(stack)

    report = workflow.apply(stack.run(), Selection(destroy=True), workflow.Execution(auto_approve=True))[1]

    assert report.clean
    assert calls["PUT bucket"] == BUCKETS
    assert calls["DELETE policy"] == FUNCTIONS
