"""What the role of a function and the caller are allowed for a manifest, beyond the example of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from provisioner.errors import UsageError
from provisioner.kinds.canonical import canonical
from provisioner.kinds.examples import example
from provisioner.kinds.permissions import grants
from provisioner.model.desired import Desired
from provisioner.model.manifest import Manifest, S3Location
from provisioner.model.place import Place
from provisioner.model.provider import AssumeRole, Provider
from provisioner.model.references import Arn
from provisioner.model.sources import SourceKind, kind_of
from provisioner.planning.caller_policies import CHECKS, PRESENCE, Purpose, caller_policies
from provisioner.planning.iam_policies import Allow
from provisioner.planning.role_policies import Policies, role_policies

HERE = "eu-west-1:123456789012"
MSK = f"arn:aws:kafka:{HERE}:cluster/core/0a1b2c3d-1111-2222-3333-444455556666-7"
SECRET = f"arn:aws:secretsmanager:{HERE}:secret:kafka-AbCdEf"
KEY = f"arn:aws:kms:{HERE}:key/11111111-2222-3333-4444-555555555555"
PLACE = Place("provisioner.yaml", 1, 1)
ALL: frozenset[str] = frozenset()


def manifest_of(mappings: Mapping[str, dict[str, Any]], provider: Provider | None = None, **more: Any) -> Manifest:
    wanted = {}
    for name, mapping in mappings.items():
        kind = kind_of(mapping)
        assert kind
        arn = Arn.parse(mapping.get("event_source_arn"))
        accounts = frozenset({arn.account} if arn and arn.account else ())
        values = canonical({"function_name": "worker", **mapping}, kind)
        region = str(mapping.get("region", "eu-west-1"))
        wanted[name] = Desired(name, region, kind, values, PLACE, accounts=accounts)
    return Manifest("stack", "state.json", PLACE, provider or Provider(), wanted, **more)


def queue(name: str = "q", account: str = "123456789012", **fields: Any) -> dict[str, Any]:
    return {"event_source_arn": f"arn:aws:sqs:eu-west-1:{account}:{name}", **fields}


def statements(found: Policies) -> dict[str, Allow]:
    return {item.sid: item for policy in found.policies for item in policy.statements}


def roles(mapping: dict[str, Any]) -> dict[str, Allow]:
    return statements(role_policies(manifest_of({"one": mapping}), ALL))


SOURCES = [kind for kind in SourceKind if kind is not SourceKind.UNKNOWN]


# --- roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SOURCES)
def test_each_kind_is_allowed_what_it_needs_and_nothing_else(kind: SourceKind) -> None:
    provider = Provider(allowed_account_ids=("123456789012",))
    allowed = role_policies(manifest_of({"one": example(kind)}, provider), ALL).policies[0].statements
    needed = [*grants(canonical(example(kind), kind), kind, "123456789012")]

    for grant in needed:
        [item] = [item for item in allowed if set(item.actions) == set(grant.actions)]
        assert set(grant.resources) <= set(item.resources)
        assert (*(item.condition or ()), *item.values) == (grant.condition or ())
    resources = {resource for item in allowed if item.sid != "WriteLogs" for resource in item.resources}
    assert resources == {resource for grant in needed for resource in grant.resources}
    assert {item.sid for item in allowed} == {"WriteLogs", *(grant.sid for grant in needed)}


def test_versions_and_aliases_share_the_policy_of_their_function() -> None:
    mappings = {"a": queue("a"), "b": queue("b", function_name="worker:live")}

    [policy] = role_policies(manifest_of(mappings), ALL).policies

    assert policy.name == "worker"


def test_functions_of_one_name_in_two_regions_have_names_of_their_own() -> None:
    mappings = {"a": queue("a"), "b": queue("b", region="us-east-1")}

    found = role_policies(manifest_of(mappings), ALL)

    assert [policy.name for policy in found.policies] == [
        "worker@123456789012-eu-west-1",
        "worker@123456789012-us-east-1",
    ]


def test_only_named_mappings_count() -> None:
    found = role_policies(manifest_of({"a": queue("a"), "b": queue("b")}), frozenset({"b"}))

    assert statements(found)["ReadQueues"].resources == (f"arn:aws:sqs:{HERE}:b",)


def test_the_partition_of_arns_is_kept() -> None:
    mapping = {"region": "cn-north-1", "event_source_arn": "arn:aws-cn:sqs:cn-north-1:123456789012:q"}

    allowed = roles(mapping)

    assert allowed["WriteLogs"].resources == ("arn:aws-cn:logs:cn-north-1:123456789012:log-group:/aws/lambda/worker:*",)
    assert allowed["ReadQueues"].resources == ("arn:aws-cn:sqs:cn-north-1:123456789012:q",)


def test_a_bucket_for_failures_must_be_the_accounts() -> None:
    bucket = "arn:aws:s3:::failures"
    stream = {"event_source_arn": f"arn:aws:kinesis:{HERE}:stream/s", "starting_position": "LATEST"}

    allowed = roles({**stream, "destination_config": {"on_failure": {"destination_arn": bucket}}})

    for sid, resource in (("WriteFailuresToBuckets", f"{bucket}/*"), ("ListFailureBuckets", bucket)):
        assert allowed[sid].resources == (resource,)
        assert (allowed[sid].condition, allowed[sid].values) == (
            ("StringEquals", "s3:ResourceAccount"),
            ("123456789012",),
        )


def test_a_cluster_without_a_secret_is_signed_in_to_with_the_role() -> None:
    found = role_policies(manifest_of({"one": {"event_source_arn": MSK, "topics": ["orders"]}}), ALL)

    below = f"arn:aws:kafka:{HERE}:{{}}/core/0a1b2c3d-1111-2222-3333-444455556666-7/{{}}"
    allowed = statements(found)
    assert allowed["ConnectToClusters"].resources == (MSK,)
    assert allowed["ReadTopics"].resources == (below.format("topic", "orders"),)
    assert allowed["JoinGroups"].resources == (below.format("group", "*"),)
    assert any("amazon_managed_kafka_event_source_config.consumer_group_id" in note for note in found.notes)


def test_a_cluster_with_a_secret_is_not() -> None:
    access = [{"type": "SASL_SCRAM_512_AUTH", "uri": SECRET}]

    allowed = roles({"event_source_arn": MSK, "topics": ["orders"], "source_access_configuration": access})

    assert allowed["ReadSecrets"].resources == (SECRET,)
    assert allowed["ListScramSecrets"].resources == (MSK,)
    assert "ConnectToClusters" not in allowed


def test_a_secret_without_its_ending_is_a_pattern() -> None:
    access = [{"type": "BASIC_AUTH", "uri": f"arn:aws:secretsmanager:{HERE}:secret:mq"}]
    broker = f"arn:aws:mq:{HERE}:broker:b:b-1"

    allowed = roles({"event_source_arn": broker, "queues": ["q"], "source_access_configuration": access})

    assert allowed["ReadSecrets"].resources == (f"arn:aws:secretsmanager:{HERE}:secret:mq-??????",)


def test_a_bucket_that_invokes_the_function_needs_nothing_of_the_role_but_logs() -> None:
    provider = Provider(allowed_account_ids=("123456789012",))
    mapping = {"event_source_arn": "arn:aws:s3:::uploads", "events": ["s3:ObjectCreated:*"]}

    found = role_policies(manifest_of({"one": mapping}, provider), ALL)

    assert statements(found).keys() == {"WriteLogs"}
    assert found.notes == ()


def test_what_cannot_be_known_is_noted() -> None:
    connection = f"arn:aws:kafka:{HERE}:vpc-connection/111122223333/core/0a1b2c3d"
    unknown = f"arn:aws:newservice:{HERE}:thing/one"

    found = role_policies(
        manifest_of({"far": {"event_source_arn": connection, "topics": ["t"]}, "new": {"event_source_arn": unknown}}),
        ALL,
    )

    beginnings = ["far: the cluster is another account's", "new: what the role needs", "customer keys are not in"]
    assert [note[: len(start)] for note, start in zip(found.notes, beginnings, strict=True)] == beginnings


@pytest.mark.parametrize(
    ("mapping", "allowed", "account"),
    [
        (queue(), (), "123456789012"),
        (queue(account="999999999999"), ("123456789012",), "123456789012"),
        (queue(), ("123456789012", "999999999999"), "123456789012"),
    ],
)
def test_the_account_is_the_functions(mapping: dict[str, Any], allowed: tuple[str, ...], account: str) -> None:
    manifest = manifest_of({"one": mapping}, Provider(allowed_account_ids=allowed))

    assert f":{account}:log-group:" in statements(role_policies(manifest, ALL))["WriteLogs"].resources[0]


def test_an_unknown_region_is_an_error() -> None:
    manifest = manifest_of({"one": queue(region="")})

    with pytest.raises(UsageError, match="one: its region is not known"):
        role_policies(manifest, ALL)


# --- the caller ------------------------------------------------------------------------------------------------------


def caller(
    purpose: Purpose, mapping: dict[str, Any], provider: Provider | None = None, **more: Any
) -> dict[str, Allow]:
    return statements(caller_policies(manifest_of({"one": mapping}, provider, **more), ALL, purpose))


def test_changes_are_limited_to_the_functions() -> None:
    changes = caller(Purpose.APPLY, queue(function_name="worker:live"))["ChangeMappings"]

    assert changes.condition == ("StringLike", "lambda:FunctionArn")
    assert changes.values == (f"arn:aws:lambda:{HERE}:function:worker", f"arn:aws:lambda:{HERE}:function:worker:live")


def test_a_key_for_filters_is_used_by_the_caller() -> None:
    mapping = queue(kms_key_arn=KEY, filter_criteria={"filter": [{"pattern": {"body": {"a": [1]}}}]})

    assert caller(Purpose.PLAN, mapping)["DecryptFilters"].resources == (KEY,)
    assert caller(Purpose.APPLY, mapping)["EncryptFilters"].actions == (
        *("kms:Decrypt", "kms:DescribeKey"),
        "kms:GenerateDataKey",
    )
    assert caller(Purpose.CHECKS, mapping)["CheckKeys"].resources == (KEY,)


def test_mappings_without_tags_are_not_tagged() -> None:
    assert "TagMappings" not in caller(Purpose.APPLY, queue(), Provider(ownership_tags=False))
    assert "TagMappings" in caller(Purpose.APPLY, queue(tags={"a": "b"}), Provider(ownership_tags=False))


@pytest.mark.parametrize(
    ("permission", "principal"),
    [(None, "s3.amazonaws.com"), ({"principal": "*"}, "*"), ("none", None)],
)
def test_whom_the_caller_may_let_invoke_is_what_the_manifest_says(permission: Any, principal: str | None) -> None:
    mapping = {"event_source_arn": "arn:aws:s3:::uploads", "events": ["s3:ObjectCreated:*"], "permission": permission}
    allowed = caller(Purpose.APPLY, mapping, Provider(allowed_account_ids=("123456789012",)))

    assert "ListMappings" not in allowed
    assert allowed["ChangeNotifications"].resources == ("arn:aws:s3:::uploads",)
    assert allowed.get("LetSourcesInvoke", Allow("", (), ())).values == ((principal,) if principal else ())


def test_a_state_in_s3_is_in_the_partition_of_its_region() -> None:
    where = S3Location("states", "a.json", "us-gov-west-1")

    allowed = caller(Purpose.PLAN, queue(), state_s3=where)

    assert allowed["ReadState"].resources == (
        "arn:aws-us-gov:s3:::states/a.json",
        "arn:aws-us-gov:s3:::states/a.json.lock",
    )


def test_the_role_that_is_assumed_is_named() -> None:
    manifest = manifest_of({"one": queue()}, Provider(assume_role=AssumeRole("arn:aws:iam::123456789012:role/deploy")))

    [note, _] = caller_policies(manifest, ALL, Purpose.PLAN).notes

    assert "arn:aws:iam::123456789012:role/deploy" in note


@pytest.mark.parametrize("kind", SOURCES)
def test_the_checks_ask_about_every_kind_of_source_that_can_be_looked_at(kind: SourceKind) -> None:
    provider = Provider(allowed_account_ids=("123456789012",))
    found = caller(Purpose.CHECKS, example(kind), provider)

    assert found.keys() <= {sid for sid, _ in CHECKS.values()}
    expected = {
        SourceKind.SQS: "CheckQueues", SourceKind.FIFO: "CheckQueues", SourceKind.KINESIS: "CheckStreams",
        SourceKind.DYNAMODB: "CheckTables", SourceKind.MSK: "CheckClusters", SourceKind.MQ: "CheckBrokers",
        SourceKind.DOCUMENTDB: "CheckDatabases", SourceKind.KAFKA: "CheckSecrets",
        SourceKind.KAFKA_QUEUE: "CheckSecrets", SourceKind.S3: "CheckBuckets",
    }  # fmt: skip
    assert expected[kind] in found
    assert "CheckFunctions" in found
    assert ("CheckRoles" in found) is (kind is not SourceKind.S3)


def test_the_tables_ask_in_one_statement_each() -> None:
    for table in (PRESENCE, CHECKS):
        assert len({sid for sid, _ in table.values()}) == len(table)
