"""The notification configurations of buckets: read, and written as a whole (docs/aws/push.md#bucket-notifications)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final
from xml.etree import ElementTree as ET

from provisioner.model.references import Arn, FunctionReference, partition_of
from provisioner.sandbox.answers import Answer, StorageRefusal, invalid_argument
from provisioner.sandbox.documents import ROOT, Entry, check_arguments, complete, entries_of, read_document, written
from provisioner.sandbox.policies import Policies
from provisioner.sandbox.requests import Request
from provisioner.sandbox.statements import Invocation
from provisioner.sandbox.world import Bucket, Troubles, World, take_one

ANOTHER_CLIENT: Final = "another-client"
"""The queue of the entries that another client adds, and how their Ids begin."""


class Notifications:
    """The documents of all buckets. Not safe to share between threads: the control plane locks, and so two writes are
    never simultaneous.
    """

    def __init__(
        self, world: Callable[[str, str], World], policies: Callable[[str, str], Policies], troubles: Troubles
    ) -> None:
        self._world = world
        self._policies = policies
        self._troubles = troubles
        self._documents: dict[str, ET.Element] = {}
        self._reads: Counter[str] = Counter()

    def answer(self, request: Request) -> Answer:
        """Answer a GET or PUT. Raises Refusal, in the order of docs/aws/push.md#refusals-of-documents."""
        bucket = self._bucket(request)
        if request.method == "GET":
            return Answer(200, self._read(request.bucket, bucket))
        if request.method == "PUT":
            self._write(request, bucket)
            return Answer(200, b"")
        message = "The specified method is not allowed against this resource."
        raise StorageRefusal(405, "MethodNotAllowed", message)

    def drop_orphans(self) -> None:
        """Forget the documents of buckets that do not exist any more."""
        world = self._world("", "")  # a bucket's name needs neither account nor region
        self._documents = {name: known for name, known in self._documents.items() if world.bucket(name)}

    def _bucket(self, request: Request) -> Bucket:
        bucket = self._world(request.account, request.region).bucket(request.bucket)
        if bucket is None:
            details = {"BucketName": request.bucket}
            raise StorageRefusal(404, "NoSuchBucket", "The specified bucket does not exist", details)
        if bucket.region != request.region:
            message = (
                "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all"
                " future requests to this endpoint."
            )
            details = {"Endpoint": f"{request.bucket}.s3.{bucket.region}.amazonaws.com", "Bucket": request.bucket}
            headers = (("x-amz-bucket-region", bucket.region),)
            raise StorageRefusal(301, "PermanentRedirect", message, details, headers)
        if request.expected_owner not in ("", bucket.owner):
            raise StorageRefusal(403, "AccessDenied", "Access Denied")
        return bucket

    def _read(self, name: str, bucket: Bucket) -> bytes:
        document = self._documents.get(name, ET.Element(ROOT))
        self._reads[name] += 1
        if self._reads[name] in self._troubles.writers.get(name, ()):
            self._documents[name] = _with_another(document, bucket, self._reads[name])
        return written(document)

    def _write(self, request: Request, bucket: Bucket) -> None:
        if not request.data:
            raise StorageRefusal(400, "MissingRequestBodyError", "Request Body is empty")
        document = read_document(request.data)
        entries = entries_of(document)
        check_arguments(entries, bucket.region)
        if not request.skips_validation:
            self._check_destinations(request.bucket, bucket, entries)
        if take_one(self._troubles.aborted, request.bucket):
            message = (
                "A conflicting conditional operation is currently in progress against this resource. Please try again."
            )
            raise StorageRefusal(409, "OperationAborted", message)
        complete(document)
        self._documents[request.bucket] = document

    # --- destinations -------------------------------------------------------------------------------------------------

    def _check_destinations(self, name: str, bucket: Bucket, entries: list[Entry]) -> None:
        """Raise Refusal with every destination that S3 cannot reach, whoever wrote its entry."""
        found = (self._failure(name, bucket, entry) for entry in entries)
        failures = list(dict.fromkeys(failure for failure in found if failure))
        details: dict[str, str] = {}
        for number, (argument, value) in enumerate(failures, start=1):
            details |= {f"ArgumentName{number}": argument, f"ArgumentValue{number}": value}
        if failures:
            raise invalid_argument("Unable to validate the following destination configurations", details)

    def _failure(self, name: str, bucket: Bucket, entry: Entry) -> tuple[str, str] | None:
        """Argument and value of a destination that fails. Only whether a queue or topic exists is looked at, and not
        what its policy says.
        """
        arn = entry.arn
        assert arn is not None, "the shape was checked before"
        if arn.service != "lambda":
            exists = self._world(arn.account, arn.region).has_source(arn)
            return None if exists else (str(arn), f"The destination {entry.member.lower()} does not exist")
        reference = FunctionReference.parse(entry.destination)
        assert reference is not None, "the shape was checked before"
        source = str(Arn(partition_of(bucket.region), "s3", "", "", name))
        invocation = Invocation("s3.amazonaws.com", source, bucket.owner)
        policies = self._policies(arn.account, arn.region)
        if policies.admits(reference.name, reference.qualifier, invocation):
            return None
        return "ARN, null", f"Not authorized to invoke function [{arn}]"


def _with_another(document: ET.Element, bucket: Bucket, number: int) -> ET.Element:
    """The document with an entry of another client, which overlaps with hardly any other."""
    changed = ET.Element(document.tag, document.attrib)
    changed.extend(document)
    entry = ET.SubElement(changed, "QueueConfiguration")
    ET.SubElement(entry, "Id").text = f"{ANOTHER_CLIENT}-{number}"
    arn = Arn(partition_of(bucket.region), "sqs", bucket.region, bucket.owner, ANOTHER_CLIENT)
    ET.SubElement(entry, "Queue").text = str(arn)
    ET.SubElement(entry, "Event").text = "s3:ReducedRedundancyLostObject"
    rule = ET.SubElement(ET.SubElement(ET.SubElement(entry, "Filter"), "S3Key"), "FilterRule")
    ET.SubElement(rule, "Name").text = "Prefix"
    ET.SubElement(rule, "Value").text = f"{ANOTHER_CLIENT}/{number}/"
    return changed
