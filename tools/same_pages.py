"""Compare two builds: ``python -m tools.same_pages first/html second/html``.

Every page, every picture and what pages run must be the same, byte for byte.
"""

from __future__ import annotations

import sys
from pathlib import Path

KINDS = {".html", ".svg", ".png"}
RUN = {".whl", ".zip"}  # with Pyodide alone


def contents(html: Path) -> dict[str, bytes]:
    """Return by its name all of a built book that has to be the same."""
    return {
        path.relative_to(html).as_posix(): path.read_bytes()
        for path in html.rglob("*")
        if path.suffix in (RUN if "_static" in path.parts else KINDS)
    }


def main(first: str, second: str) -> int:
    """Print the names of files that differ; return how many there are."""
    one, two = contents(Path(first)), contents(Path(second))
    differ = sorted(
        name
        for name in one.keys() | two.keys()
        if one.get(name) != two.get(name)
    )
    if not any(name.endswith(".html") for name in one):
        differ.append(f"no page in {first}")
    print(*differ, f"{len(one)} files, {len(differ)} differ", sep="\n")
    return len(differ)


if __name__ == "__main__":
    sys.exit(min(main(*sys.argv[1:]), 1))
