"""Thousands of random histories, shared by processes that have a database each. A failure prints its shortest history.

./dev histories [--histories 2000] [--steps 30] [--seed 1] [--processes 2]
"""

import argparse
import os
import secrets
import subprocess
import sys
import time


def main() -> int:
    """Returns how many processes found something."""
    parser = argparse.ArgumentParser(prog="./dev histories", description=__doc__)
    parser.add_argument("--histories", type=int, default=2000, help="how many altogether (default 2000)")
    parser.add_argument("--steps", type=int, default=30, help="the most steps of one (default 30)")
    parser.add_argument("--seed", type=int, default=None, help="the same histories again (default: others each time)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: one per core")
    asked = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    began = time.monotonic()
    print(
        f"{asked.histories} histories of {asked.steps} steps, --seed {seed}, --processes {asked.processes}", flush=True
    )
    shares = [
        asked.histories // asked.processes + (place < asked.histories % asked.processes)
        for place in range(asked.processes)
    ]
    running = [_begin(share, steps=asked.steps, seed=seed + place) for place, share in enumerate(shares) if share]
    failed = sum(process.wait() != 0 for process in running)
    print(f"{len(running) - failed} of {len(running)} processes found nothing; {time.monotonic() - began:.0f} s")
    return failed


def _begin(histories: int, *, steps: int, seed: int) -> subprocess.Popen[bytes]:
    told = {
        "HISTORIES_PROFILE": "thousands",
        "HISTORIES_COUNT": str(histories),
        "HISTORIES_STEPS": str(steps),
    }
    asked = [sys.executable, "-m", "pytest", "tests/properties", "-q", "-p", "no:cacheprovider"]
    return subprocess.Popen([*asked, f"--hypothesis-seed={seed}"], env={**os.environ, **told})


sys.exit(main())
