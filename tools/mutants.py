"""Are the tests any good? Plant every bug of `tools.bugs`, and see.

``python -m tools.mutants FILE`` plants the bugs one by one in copies of the
package, runs the tests of the module on each, and writes as JSON which kinds
of check have noticed. It fails if a bug's own test has not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tqdm import tqdm

from scratchcnn.doctor.catalog import Cause
from scratchcnn.files import write_whole
from tools.bugs import BUGS, ROOT, plant

KINDS = (
    "shapes",
    "naive loops",
    "finite differences",
    "PyTorch",
    "other tests",
    "actual updates",
    "training curve",
)
MARKERS = {
    "equation": "naive loops",
    "pytorch": "PyTorch",
    "finite_differences": "finite differences",
}


class Kinds:
    """Notes while pytest runs which tests fail, by the kind of check."""

    def __init__(self) -> None:
        self.failed: dict[str, list[str]] = defaultdict(list)
        self.ran: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Any:
        """Note a test's end."""
        report = yield
        name = item.nodeid.split("[")[0].removeprefix("tests/")
        kinds = (MARKERS[m] for m in MARKERS if item.get_closest_marker(m))
        kind = next(kinds, "other tests")
        if report.when == "call" and not report.skipped:
            self.ran.add(kind)
        if report.failed and name not in self.failed[kind]:
            self.failed[kind].append(name.replace(".py", ""))
        return report


def judge(*files: str) -> dict[str, Any]:
    """Run these test files on the package of this folder."""
    kinds = Kinds()
    options = "-q --no-header --tb=no -n0 -pno:cacheprovider"
    code = pytest.main([*options.split(), *files], plugins=[kinds])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"{files} did not run to their end: {code!r}")
    return {"failed": kinds.failed, "ran": sorted(kinds.ran)}


def ask(folder: Path, *words: str) -> Any:
    """Run a module of the tests there; return the JSON of its last line."""
    variables = {
        **os.environ,
        "HYPOTHESIS_PROFILE": "without shrinking",
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=900,
    )
    if done.returncode:
        raise RuntimeError(done.stderr or done.stdout)
    return json.loads(done.stdout.splitlines()[-1])


def curve_notices(symptoms: dict[str, Any]) -> bool:
    """Say whether some loss did not end below its start, or a run failed."""
    runs = [*symptoms["plain"], *symptoms["full"]]
    return not all(
        "losses" in run and run["losses"][-1] < run["losses"][0]
        for run in runs
    )


def accuracies(symptoms: dict[str, Any]) -> dict[str, list[float | None]]:
    """Return each network's accuracy for each seed; None if it failed."""
    return {
        name: [run.get("accuracy") for run in symptoms[name]]
        for name in ("plain", "full")
    }


def examine(bug: Cause) -> dict[str, Any]:
    """Plant one bug, and return what noticed it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        plant(bug, folder)
        killer = bug.killer.split("::")[0]
        home = Path("tests", bug.module)
        own = home.with_name(f"test_{home.name}.py").as_posix()
        files = {own, f"tests/{killer}.py"}
        told = ask(folder, "tools.mutants", "--judge", *sorted(files))
        symptoms = ask(folder, "tools.symptoms")
    failed = told["failed"]
    noticed = {
        "shapes": symptoms["shapes"] is not True,
        "actual updates": symptoms["updates"] is not True,
        "training curve": curve_notices(symptoms),
        **{kind: bool(failed.get(kind)) for kind in told["ran"]},
    }
    return {
        "name": bug.name,
        "module": bug.module,
        "why": bug.why,
        "killer": bug.killer,
        "killed": bug.killer
        in {name for names in failed.values() for name in names},
        "noticed": {kind: noticed.get(kind) for kind in KINDS},
        "accuracies": accuracies(symptoms),
    }


def main(path: str) -> int:
    """Examine all bugs, write the matrix, and name those that survive."""
    sound = ask(ROOT, "tools.symptoms")
    if curve_notices(sound) or not sound["shapes"] is sound["updates"] is True:
        raise RuntimeError(f"the package itself looks ill: {sound}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(tqdm(pool.map(examine, BUGS), total=len(BUGS)))
    matrix = {
        "kinds": KINDS,
        "sound": accuracies(sound),
        "bugs": found,
    }
    write_whole(path, json.dumps(matrix, indent=1).encode() + b"\n")
    survivors = [bug["name"] for bug in found if not bug["killed"]]
    print(f"{len(found)} bugs planted, {len(survivors)} not killed by name")
    print(*survivors, sep="\n")
    return len(survivors)


if __name__ == "__main__":
    if sys.argv[1] == "--judge":
        print(json.dumps(judge(*sys.argv[2:])))
    else:
        sys.exit(min(main(sys.argv[1]), 1))
