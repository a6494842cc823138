"""What is wrong, and why? `diagnose`."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.doctor.catalog import CAUSES, Cause, variant
from scratchcnn.doctor.chart import Chart, Value, same
from scratchcnn.doctor.comparison import (
    SLIPS,
    advice,
    circumstances,
    contrast,
    first_place,
    places,
)
from scratchcnn.doctor.experiments import examine
from scratchcnn.doctor.kinds import KINDS, Kind
from scratchcnn.doctor.limits import within
from scratchcnn.doctor.reports import Diagnosis, Finding

LIMIT = 10.0  # seconds
LIKELY = 0.5  # what a cause has to explain of a result's probes
STEPS = re.compile("the (first|second|third|fourth)")
TURN = threading.RLock()  # what one patient changes, none other may see
Ill = dict[str, set[str]]


class Known(NamedTuple):
    """A cause, the chart of a patient who has it, and where that is ill."""

    cause: Cause
    chart: Chart
    ill: Ill


@cache
def known(kind: str) -> tuple[Chart, list[Known]]:
    """Return the right chart, and that of each mistake that changes it."""
    one = KINDS[kind]
    right, found = chart_of(one.right(), one), []
    for cause in CAUSES:
        wrong = variant(cause, one.module, one.name)
        if wrong is not None:
            chart = chart_of(wrong, one)
            ill = ill_probes(chart, right)
            found.append(Known(cause, chart, ill))
    return right, [one for one in found if one.ill]


def chart_of(make: Callable[..., Any], kind: Kind) -> Chart:
    """Examine one patient, for as long as it may take."""
    chart = Chart(home(make))
    if not within(LIMIT, lambda: examine(make, kind.probes(), chart)):
        chart["", "time"] = f"it was still busy after {LIMIT:g} seconds"
    return chart


def home(make: Any) -> Path | None:
    """Return the folder of the file in which somebody wrote this."""
    module = sys.modules.get(str(getattr(make, "__module__", "")))
    file = getattr(module, "__file__", None)
    return Path(file).parent if file else None


def ill_probes(mine: Chart, right: Chart) -> Ill:
    """Return for each result in which probes it is wrong.

    What a failure has kept from being seen is not judged, nor what goes
    back from a y of another shape.
    """
    found: Ill = {}
    for (probe, result), value in mine.items():
        shapes = {np.shape(one.get((probe, "y"), ())) for one in (mine, right)}
        if result.startswith("d") and len(shapes) > 1:
            continue
        if not same(value, right.get((probe, result)), result):
            found.setdefault(result, set()).add(probe)
    return found


def overflowed(value: Value | None) -> bool:
    """Say whether there are numbers without end, or an error about them."""
    if isinstance(value, str):
        return value.startswith(("OverflowError", "FloatingPointError"))
    return value is not None and not np.isfinite(value).all()


def alike(mine: Value, theirs: Value | None, result: str) -> float:
    """Say whether two ill results are of one kind: 1, 0, or a half.

    Some programs fail where others go on with the same mistake, which
    speaks neither for it nor against it. A slip of the pen explains itself.
    """
    if isinstance(mine, str) and mine.startswith(SLIPS):
        return 0.0
    if same(mine, theirs, result):
        return 1.0
    if overflowed(mine) and overflowed(theirs):
        return 1.0
    fails = isinstance(mine, str), not isinstance(theirs, np.ndarray)
    return 0.5 if fails[0] != fails[1] else 0.0


def agreement(mine: Chart, ill: Ill, cause: Known) -> dict[str, float]:
    """Return how well a cause explains each result, from 0 to 1.

    It is the share of probes in which both agree, of those in which one
    of them is wrong; nothing if they agree in none. That both stop says
    little: it counts if both do in the same probes, or if the same wrong
    numbers have been seen somewhere; and not if only others have.
    """
    found, seen, stops = {}, set(), set()
    for result in {**ill, **cause.ill}:
        own, others = ill.get(result, set()), cause.ill.get(result, set())
        keys = [(p, result) for p in own | others if (p, result) in mine]
        agree = [alike(mine[k], cause.chart.get(k), result) for k in keys]
        asked = sum(r == result for _, r in cause.chart)
        fails = own == others and all(isinstance(mine[k], str) for k in keys)
        alike_there = 1.0 in agree or (fails and len(own) < asked)
        found[result] = float(np.mean(agree)) if alike_there else 0.0
        numbers = [
            share
            for share, key in zip(agree, keys, strict=True)
            if not isinstance(mine[key], str)
            and isinstance(cause.chart.get(key), np.ndarray)
            and key[0] in own & others
        ]
        seen |= {*numbers}
        if own != others and 1.0 not in numbers:
            stops.add(result)
    if 1.0 in seen:
        return found
    silent = found.keys() if seen else stops
    return {r: 0.0 if r in silent else share for r, share in found.items()}


class Suspect(NamedTuple):
    """A cause, how well it explains each result, and all it would do."""

    cause: Cause
    explains: dict[str, float]
    complete: float


def suspects(kind: str, mine: Chart, ill: Ill) -> list[Suspect]:
    """Return the known causes that explain any result."""
    found = []
    for one in known(kind)[1]:
        share = agreement(mine, ill, one)
        complete = float(np.mean([share[result] for result in one.ill]))
        explains = {r: share[r] for r in ill if share[r] >= LIKELY}
        if explains:
            found.append(Suspect(one.cause, explains, complete))
    return found


def lineup(found: list[Suspect], ill: Ill) -> tuple[list[str], list[Suspect]]:
    """Return results that belong together, and who may be behind them.

    The first suspect explains most of what is left, of what nobody
    explains better; and of two that explain as much, more of what it
    does has been seen.
    """
    best = {
        r: max((s.explains.get(r, 0) for s in found), default=0) for r in ill
    }

    def own(suspect: Suspect) -> list[str]:
        share = suspect.explains
        return [r for r in ill if share.get(r, 0) == best[r] > 0]

    def weight(suspect: Suspect) -> tuple[float, float]:
        return sum(best[r] for r in own(suspect)), suspect.complete

    ranked = sorted(found, key=weight, reverse=True)
    results = own(ranked[0]) if ranked else []
    if not results:
        first = next(iter(ill))
        kind = STEPS.sub("", first)
        alike = [r for r in ill if STEPS.sub("", r) == kind]
        return [r for r in alike if ill[r] == ill[first]], []
    return results, [s for s in ranked if results[0] in s.explains]


def finding(
    kind: str, mine: Chart, results: list[str], ill: Ill, causes: list[Cause]
) -> Finding:
    """Describe results that belong together."""
    one, (right, _) = KINDS[kind], known(kind)

    def stopped(result: str) -> bool:
        return all(isinstance(mine[p, result], str) for p in ill[result])

    results = [r for r in results if not stopped(r)] or results
    main = results[0]
    probes = {probe.name: probe for _, probe in one.probes()}
    seen = [probes[p] for p, r in mine if r == main and p in probes]

    def size(probe: str) -> tuple[bool, int]:
        silent = isinstance(mine[probe, main], str) and not stopped(main)
        return silent, np.size(right.get((probe, main), ""))

    least = min(sorted(ill[main]), key=size)
    pair = mine[least, main], right.get((least, main), "nothing of the kind")
    inside = what = ""
    with suppress(Exception), np.errstate(all="ignore"):
        what = contrast(*pair, main)
        inside = places(*pair, main, one.axes.get(main, ""))
    if stopped(main):
        what = f"stopped: {mine.error(least, main)}"
    elif fails := [p for p in ill[main] if isinstance(mine[p, main], str)]:
        there = f"stopped elsewhere: {mine.error(min(fails), main)}"
        what = f"{what}, and {there}" if what else there
    names = dict.fromkeys(cause.name for cause in causes)
    exhibit = causes[0].exhibit if causes else ""
    read = one.chapter(main)
    return Finding(
        results=results,
        causes=[*names][:3],
        where="; ".join(
            filter(
                None,
                [
                    circumstances(ill[main], seen),
                    inside and f"in the smallest {inside}",
                ],
            )
        ),
        what=what,
        why=causes[0].why if causes else advice(pair[0]),
        read=f"{read}, and exhibit {exhibit} of the bug gallery"
        if exhibit
        else read,
        probe=probes[least].call(one.name) if least in probes else "",
        place=first_place(*pair, main),
        mine=pair[0],
        right=pair[1],
    )


def diagnose(candidate: Callable[..., Any], kind: str) -> Diagnosis:
    """Say what is wrong with a layer, a loss, an optimizer or a step.

    Parameters
    ----------
    candidate : callable
        A class, or a function, that takes what the package's own takes.
    kind : str
        The name of the package's own in small letters: ``"conv2d"``.

    Returns
    -------
    Diagnosis
        Its ``str()`` is what a reader reads. Whatever the candidate
        does, no exception leaves it.

    Raises
    ------
    ValueError
        If there is no such kind.

    Notes
    -----
    Chapter *The doctor*. The patient has ten seconds; a single call into
    compiled code is not waited for, unless it holds Python's lock. Of
    several threads that ask, one has its turn after the other.

    Examples
    --------
    >>> class Lazy(ReLU):
    ...     def backward(self, dy):
    ...         return np.maximum(dy, 0)
    >>> diagnose(ReLU, "relu").healthy
    True
    >>> diagnose(Lazy, "relu").findings[0].causes[0]
    'mask of the gradient'
    """
    if kind not in KINDS:
        raise ValueError(f"diagnose knows {', '.join(KINDS)}, and no {kind!r}")
    with TURN:
        right, _ = known(kind)
        mine = chart_of(candidate, KINDS[kind])
    left, findings = ill_probes(mine, right), []
    found = suspects(kind, mine, left)
    while left:
        results, ranked = lineup(found, left)
        causes = [suspect.cause for suspect in ranked]
        findings.append(finding(kind, mine, results, left, causes))
        left = {r: where for r, where in left.items() if r not in results}
    differs = {
        r for (p, r), v in right.items() if not same(mine.get((p, r)), v, r)
    }
    asked = dict.fromkeys(result for _, result in right)
    agreeing = [result for result in asked if result not in differs]
    seen = [*dict.fromkeys(result for _, result in mine)]
    probes = {probe.name for _, probe in KINDS[kind].probes()}
    findings.sort(key=lambda one: seen.index(one.results[0]))
    return Diagnosis(kind, findings, agreeing, len(probes))
