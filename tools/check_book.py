"""Check the built pages: ``python -m tools.check_book _build/html``.

Every page of the table of contents is there; every link and anchor inside the
book leads somewhere; no id stands twice; every picture has alternative text;
nothing is loaded from another host, neither by a tag nor by a style. The page
for wrong addresses says the book's own, `SCRATCHCNN_ADDRESS`, in full, if
there is one.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

import yaml

LINKED = "href", "xlink:href"
LOADS = {  # by which attributes a tag names what the browser fetches
    **dict.fromkeys(("script", "iframe", "audio", "track"), ("src",)),
    **dict.fromkeys(("embed", "input", "frame"), ("src",)),
    **dict.fromkeys(("img", "source"), ("src", "srcset")),
    **dict.fromkeys(("image", "use", "feimage"), LINKED),
    "video": ("src", "poster"),
    "object": ("data",),
    "base": ("href",),
}
STYLE = re.compile(
    r"(?:url\(|@import|image-set\()\s*[\"']?\s*((?:https?:)?//[^\"')\s;]+)",
    re.IGNORECASE,
)
ELSEWHERE = "data:", "mailto:", "javascript:"


class Page(HTMLParser):
    """What one page holds, noted in one pass.

    Attributes
    ----------
    ids : Counter
        How often each id stands there.
    links : list of str
        Where its tags lead on this host, as they say it.
    faults : list of str
        What is wrong with single tags.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.styled = False
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.faults: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        """Note a tag."""
        self.styled = tag == "style"
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.ids[values["id"]] += 1
        urls = [values[name] for name in ("href", "src") if name in values]
        if values.get("http-equiv", "").lower() == "refresh":
            urls.append(values["content"].partition("url=")[2])
        self.links += [
            url
            for url in urls
            if not is_foreign(url) and not url.lower().startswith(ELSEWHERE)
        ]
        self.faults += [
            f"loads {url.strip()}"
            for url in loaded(tag, values)
            if is_foreign(url)
        ]
        if tag == "img" and not values.get("alt", "").strip():
            self.faults.append(f"no alternative text for {values.get('src')}")

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a style."""
        self.styled = False

    def handle_data(self, data: str) -> None:
        """Note what a style loads."""
        if self.styled:
            self.faults += [f"loads {url}" for url in STYLE.findall(data)]


def is_foreign(url: str) -> bool:
    """Say whether a link leads to another host."""
    return url.strip().lower().startswith(("http:", "https:", "//"))


def loaded(tag: str, values: dict[str, str]) -> list[str]:
    """Return what the browser fetches for a tag, from wherever."""
    if tag == "link":
        named = {"canonical", "license"} & set(values.get("rel", "").split())
        return [] if named else [values.get("href", "")]
    urls = STYLE.findall(values.get("style", ""))
    for name in LOADS.get(tag, ()):
        value = values.get(name, "")
        urls += value.split() if name == "srcset" else [value]
    return urls


def chapters(toc: Any) -> Iterator[str]:
    """Yield every file that a table of contents names, at any depth."""
    for key, value in toc.items() if isinstance(toc, dict) else ():
        if key in ("root", "file"):
            yield value
        elif isinstance(value, list):
            for entry in value:
                yield from chapters(entry)


def resolve(page: Path, path: str) -> Path:
    """Return the file that a relative link of a page leads to."""
    target = (page.parent / unquote(path.split("?")[0])).resolve()
    if not path:
        return page
    return target / "index.html" if target.is_dir() else target


def page_faults(path: Path, pages: dict[Path, Page]) -> Iterator[str]:
    """Yield what is wrong with one page."""
    page = pages[path]
    yield from page.faults
    yield from (f"id {name} twice" for name, n in page.ids.items() if n > 1)
    if not page.links:
        yield "leads nowhere"
    for url in page.links:
        place, anchor = urldefrag(url)
        target = resolve(path, place)
        if target in pages:
            if anchor and unquote(anchor) not in pages[target].ids:
                yield f"no anchor for {url}"
        elif not target.is_file():
            yield f"no file for {url}"


def style_faults(html: Path) -> Iterator[str]:
    """Yield what the files of styles load from other hosts."""
    for path in sorted(html.rglob("*.css")):
        name = path.relative_to(html)
        text = path.read_text("utf-8", "replace")
        if "reports" not in name.parts:
            yield from (f"{name}: loads {url}" for url in STYLE.findall(text))


def main(folder: str, toc: str = "_toc.yml") -> int:
    """Print every fault of the built book; return how many there are."""
    html = Path(folder).resolve()
    address = os.environ.get("SCRATCHCNN_ADDRESS", "").rstrip("/") + "/"
    lost = html / "404.html"
    pages = {
        path: Page(
            path.read_text().replace(f'"{address}', '"')
            if path == lost and address != "/"
            else path.read_text()
        )
        for path in sorted(html.rglob("*.html"))
        if not {"_static", "reports"} & set(path.relative_to(html).parts)
    }
    wanted = [*chapters(yaml.safe_load(Path(toc).read_text())), "index"]
    faults = [
        f"{name}.html was not built"
        for name in wanted
        if html / f"{name}.html" not in pages
    ]
    for path in pages:
        name = path.relative_to(html)
        faults += sorted({f"{name}: {f}" for f in page_faults(path, pages)})
    faults += style_faults(html)
    links = sum(len(page.links) for page in pages.values())
    print(*faults, sep="\n", end="\n" if faults else "")
    print(
        f"{len(pages)} pages checked, {len(wanted)} of them in the table of "
        f"contents, and {links} links: {len(faults)} faults"
    )
    return len(faults)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1]), 1))
