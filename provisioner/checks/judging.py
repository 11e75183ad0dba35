"""Runs checks: asks what they ask, each question once, and collects what they found. Pure, but for the asking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from provisioner.checks.case import Case, Check, Judging, Subject
from provisioner.model.checks import Answer, CheckFinding, CheckLevel, Question
from provisioner.model.place import Place
from provisioner.model.words import counted

Ask = Callable[[Sequence[Question]], Mapping[Question, Answer]]


@dataclass(slots=True)
class _Work:
    """A check of one mapping that waits for answers."""

    order: tuple[int, int]
    check: Check
    case: Case
    judging: Judging
    waits_for: tuple[Question, ...]


def judge(
    subjects: Iterable[Subject], among: Sequence[Subject], checks: Sequence[Check], ask: Ask
) -> tuple[CheckFinding, ...]:
    """What the checks find about the subjects, in their order; then what could not be asked, each permission once.

    `among` are all mappings of the manifest. `ask` is called a few times, with the questions that are new: what an answer leads
    to is asked in the next round.
    """
    answers: dict[Question, Answer] = {}
    found: dict[tuple[int, int], list[CheckFinding]] = {}
    waiting: list[_Work] = []
    for place, subject in enumerate(subjects):
        for number, check in enumerate(checks):
            if subject.kind in check.kinds:
                case = Case(subject, among)
                _go_on(_Work((place, number), check, case, check.judge(case), ()), None, found, waiting)
    while waiting:
        new = dict.fromkeys(question for work in waiting for question in work.waits_for if question not in answers)
        if new:
            answers.update(ask(list(new)))
        now, waiting = waiting, []
        for work in now:
            _go_on(work, tuple(answers[question] for question in work.waits_for), found, waiting)
    listed = [item for order in sorted(found) for item in found[order]]
    return (*listed, *_skipped(answers))


def _go_on(
    work: _Work,
    answers: tuple[Answer, ...] | None,
    found: dict[tuple[int, int], list[CheckFinding]],
    waiting: list[_Work],
) -> None:
    """Give a check its answers, until it waits for others or has ended."""
    try:
        # A generator that has not begun takes None alone.
        work.waits_for = next(work.judging) if answers is None else work.judging.send(answers)
        waiting.append(work)
    except StopIteration as end:
        if end.value:
            found[work.order] = end.value
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # Not as AWS's model has it: of an emulator, or in a text that anybody may have written, such as a policy.
        message = f"{work.check.code} skipped: AWS's answer has an unknown shape: {error}"
        found[work.order] = [work.case.found("C100", CheckLevel.SKIPPED, message, "pass --checks off")]


def _skipped(answers: Mapping[Question, Answer]) -> Iterable[CheckFinding]:
    """What could not be asked: one finding for each permission, denied or not, with the first reason."""
    groups: defaultdict[tuple[str, bool], list[tuple[Question, Answer]]] = defaultdict(list)
    for question, answer in answers.items():
        if answer.trouble:
            groups[question.action, answer.denied].append((question, answer))
    for (action, denied), asked in sorted(groups.items(), key=lambda group: group[0]):
        regions = ", ".join(sorted({question.region for question, _ in asked}))
        question, answer = asked[0]
        why = f"these credentials may not {action} in {regions}" if denied else answer.trouble
        hint = f"allow {action}" if denied else f"check the access to {question.service}"
        message = f"{counted(len(asked), 'question')} skipped: {why}"
        yield CheckFinding("C100", CheckLevel.SKIPPED, "", message, Place(""), f"{hint}, or pass --checks off", action)
