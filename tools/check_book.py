"""Check the built pages: ``python -m tools.check_book _build/html``.

Every page of the table of contents is there; every link and anchor inside the
book leads somewhere; no id stands twice; every picture has alternative text;
nothing is loaded from another host.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urldefrag

import yaml
from bs4 import BeautifulSoup, Tag

LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src"}


def resolve(page: Path, path: str) -> Path:
    """Return the file that a relative link of a page leads to."""
    target = (page.parent / unquote(path.split("?")[0])).resolve()
    if not path:
        return page
    return target / "index.html" if target.is_dir() else target


def has_anchor(page: BeautifulSoup | None, anchor: str) -> bool:
    """Say whether a link to `anchor` finds it; other files have none."""
    return page is None or page.find(id=unquote(anchor)) is not None


def missing_pages(html: Path) -> Iterator[str]:
    """Yield each page of the table of contents that was not built."""
    toc = yaml.safe_load(Path("_toc.yml").read_text())
    for part in toc["parts"]:
        for chapter in part["chapters"]:
            name = chapter["file"]
            if not (html / f"{name}.html").is_file():
                yield f"{name}.html was not built"
    if not (html / "index.html").is_file():
        yield "index.html was not built"


def is_foreign(url: str) -> bool:
    """Say whether a link leads to another host."""
    return url.startswith(("http:", "https:", "//"))


def loads_foreign(tag: Tag) -> bool:
    """Say whether the browser would fetch something from another host."""
    if tag.name == "link":
        kinds = tag.get("rel") or []
        return is_foreign(str(tag.get("href", ""))) and not {
            "canonical",
            "license",
        } & set(kinds)
    return is_foreign(str(tag.get(LOADS.get(tag.name, ""), "")))


def page_faults(
    html: Path, page: Path, soups: dict[Path, BeautifulSoup]
) -> Iterator[str]:
    """Yield what is wrong with one page."""
    ids = Counter(str(tag["id"]) for tag in soups[page].find_all(id=True))
    yield from (f"id {name} twice" for name, n in ids.items() if n > 1)
    for tag in soups[page].find_all(True):
        if loads_foreign(tag):
            yield f"loads {tag.get('src') or tag.get('href')}"
        if tag.name == "img" and not str(tag.get("alt", "")).strip():
            yield f"no alternative text for {tag.get('src')}"
        for attribute in "href", "src":
            url = tag.get(attribute)
            if not isinstance(url, str) or is_foreign(url):
                continue
            if url.startswith(("data:", "mailto:", "javascript:")):
                continue
            path, anchor = urldefrag(url)
            target = resolve(page, path)
            if not target.is_file():
                yield f"no file for {url}"
            elif anchor and not has_anchor(soups.get(target), anchor):
                yield f"no anchor for {url}"


def main(folder: str) -> int:
    """Print every fault of the built book; return how many there are."""
    html = Path(folder).resolve()
    files = [
        path
        for path in sorted(html.rglob("*.html"))
        if not {"_static", "reports"} & set(path.relative_to(html).parts)
    ]
    soups = {
        path: BeautifulSoup(path.read_text(), "html.parser") for path in files
    }
    faults = list(missing_pages(html))
    for page in files:
        name = page.relative_to(html)
        faults += sorted(
            {f"{name}: {f}" for f in page_faults(html, page, soups)}
        )
    print(
        *faults, f"{len(files)} pages checked, {len(faults)} faults", sep="\n"
    )
    return len(faults)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1]), 1))
