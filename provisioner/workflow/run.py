"""One run of one command: its manifest, state, session and output."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Self

from provisioner.aws.drivers import Drivers
from provisioner.aws.members import member_of
from provisioner.aws.session import Aws, check_account
from provisioner.aws.wait import WallClock
from provisioner.backend.local import LocalBackend
from provisioner.backend.s3 import S3Backend
from provisioner.backend.store import Backend
from provisioner.environment import environment_region
from provisioner.manifest import Inputs, load
from provisioner.manifest.load import Loaded
from provisioner.model.checks import CheckFinding
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.manifest import Manifest
from provisioner.model.plan import Plan, Problem
from provisioner.model.provider import Provider
from provisioner.model.report import STILL, Progress
from provisioner.workflow.allowed import refuse_what_is_not_allowed

Checks = Literal["off", "warn", "error", "strict"]
"""What the findings of checks do: nothing is asked; they are shown; an error stops an apply; an error and what is likely does."""


class Ui(Protocol):
    """Output of a workflow, and its question for approval. `cli.terminal.Terminal` implements it; workflows never
    print.
    """

    def diagnose(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Show diagnostics about the manifest."""

    def note(self, text: str) -> None:
        """Print a notice."""

    def show(self, plan: Plan, refused: Sequence[Problem]) -> None:
        """Show a plan, and why it is refused; `refused` is empty when it may be carried out."""

    def found(self, findings: Sequence[CheckFinding]) -> None:
        """Show what the checks of a plan found."""

    def confirm(self, plan: Plan, *, destroys_all: bool) -> bool:
        """Ask for approval, and return whether it was given. Raises UsageError when nobody can be asked."""

    def progress(self, event: Progress) -> None:
        """Show an event of the apply. Called from several threads."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which mappings a run is about, and what its flags allow. `targets` and `excludes` are names or globs; without
    both, all mappings. `refresh` False trusts the state instead of reading AWS. `allow_deletes` None leaves the limit
    to the manifest. `from_owners` are other owners whose mappings may be imported. `checks` says what is asked of AWS about
    what a plan makes, and what an answer stops.
    """

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    destroy: bool = False
    refresh: bool = True
    allow_missing: bool = False
    allow_deletes: int | None = None
    accepted_risks: tuple[str, ...] = ()
    from_owners: tuple[str, ...] = ()
    checks: Checks = "off"


@dataclass(frozen=True, slots=True)
class Execution:
    """How an apply runs. `lock_timeout` is in seconds. `wait` False does not wait for mappings to settle.
    `expected_hash` is the hash of a plan that was approved elsewhere; then the run does not ask for approval.
    """

    auto_approve: bool = False
    parallelism: int = 10
    fail_fast: bool = False
    lock_timeout: float = 0.0
    wait: bool = True
    expected_hash: str = ""


class Run:
    """One run of one command on one manifest. Session and state are opened when first used: a state in a file is read
    without AWS. `opened` makes the session, so that tests can replace it.
    """

    def __init__(
        self,
        manifest: Manifest,
        ui: Ui,
        *,
        loaded: Loaded | None = None,
        clock: WallClock | None = None,
        opened: Callable[[Provider, WallClock], Aws] = Aws,
    ) -> None:
        self.manifest = manifest
        self.loaded = loaded
        self.ui = ui
        self.clock = clock or WallClock()
        self._opened = opened
        self._aws: Aws | None = None
        self._drivers: Drivers | None = None
        self._backend: Backend | None = None
        self._account = ""
        self._waited = 0.0
        self._lines = 0
        refuse_what_is_not_allowed(manifest, loaded)

    @classmethod
    def on(
        cls,
        path: Path,
        ui: Ui,
        *,
        inputs: Inputs | None = None,
        clock: WallClock | None = None,
        opened: Callable[[Provider, WallClock], Aws] = Aws,
    ) -> Self:
        """A run on the manifest in a file or folder, whose warnings are shown. Raises ManifestError."""
        inputs = inputs or Inputs(environment=os.environ)
        loaded = load(path, inputs=inputs, region=environment_region(), member=member_of)
        ui.diagnose(loaded.warnings)
        return cls(loaded.manifest, ui, loaded=loaded, clock=clock, opened=opened)

    @property
    def backend(self) -> Backend:
        """The state's backend. A bucket is not accessed with the credentials of another account: the account is checked
        first. Raises AccountError and other AwsErrors for state in S3.
        """
        if self._backend is None:
            stack, place = self.manifest.stack, self.manifest.state_s3
            if place:
                self.check_account("")  # which account the state belongs to is not known before it is read
                objects = self.aws.bucket(place.bucket, place.region)
                self._backend = S3Backend(
                    objects, place.key, stack, str(place), self._wait_for_lock, self.clock.pause, self.ui.note
                )
            else:
                self._backend = LocalBackend(Path(self.manifest.state_path), stack, self._wait_for_lock)
        return self._backend

    def _wait_for_lock(self, seconds: float) -> bool:
        """Wait between two attempts to lock the state; prints a line every thirty seconds. False when the clock
        was stopped.
        """
        self._waited += seconds
        if self._waited >= STILL * (self._lines + 1):
            self._lines += 1
            self.ui.note(f"still waiting for the state's lock ({self._waited:.0f}s)")
        return self.clock.sleep(seconds)

    @property
    def aws(self) -> Aws:
        """The session, opened when it is first needed: looking at a state in a file needs none. Raises AwsError, such
        as CredentialsError.
        """
        if self._aws is None:
            self._aws = self._opened(self.manifest.provider, self.clock)
        return self._aws

    @property
    def drivers(self) -> Drivers:
        """The drivers of the session, made once: what was read of function policies is read once a run. Raises AwsError."""
        if self._drivers is None:
            self._drivers = Drivers(self.aws, self.manifest.provider)
        return self._drivers

    @property
    def calls(self) -> tuple[int, int]:
        """How many calls were made, and how many of them AWS throttled."""
        return (self._aws.calls.made, self._aws.calls.throttled) if self._aws else (0, 0)

    def connect(self, recorded: str) -> tuple[Aws, str]:
        """The session and its account, which must be the one that is meant. `recorded` is the state's account, or "".
        Raises AccountError and other AwsErrors.
        """
        # Only the session has the region of a profile, which mappings without one get.
        self.manifest = self.manifest.in_region(self.aws.region)
        return self.aws, self.check_account(recorded)

    def check_account(self, recorded: str) -> str:
        """The account of the credentials, 12 digits, asked for once. `recorded` is that of the state, or "". Unlike
        `connect`, does not change the manifest. Raises AccountError and other AwsErrors.
        """
        if not self._account:
            self._account = self.aws.identify()
        allowed = self.manifest.provider.allowed_account_ids
        check_account(self._account, recorded=recorded, allowed=allowed, mappings=self.manifest.mappings.values())
        return self._account
