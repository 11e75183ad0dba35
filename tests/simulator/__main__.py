"""Plays histories: `python -m tests.simulator 10000 [--seed S]`. A single one is printed."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from random import SystemRandom

from tests.simulator.history import play


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("histories", type=int)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9), help="the seed of the first one")
    parser.add_argument("--s3", action="store_true", help="with mappings of S3 too")
    given = parser.parse_args()
    began, counts, failed = time.process_time(), Counter[str](), 0
    print(f"seeds {given.seed} to {given.seed + given.histories - 1}", flush=True)
    for seed in range(given.seed, given.seed + given.histories):
        played = play(seed, has_s3=given.s3)
        counts.update(played.counts)
        if given.histories == 1:
            print("\n".join(played.story))
        if played.violations:
            failed += 1
            print(f"{seed}: {'; '.join(played.violations)}", flush=True)
    for what, times in counts.most_common() if given.histories > 1 else ():
        print(f"{times:8} {what}")
    print(f"{given.histories} histories, {failed} failed, {time.process_time() - began:.0f} s")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
