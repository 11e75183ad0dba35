"""Hundreds of mappings of all kinds in several regions, as console, CDK and scripts leave them, and what looks for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from provisioner import workflow
from provisioner.model.manifest import Manifest
from provisioner.model.place import Place
from provisioner.sandbox.app import Application
from provisioner.sandbox.mappings import Mappings
from provisioner.workflow import Execution, Query, Run, Selection
from provisioner.workflow.discovering import Discovered, Written
from tests.integration.test_import import CASES
from tests.support.control_plane import ACCOUNT, REGION, ServedControlPlane, everything_exists, served
from tests.support.stack import Sessions, SilentUi, Stack

REGIONS = (REGION, "us-east-1", "eu-central-1")
STACK_TAG = "aws:cloudformation:stack-name"


def account_with(buckets: list[str]) -> Application:
    """What stands behind the control plane: the account, its regions and buckets; no function has an alias."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        scope = environ.get("HTTP_AUTHORIZATION", "")
        if "/ec2/aws4_request" in scope:
            items = "".join(f"<item><regionName>{name}</regionName></item>" for name in REGIONS)
            text = f"<DescribeRegionsResponse><regionInfo>{items}</regionInfo></DescribeRegionsResponse>"
        elif "/s3/aws4_request" in scope and environ["PATH_INFO"] == "/":
            items = "".join(f"<Bucket><Name>{name}</Name></Bucket>" for name in buckets)
            text = f"<ListAllMyBucketsResult><Buckets>{items}</Buckets></ListAllMyBucketsResult>"
        elif environ["PATH_INFO"].endswith("/aliases"):
            text = '{"Aliases": []}'
        else:
            return everything_exists(environ, start_response)
        start_response("200 OK", [("Content-Length", str(len(text.encode())))])
        return [text.encode()]

    return application


@dataclass
class Fleet:
    """An account and a folder; the commands in this process."""

    folder: Path
    plane: ServedControlPlane
    sessions: Sessions
    buckets: list[str]
    ui: SilentUi = field(default_factory=SilentUi)
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, region: str = REGION) -> Any:
        if region not in self._clients:
            made = boto3.client(
                "lambda", region_name=region, endpoint_url=self.plane.endpoint, aws_access_key_id="x",
                aws_secret_access_key="x", config=Config(retries={"total_max_attempts": 1}),
            )  # fmt: skip
            self.plane.attach(made.meta.events)
            self._clients[region] = made
        return self._clients[region]

    def create(self, function: str, region: str = REGION, **members: Any) -> str:
        """A mapping that another client made."""
        return str(self.client(region).create_event_source_mapping(FunctionName=function, **members)["UUID"])

    def queue(self, function: str, name: str, region: str = REGION, **members: Any) -> str:
        arn = f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"
        return self.create(function, region, EventSourceArn=arn, **members)

    def entry(self, bucket: str, function: str, *, admitted: bool = True, **members: Any) -> None:
        """Let a bucket notify a function, besides what it notifies already."""
        s3 = self.plane.client("s3")
        if bucket not in self.buckets:
            self.buckets.append(bucket)
        if admitted:
            self.client().add_permission(
                FunctionName=function, StatementId=f"s-{bucket}-{members['Id']}", Action="lambda:InvokeFunction",
                Principal="s3.amazonaws.com", SourceArn=f"arn:aws:s3:::{bucket}", SourceAccount=ACCOUNT,
            )  # fmt: skip
        there = s3.get_bucket_notification_configuration(Bucket=bucket)
        there.pop("ResponseMetadata")
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
        entries = [*there.get("LambdaFunctionConfigurations", []), {"LambdaFunctionArn": arn, **members}]
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={**there, "LambdaFunctionConfigurations": entries},
            SkipDestinationValidation=True,
        )

    def run(self, folder: Path | None = None) -> Run:
        """A run on the manifest of a folder, by default of this one; without a manifest where there is none."""
        folder = folder or self.folder
        if workflow.has_manifest(folder):
            return Run.on(folder, self.ui, opened=self.sessions)
        return Run(Manifest("", "", Place(".")), self.ui, opened=self.sessions)

    def discover(self, *others: Path, **query: Any) -> Discovered:
        return workflow.discover(self.run(), Query(**query), [self.run(folder) for folder in others])

    def write(self, by: str = "owner", stack: str = "fleet", **query: Any) -> Written:
        """Look, and write into the folder."""
        run = self.run()
        return workflow.write(run, workflow.discover(run, Query(**query)), self.folder, by, stack)

    def stack(self) -> Stack:
        return Stack(self.folder, self.plane, self.sessions)

    def assert_imported(self, count: int, *owners: str) -> None:
        """The plan imports so many mappings, those of other `owners` too, and changes none; after its apply there is nothing
        left to do.
        """
        selection = Selection(from_owners=owners)
        made = workflow.plan(self.run(), selection)
        changed = [(change.key, change.fields) for change in made.changes if change.fields]
        assert changed == []
        assert (made.summary.imported, made.summary.changed, made.summary.added) == (count, 0, 0)
        assert made.problems == ()
        before = self.state_of_the_account()
        assert workflow.apply(self.run(), selection, Execution(auto_approve=True))[1].clean
        assert self.state_of_the_account() == before
        self.stack().assert_in_sync()

    def state_of_the_account(self) -> str:
        """What AWS has, as text."""
        listed = [
            page["EventSourceMappings"]
            for region in REGIONS
            for page in self.client(region).get_paginator("list_event_source_mappings").paginate()
        ]
        return json.dumps(listed, default=str)

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


@contextmanager
def fleet_in(folder: Path) -> Iterator[Fleet]:
    buckets: list[str] = []
    with served(direct=True, behind=account_with(buckets)) as plane:
        yield Fleet(folder, plane, Sessions(plane.endpoint, plane.attach), buckets)


def populate(fleet: Fleet, count: int) -> None:
    """So many event source mappings of all kinds, most in one region, some of CloudFormation's stacks."""
    checks, Mappings._check_tags = Mappings._check_tags, lambda *_: None  # type: ignore[method-assign]  # as CloudFormation may
    try:
        cases = list(CASES.values())
        for number in range(count):
            region = REGIONS[number % 10] if number % 10 < len(REGIONS) else REGION
            text = (
                json.dumps(cases[number % len(cases)]).replace(REGION, region).replace('"group"', f'"group-{number}"')
            )
            members = json.loads(text)
            if number % 4 == 1:
                members["Tags"] = {**members.get("Tags", {}), STACK_TAG: f"Shop-{number % 3}"}
            fleet.create(f"{('orders', 'billing', 'shop')[number % 3]}-{number}", region, **members)
    finally:
        Mappings._check_tags = checks  # type: ignore[method-assign]
