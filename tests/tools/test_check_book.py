"""The check of the built pages finds each fault that is planted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import check_book

TOC = """
root: book/preface
parts:
  - chapters:
      - file: book/layers/dense
        sections:
          - file: book/layers/dense-again
"""
PREFACE = """
<h1 id="top">Preface</h1>
<a href="layers/dense.html#the%20sum">a chapter</a>
<a href="layers/">its folder</a>
<a href="https://example.org/#elsewhere">another host</a>
<link rel="canonical" href="https://example.org/">
<img src="../_images/sum.svg" alt="a sum">
"""
CHAPTER = """
<p id="the sum">1 + 1 <a href="">here</a> <a href="#the sum">above</a>
"""
INDEX = '<meta http-equiv="Refresh" content="0; url=book/preface.html">'


@pytest.fixture
def html(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a built book of three pages, in which nothing is wrong."""
    monkeypatch.chdir(tmp_path)
    layers = Path("html", "book", "layers")
    layers.mkdir(parents=True)
    Path("_toc.yml").write_text(TOC)
    Path("html", "index.html").write_text(INDEX)
    Path("html", "book", "preface.html").write_text(PREFACE)
    for name in "dense", "dense-again", "index":
        (layers / f"{name}.html").write_text(CHAPTER)
    Path("html", "_images").mkdir()
    Path("html", "_images", "sum.svg").write_text("<svg/>")
    return Path("html")


def test_a_sound_book_is_counted(
    html: Path, capsys: pytest.CaptureFixture[str]
):
    assert check_book.main("html") == 0
    assert capsys.readouterr().out == (
        "5 pages checked, 4 of them in the table of contents, and 10 links: "
        "0 faults\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("the%20sum", "sum", "no anchor for layers/dense.html#sum"),
        ('"layers/"', '"layer/"', "no file for layer/"),
        ("sum.svg", "sums.svg", "no file for ../_images/sums.svg"),
        ('alt="a sum"', 'alt=" "', "no alternative text for ../_images/sum"),
        ("<img ", '<i id="top"><img ', "id top twice"),
        ('rel="canonical"', 'rel="icon"', "loads https://example.org/"),
        *(
            ("<h1", f"{tag}<h1", "loads //example.org/x")
            for tag in (
                '<script src="//example.org/x"></script>',
                '<video src="//example.org/x"></video>',
                '<video poster=" //example.org/x"></video>',
                '<audio src="//example.org/x"></audio>',
                '<img srcset="top.svg 1x, //example.org/x 2x" alt="Top">',
                '<embed src="//example.org/x">',
                '<object data="//example.org/x"></object>',
                '<svg><image href="//example.org/x"/></svg>',
                '<svg><image xlink:href="//example.org/x"/></svg>',
                '<p style="background: url(//example.org/x)"></p>',
                '<style>@import url("//example.org/x");</style>',
                "<STYLE>p {} @import '//example.org/x';</STYLE>",
            )
        ),
        ("<h1", '<iframe src="HTTPS://example.org"></iframe><h1', "loads HT"),
    ],
)
def test_a_planted_fault_is_found(
    html: Path,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    fault: str,
):
    page = html / "book" / "preface.html"
    page.write_text(PREFACE.replace(old, new))
    assert check_book.main("html") == 1
    assert capsys.readouterr().out.startswith(f"book/preface.html: {fault}")


def test_what_a_style_loads_from_this_host_is_no_fault(
    html: Path, capsys: pytest.CaptureFixture[str]
):
    style = html / "_static" / "styles" / "book.css"
    style.parent.mkdir(parents=True)
    style.write_text(
        "/* https://example.org */ @import '../basic.css'; a {src: url(a)}"
        "b {background: url(\"data:image/svg+xml,<svg xmlns='http://w3'>\")}"
    )
    page = html / "book" / "preface.html"
    page.write_text(f"{PREFACE}<style>a {{}}</style>url(//example.org)")
    assert check_book.main("html") == 0
    style.write_text("a {src: URL( 'https://example.org/a.woff' )}")
    assert check_book.main("html") == 1
    told = "_static/styles/book.css: loads https://example.org/a.woff\n"
    assert told in capsys.readouterr().out


def test_the_page_for_wrong_addresses_may_say_the_book_s_own(
    html: Path, monkeypatch: pytest.MonkeyPatch
):
    link = '<link rel="stylesheet" href="https://example.org/book/{}">'
    page = html / "404.html"
    page.write_text(link.format("book/preface.html"))
    assert check_book.main("html") == 2
    monkeypatch.setenv("SCRATCHCNN_ADDRESS", "https://example.org/book")
    assert check_book.main("html") == 0
    page.write_text(link.format("book/lost.html"))
    assert check_book.main("html") == 1


@pytest.mark.parametrize(
    "name", ["preface", "layers/dense", "layers/dense-again"]
)
def test_a_page_that_was_not_built_is_missed_at_any_depth(
    html: Path, capsys: pytest.CaptureFixture[str], name: str
):
    (html / "book" / f"{name}.html").unlink()
    assert check_book.main("html") >= 1
    assert f"book/{name}.html was not built" in capsys.readouterr().out


def test_nothing_is_no_sound_book(
    html: Path, capsys: pytest.CaptureFixture[str]
):
    assert check_book.main("nowhere") == 4
    for page in html.rglob("*.html"):
        page.write_text("")
    assert check_book.main("html") == 5
    assert "book/preface.html: leads nowhere" in capsys.readouterr().out
