"""Does the doctor see what the tests see? He is asked about every mutant.

``python -m tools.patients FILE`` lets mutmut change the modules of which the
doctor knows a kind, one small thing at a time, and writes as JSON how many of
these the doctor calls healthy, and which. Left out are those that change
nothing (what has survived all tests, by `book/records/survivors.json`), those
that change a check at the door, and those that change only the type of an
array, a copy, the name in a message or whether two lists must be of one
length: of these nobody asks the doctor.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from scratchcnn.doctor import KINDS, Diagnosis, diagnose
from scratchcnn.doctor.catalog import executed, source
from scratchcnn.files import write_whole

ROOT = Path(__file__).parents[1]
FORWARD = {"y", "the loss", "running_mean", "running_variance"}
BACK = ("dx", "dw", "db", "dy", "w ", "b ", "a step", "the precision of dx")
UNASKED = {"__repr__", "state", "buffers", "summary", "leaves"}
UNASKED |= {"check_images", "sigmoid"}  # of which nobody asks by itself


# What neither changes a number that the doctor compares, nor is one of the
# words that he reads: the type of an array, the name in a message; a copy, a
# check of lengths. All else in a line must be the same.
TYPE = r",? ?(dtype=)?(np\.(float|int)\d+|\w+\.dtype|None)(?=[,)])|, ?(?=\))"
NAME = (
    r"(name|owner) = .*|errstate\(.*|(?<=below_largest\()(\"\w+\"|None)(?=,)"
)
FORM = r",? ?(strict|copy)=(True|False|None)(?=[,)]|$)|, ?(?=\))"


class Mutant(NamedTuple):
    """One small change of a module."""

    module: str
    function: str
    owner: str
    text: str
    change: list[str]
    door: bool

    def key(self) -> tuple[str, ...]:
        """Return what tells this one from others."""
        return key(self.module, self.owner, self.function, self.change)


def at_the_door(tree: ast.AST) -> set[int]:
    """Return the lines that check what comes in, or say what is wrong."""
    found: set[int] = set()
    for node in ast.walk(tree):
        refuses = isinstance(node, ast.If) and all(
            isinstance(one, ast.Raise) for one in node.body
        )
        called = [
            ast.unparse(one.func)
            for one in ast.walk(node)
            if isinstance(node, (ast.Expr, ast.Assign))
            and isinstance(one, ast.Call)
        ]
        checks = any(
            name.startswith("check_") or name in ("pair", "self.check_images")
            for name in called
        )
        if isinstance(node, ast.Raise) or refuses or checks:
            last = getattr(node, "end_lineno", 0)
            found |= set(range(getattr(node, "lineno", 0), last + 1))
    return found


def mutants(module: str) -> Iterator[Mutant]:
    """Yield all that mutmut makes of a module."""
    from mutmut.mutation.file_mutation import create_mutations, deep_replace

    text = source(module)
    tree = ast.parse(text)
    door = at_the_door(tree)
    places = [
        (node, owner)
        for owner in (tree, *tree.body)
        if isinstance(owner, (ast.Module, ast.ClassDef))
        for node in owner.body
        if isinstance(node, ast.FunctionDef)
    ]
    parsed, changes, *_ = create_mutations(f"{module}.py", text)
    for change in changes:
        replaced = deep_replace(
            parsed, change.original_node, change.mutated_node
        )
        new = replaced.code
        lines = [*difflib.ndiff(text.splitlines(), new.splitlines())]
        number, at, kept = 0, 0, []
        for line in lines:
            number += line[0] in " -"
            if line[0] in "-+":
                kept.append(line[0] + line[2:])
                at = at or number
        for node, owner in places:
            if node.lineno <= at <= (node.end_lineno or 0):
                name = getattr(owner, "name", "")
                yield Mutant(module, node.name, name, new, kept, at in door)


def beside(change: list[str]) -> bool:
    """Say whether only a type, a copy, a name or a warning is changed."""

    def left(sign: str, words: str) -> str:
        lines = [line[1:].lstrip() for line in change if line[0] == sign]
        return "".join(re.sub(words, "", line) for line in lines)

    ways = f"{TYPE}|{NAME}", FORM
    return any(left("-", words) == left("+", words) for words in ways)


def kinds_of(mutant: Mutant) -> list[str]:
    """Return the kinds that a mutant may have made ill."""
    kinds = [k for k, one in KINDS.items() if one.module == mutant.module]
    own = [
        kind
        for kind in kinds
        if KINDS[kind].name in (mutant.owner, mutant.function)
    ]
    return own or kinds


def right_place(mutant: Mutant, found: list[Diagnosis]) -> bool:
    """Say whether what is called ill comes from where the change is.

    A change going back can make no output ill; any change going forward
    may, or may spoil only what is kept for the way back.
    """
    results = {r for d in found for one in d.findings for r in one.results}
    if mutant.function == "backward":
        return all(result.startswith(BACK) for result in results)
    forward = mutant.function in ("forward", "measure")
    return bool(results & FORWARD) or not forward or bool(results)


def examine(mutant: Mutant) -> list[Diagnosis]:
    """Ask the doctor, and return the diagnoses that are not healthy."""
    made: Any = None  # nobody is a patient, too
    with contextlib.suppress(Exception):
        made = executed(mutant.module, mutant.text)
    told = []
    for kind in kinds_of(mutant):
        patient: Any = getattr(made, KINDS[kind].name, None)
        told.append(diagnose(patient, kind))
    return [one for one in told if not one.healthy]


def key(
    module: str, owner: str, function: str, change: list[str]
) -> tuple[str, ...]:
    """Return what tells a mutant from others, however it is indented."""
    lines = sorted(line[0] + line[1:].strip() for line in change)
    return module, owner, function, *lines


def survivors() -> set[tuple[str, ...]]:
    """Return the keys of those that changed nothing any test has noticed."""
    file = ROOT / "book" / "records" / "survivors.json"
    found = set()
    for one in json.loads(file.read_text())["survivors"]:
        path, _, name = one["name"].rpartition(".")
        module = path.partition(".")[2].replace(".", "/")
        place = r"x(?:_|ǁ(\w+)ǁ)(\w+)__mutmut_\d+"
        [(owner, function)] = re.findall(place, name)
        found.add(key(module, owner, function, one["change"]))
    return found


def record() -> dict[str, Any]:
    """Ask about all mutants; return the counts, and who was overlooked."""
    harmless = survivors()
    counts = dict.fromkeys(
        ["mutants", "harmless", "door", "beside", "examined", "healthy"], 0
    )
    counts |= {"placed": 0, "named": 0}
    overlooked = []
    modules = dict.fromkeys(kind.module for kind in KINDS.values())
    every = [mutant for module in modules for mutant in mutants(module)]
    for mutant in tqdm(every):
        counts["mutants"] += 1
        if mutant.key() in harmless:
            counts["harmless"] += 1
            continue
        if mutant.door or mutant.function in UNASKED:
            counts["door"] += 1
            continue
        if beside(mutant.change):
            counts["beside"] += 1
            continue
        counts["examined"] += 1
        found = examine(mutant)
        if not found:
            counts["healthy"] += 1
            overlooked.append(
                {
                    "module": mutant.module,
                    "function": mutant.function,
                    "change": mutant.change,
                }
            )
            continue
        counts["placed"] += right_place(mutant, found)
        counts["named"] += any(f.causes for d in found for f in d.findings)
    return {**counts, "overlooked": overlooked}


def main(path: str) -> None:
    """Write the record."""
    found = record()
    write_whole(path, json.dumps(found, indent=1).encode() + b"\n")
    print({k: v for k, v in found.items() if k != "overlooked"})


if __name__ == "__main__":
    main(sys.argv[1])
