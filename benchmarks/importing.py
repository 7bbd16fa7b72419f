"""Time `import framework` against `import numpy` alone.

    python benchmarks/importing.py [--rounds 21]

Each is imported in a Python of its own, in turns, so that whatever else the
machine does meets both. The medians are printed, and their ratio, which is to be
at most 1.2: framework/ imports NumPy, and little besides.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMED = """
import time
start = time.perf_counter()
import {}
print(time.perf_counter() - start)
"""


def seconds(module):
    """How long a new Python takes to import a module."""
    command = [sys.executable, "-c", TIMED.format(module)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # compile only once
    run = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True
    )
    return float(run.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    modules = "numpy", "framework"
    for module in modules:
        seconds(module)  # the first time, it is compiled as well
    times = [[seconds(module) for module in modules] for _ in range(rounds)]
    medians = [statistics.median(column) for column in zip(*times)]
    for module, median in zip(modules, medians):
        print(f"import {module:<10} {1000 * median:6.1f} ms")
    print(f"ratio             {medians[1] / medians[0]:6.2f}")


if __name__ == "__main__":
    main()
