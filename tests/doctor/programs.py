"""Wrong programs, in other styles than the catalog's: `WRONG`.

Each is one of the programs in `styles`, of loops or of whole arrays, with a
mistake of `wrong.toml` where somebody who writes in that style would make it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from scratchcnn.doctor import KINDS
from tests.doctor.styles import arrays, loops

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

STYLES = {"loops": loops, "arrays": arrays}


text_of = cache(inspect.getsource)


class Wrong(NamedTuple):
    """A mistake, where it is made, and what takes the place of what."""

    cause: str
    kind: str
    style: str
    edits: list[tuple[str, str]]

    def program(self) -> Callable[..., Any]:
        """Return the wrong class, or function."""
        style, name = STYLES[self.style], KINDS[self.kind].name
        text = text_of(getattr(style, name))
        for old, new in self.edits:
            assert text.count(old) == 1, f"{self.cause}, {self.style}: {old}"
            text = text.replace(old, new)
        module = ModuleType(style.__name__)
        vars(module).update(vars(style))
        exec(
            compile(text, f"{self.cause}, {self.style}", "exec"), vars(module)
        )
        return getattr(module, name)


FILE = Path(__file__).with_name("wrong.toml")
WRONG = [
    Wrong(entry["cause"], entry["kind"], style, entry[style])
    for entry in tomllib.loads(FILE.read_text())["mistake"]
    for style in STYLES
]
