"""What the doctor tells: `Finding` and `Diagnosis`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchcnn.doctor.chart import Value
from scratchcnn.doctor.comparison import listed

STATED = re.compile(
    r" (are refused|change in|draws|gives|go with|has|is filled|is refused|"
    r"is shuffled|is another) ?"
)
AGAIN = re.compile(r"^(\w+), a second time$")
SENTENCES = {
    "memory of another layer": "each layer has memory of its own",
    "memory of dy": "the gradients have memory of their own",
    "others' random numbers": "others' random numbers stay as they were",
    "the gradients afterwards": "the gradients stay as they were",
}


def sentence(result: str) -> str:
    """Return what should be true, where a result is no number."""
    thing, afterwards, _ = result.partition(" afterwards")
    step = result.removeprefix("a step against ")
    if result in SENTENCES:
        return SENTENCES[result]
    if afterwards:
        return f"{thing} stays as it was"
    if step != result:
        return f"backward takes no step against {step}"
    return result if STATED.search(result) else ""


@dataclass(frozen=True)
class Finding:
    """One mistake, and what shows it.

    Attributes
    ----------
    results : list of str
        What is wrong, such as ``["dx"]``.
    causes : list of str
        What may be the reason, the most likely first; none if no known
        mistake behaves like this.
    where : str
        In which probes, and where in the array.
    what : str
        How the wrong numbers compare with the right ones.
    why : str
        How people come to make this mistake.
    read : str
        Where it is derived.
    probe : str
        The smallest one that shows it, as a call.
    place : tuple of int
        Which matrix of a larger array shows it first.
    mine, right : ndarray or str
        What came there, and what should have come.
    """

    results: list[str]
    causes: list[str]
    where: str
    what: str
    why: str
    read: str
    probe: str
    place: tuple[int, ...]
    mine: Value = field(repr=False)
    right: Value = field(repr=False)

    def told(self) -> bool:
        """Say whether the words say it all, without the two values."""
        main = self.results[0]
        return bool(sentence(main)) or main.startswith("the precision")

    def brief(self) -> str:
        """Return the likeliest cause, or else what is wrong."""
        said, _, _ = str(self).partition(".\n")
        return self.causes[0] if self.causes else said

    def __str__(self) -> str:
        stopped = isinstance(self.mine, str)
        said = [s for r in self.results if (s := sentence(r))]
        things = [r for r in self.results if not sentence(r) and r != "time"]
        lines = []
        if "time" in self.results:
            lines.append("Your code does not come to an end.")
        if things:
            plural = re.match(r"the \w*[^s]s\b", things[0])
            several = plural or len(things) > 1
            wrong = "are wrong" if several else "is wrong"
            if stopped:
                wrong = "are missing" if several else "is missing"
            named = listed(AGAIN.sub(r"the second \1", r) for r in things)
            lines.append(f"{named} {wrong} {self.where}.")
        if said:
            where = "" if things else f", {self.where}"
            lines.append(f"It is not so that {listed(said)}{where}.")
        if self.causes:
            likely = "It may be" if stopped else "Most likely"
            lines.append(f"{likely}: {self.causes[0]}.")
        elif not stopped and not self.told():
            lines.append("No known mistake behaves like this.")
        if self.why:
            lines.append(self.why)
        if self.causes[1:]:
            lines.append(f"Or else: {', '.join(self.causes[1:])}.")
        if stopped:
            lines.append(f"Your code {self.what}.")
        elif self.what:
            lines.append(f"Yours {self.what}.")
        if self.probe:
            lines.append(f"The smallest probe that shows it: {self.probe}")
        if not stopped and not self.told():
            part = f" at {[*self.place]}" if self.place else ""
            lines.append(f"yours{part}: {shown(cut(self.mine, self.place))}")
            lines.append(f"right{part}: {shown(cut(self.right, self.place))}")
        lines.append(f"Read {self.read}.")
        return "\n   ".join(lines)


def shown(value: Value) -> str:
    """Return an array in a few lines."""
    if isinstance(value, str):
        return value
    if value.dtype == bool:
        value = np.where(value, "yes", "no")
    text = np.array2string(
        value,
        formatter={"str_kind": str},
        precision=4,
        suppress_small=True,
        threshold=60,
        edgeitems=3,
    )
    return text.replace("\n", "\n" + 10 * " ")


def cut(value: Value, place: tuple[int, ...]) -> Value:
    """Return of a large array the matrix at some place."""
    return value if isinstance(value, str) else value[place]


def plain(value: Value) -> Any:
    """Return lists of numbers; of texts, where JSON has no such number."""
    if isinstance(value, str):
        return value
    finite = np.isfinite(value).all()
    return (value if finite else value.astype(str)).tolist()


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor has found.

    Attributes
    ----------
    kind : str
        What the patient was meant to be.
    findings : list of Finding
        One for each mistake, as far as they can be told apart.
    agreeing : list of str
        The results that are right in every probe.
    probes : int
        How many there were.

    Notes
    -----
    Chapter *The report*.

    Examples
    --------
    >>> diagnosis = doctor.diagnose(ReLU, "relu")
    >>> diagnosis.healthy
    True
    >>> print(diagnosis)
    relu: healthy in all 6 probes (y, dx, 8 other results)
    """

    kind: str
    findings: list[Finding]
    agreeing: list[str]
    probes: int

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def written(self) -> bool:
        """Whether there is anything to judge, or a NotImplementedError."""
        return not any(
            isinstance(f.mine, str) and "NotImplementedError" in f.mine
            for f in self.findings
        )

    def brief(self) -> str:
        """Return in a few words what was found."""
        return "; ".join(one.brief() for one in self.findings)

    def __str__(self) -> str:
        main = [r for r in self.agreeing if " " not in r.removeprefix("the ")]
        more = len(self.agreeing) - len(main)
        many = "s" if more > 1 else ""
        other = "other " if main else ""
        said = [*main, f"{more} {other}result{many}"] if more else main
        few = {1: "in the only probe", 2: "in both probes"}
        probes = few.get(self.probes, f"in all {self.probes} probes")
        if self.healthy:
            return f"{self.kind}: healthy {probes} ({', '.join(said)})"
        right = f"right {probes}: {', '.join(said)}"
        nothing = f"nothing is right {probes}"
        lines = [f"{self.kind}: {right if said else nothing}"]
        found = enumerate(self.findings, 1)
        return "\n\n".join(lines + [f"{i}. {one}" for i, one in found])

    def to_dict(self) -> dict[str, Any]:
        """Return the same as numbers, texts and lists, for programs."""
        return {
            "kind": self.kind,
            "healthy": self.healthy,
            "written": self.written,
            "probes": self.probes,
            "agreeing": self.agreeing,
            "findings": [
                {
                    **vars(one),
                    "mine": plain(one.mine),
                    "right": plain(one.right),
                }
                for one in self.findings
            ],
        }
