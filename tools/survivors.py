"""Which small changes do the tests let pass? What `mutmut` has found.

``python -m tools.survivors FILE`` runs mutmut with the settings of
``pyproject.toml``, and writes as JSON how many mutants were killed, and which
survived for what reason. It fails if fewer than 95 of 100 were killed, if
a survivor has no reason in `REASONS`, or if a file that is to be changed had
no mutant at all.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scratchcnn.files import write_whole

KILLED = "killed", "timeout"

# What a survivor's change looks like, and why it may live. Each pattern is
# searched in the lines that go and those that come.
REASONS = {
    r"float\(\"inf\"\)": "Python reads INF as inf.",
    r"strict=True": "The lists are of one length, by construction.",
    r"astype\(.*copy=False": "A copy more; the numbers are the same.",
    r"(?s)astype\(np\.float64\).*astype\(None\)": "None means float64.",
    r"copy\.copy\(loss\)": "A loss replaces what it has kept, and "
    "changes none of it.",
    r"(bias|weight)\.cast\(None\)": "The result goes into an array of the "
    "right precision anyway.",
    r"reshape\(.*-2|= -2  # none": "Any negative number does what -1 does.",
    r"apart = (None|kh)": "The way for overlapping windows, slower, is right "
    "for all others too.",
    r"\"dtype\", None": "None means float64, which is no integer either.",
    r"below_largest\(|least = ": "It changes a word of an error message.",
    r"count = x\w*\.size": "The size is a multiple of the channels: the two "
    "divisions give the same number.",
    r"\+= np\.multiply\(.*, (out=None)?\)": "A new array holds the same "
    "numbers as the buffer.",
    r"np\.zeros\(\(1, \*input_shape": "Only shapes are asked for.",
    r"\(\(2, \*|x\[:2\]": "Two examples show the same shapes as one.",
    r"width \+ 2": "No number has a larger divisor than itself.",
    r"self\.x\.size / ": "A whole number, written as a float.",
    r"cuts\(ow": "Where a product is cut changes the time alone.",
    r"dtype\.type\(None\)": "NumPy makes NaN of None.",
    r", casting=|batch_last\(dy\), \)": "It is what NumPy does by itself.",
    r"invalid=|\"ignore\", \)": "Only a warning more.",
    r"first = 0 if|range\(len\(self\.stages|i >= first": "Stages that nobody "
    "asks are gone back through in vain.",
    r"and i > 1": "Where the maximum stands changes the time alone.",
    r"shape\[\+1\]": "There are two axes: the second is the last.",
    r"XXiuXX": "No dtype is of the kind X.",
    r"\"dtype\", \)": "What is called ndarray has a dtype.",
    r"AssertionError\(None\)": "It is never reached.",
    r"insert\(1, \(x, dx\)\)": "Each pair has its own directions.",
    r"max\(initial=None\)": "No parameter is empty.",
    r"random\(.*\) >= self\.p": "The two differ only where a random number "
    "equals p exactly.",
}
WORDS = "It changes a name in an error message, and nothing else."


def results() -> dict[str, str]:
    """Return how each mutant has ended, by its name."""
    shown = mutmut("results", "--all", "true")
    found = re.findall(r"^\s*(\S+): (.+)$", shown, re.MULTILINE)
    return {name: status.strip() for name, status in found}


def mutmut(*words: str) -> str:
    """Run mutmut, and return what it prints."""
    command = [sys.executable, "-m", "mutmut", *words]
    return subprocess.run(
        command, check=True, capture_output=True, text=True
    ).stdout


def change(name: str) -> list[str]:
    """Return the lines that a mutant takes away and those it puts there."""
    lines = mutmut("show", name).splitlines()
    return [line for line in lines if re.match(r"[-+](?![-+])", line)]


def without_names(line: str) -> str:
    """Return a check at the door without the names that it would print."""
    name = r"\"[^\"]*\"|\bNone\b|\bself(\.layer)?\b"
    return re.sub(name, "name", line[1:]) if " check_" in line else line


def reason(lines: list[str]) -> str | None:
    """Return why a change is harmless, or None."""
    if len({without_names(line) for line in lines}) == 1:
        return WORDS
    text = "\n".join(lines)
    fitting = (why for what, why in REASONS.items() if re.search(what, text))
    return next(fitting, None)


def untouched(names: Iterable[str]) -> set[str]:
    """Return the files that `pyproject.toml` names, and no mutant does."""
    import tomllib  # which Python 3.10 has not

    settings = tomllib.loads(Path("pyproject.toml").read_text())
    modules = {name.rpartition(".")[0].replace(".", "/") for name in names}
    wanted = set(settings["tool"]["mutmut"]["only_mutate"])
    return wanted - {f"{module}.py" for module in modules}


def record() -> dict[str, Any]:
    """Return the counts, and the survivors with their reasons."""
    ended = results()
    if missing := untouched(ended):
        raise RuntimeError(f"no mutants in {sorted(missing)}")
    lines = {
        name: change(name)
        for name, status in ended.items()
        if status not in KILLED
    }
    return {
        "counts": dict(Counter(ended.values())),
        "mutants": len(ended),
        "killed": len(ended) - len(lines),
        "survivors": [
            {"name": name, "change": text, "reason": reason(text)}
            for name, text in lines.items()
        ],
    }


def run() -> None:
    """Let mutmut try all mutants that it has not tried before.

    With one thread each, and without the tests that call PyTorch: mutmut
    forks, and copied threads wait forever, which would count as killed.
    """
    threads = {f"{lib}_NUM_THREADS": "1" for lib in ("OMP", "MKL", "OPENBLAS")}
    settings = {"HYPOTHESIS_PROFILE": "without shrinking", **threads}
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "2"]
    subprocess.run(command, check=True, env={**os.environ, **settings})


def main(path: str) -> int:
    """Run, and write the record; return how much there is to complain of."""
    run()
    found = record()
    write_whole(path, json.dumps(found, indent=1).encode() + b"\n")
    print(f"{found['killed']} of {found['mutants']} mutants killed")
    unexplained = [s for s in found["survivors"] if s["reason"] is None]
    for survivor in unexplained:
        print("no reason:", survivor["name"], *survivor["change"], sep="\n")
    return len(unexplained) + (found["killed"] < 0.95 * found["mutants"])


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1]), 1))
