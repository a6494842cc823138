"""What the pages say where they have an address, and where they have none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from address import sitemap
from bs4 import BeautifulSoup
from landing import draw_card
from PIL import Image

ROOT = Path(__file__).parents[2]
ADDRESS = "https://example.org/book"
CONF = """\
extensions = ["sphinx_exercise", "pages", "address", "extra"]
html_theme = "book"
html_title = "Book"
root_doc = "first"
"""
EXTRA = """\
def collect(app):
    yield "404", {"title": "No such page"}, "404.html"
    yield "index", {}, "layout.html"


def setup(app):
    app.connect("html-collect-pages", collect)
"""
TOC = "parts:\n- caption: Part\n  chapters:\n  - file: deep/second\n"


def build(folder: Path, address: str) -> Path:
    """Build two pages, one of them in a folder."""
    (folder / "deep").mkdir(parents=True)
    (folder / "conf.py").write_text(CONF)
    (folder / "extra.py").write_text(EXTRA)
    (folder / "_toc.yml").write_text(TOC)
    (folder / "first.rst").write_text(
        "First\n=====\n\nWords & more.\n\n.. toctree::\n\n   deep/second\n"
    )
    (folder / "deep" / "second.rst").write_text("Second\n======\n\nWords.\n")
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", folder, folder / "html"],
        env={
            "PYTHONPATH": f"{ROOT / 'book' / '_ext'}:{folder}",
            "SCRATCHCNN_ADDRESS": address,
        },
        check=True,
    )
    return folder / "html"


def heads(html: Path, page: str) -> dict[str, str]:
    """Return what the head of a page says, by its name."""
    head = BeautifulSoup((html / page).read_text(), "html.parser").head
    said = {
        meta.get("name") or meta.get("property"): meta["content"]
        for meta in head.find_all("meta")
        if meta.get("content")
    }
    if link := head.find("link", rel="canonical"):
        said["canonical"] = link["href"]
    return said


def test_a_page_without_an_address_says_what_it_is_and_nothing_more(tmp_path):
    html = build(tmp_path, "")
    said = heads(html, "first.html")
    assert said["description"] == said["og:description"] == "Words & more."
    assert said["og:title"] == "First"
    assert not {"og:url", "og:image", "canonical"} & said.keys()
    assert not (html / "sitemap.xml").exists()


def test_a_page_with_an_address_shows_a_card(tmp_path):
    html = build(tmp_path, ADDRESS)
    said = heads(html, "deep/second.html")
    assert said["og:url"] == said["canonical"]
    assert said["canonical"] == f"{ADDRESS}/deep/second.html"
    assert said["og:image"] == f"{ADDRESS}/_static/card.png"
    found = (html / "sitemap.xml").read_text()
    assert found.count("<url>") == 3
    assert f"<loc>{ADDRESS}/deep/second.html</loc>" in found
    lost = BeautifulSoup((html / "404.html").read_text(), "html.parser")
    links = [e["href"] for e in lost.find_all(["a", "link"], href=True)]
    assert all(link.startswith((ADDRESS, "#")) for link in links)
    assert f"{ADDRESS}/deep/second.html" in links


def test_a_map_is_escaped():
    assert "<loc>a&amp;b</loc>" in sitemap(["a&b"])


def test_the_card_has_the_size_that_is_asked_for(tmp_path):
    draw_card(tmp_path / "card.png", "A title", np.eye(9)[None, None])
    with Image.open(tmp_path / "card.png") as card:
        assert card.size == (1200, 630)
