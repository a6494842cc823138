"""What the pages say where they have an address: cards, and a map of the site.

The address is `html_baseurl`, or the environment's `SCRATCHCNN_ADDRESS`; no
page invents one. With it, a link to a page is shown with the card that
`landing` draws; `sitemap.xml` lists the pages for search engines; and the
page for wrong addresses, which is shown at any depth, leads back.
"""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from docutils import nodes
from pages import parts
from sphinx.application import Sphinx
from sphinx.config import Config

CARD = "_static/card.png"


def find_address(app: Sphinx, config: Config) -> None:
    """Take the address from the environment, unless one is configured."""
    address = config.html_baseurl or os.environ.get("SCRATCHCNN_ADDRESS", "")
    config.html_baseurl = address and address.rstrip("/") + "/"


def lead_back(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    tree: nodes.document | None,
) -> None:
    """Say where the card is; on the page for wrong addresses, use the whole.

    It is a page of the uppermost folder, so its own links begin there.
    """
    address = app.config.html_baseurl
    if not address:
        return
    context["card"] = urljoin(address, CARD)
    if page == "404":
        below = context["pathto"]
        context["pathto"] = lambda *place: urljoin(address, below(*place))
        context["content_root"] = address
        context["contents"] = context["contents"].replace(
            'href="', f'href="{escape(address)}'
        )


def sitemap(addresses: list[str]) -> str:
    """Return the map of a site, as search engines read it."""
    urls = "".join(f"<url><loc>{escape(url)}</loc></url>" for url in addresses)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        f"{urls}</urlset>\n"
    )


def write_map(app: Sphinx, error: Exception | None) -> None:
    """Write the map of the site."""
    address = app.config.html_baseurl
    if error or app.builder.format != "html" or not address:
        return
    pages = ["index", app.config.root_doc]
    for _, names in parts(Path(app.srcdir)):
        pages += names
    uris = [urljoin(address, app.builder.get_target_uri(p)) for p in pages]
    Path(app.outdir, "sitemap.xml").write_text(sitemap(uris))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the steps; the layout is filled before the second of them."""
    app.connect("config-inited", find_address)
    app.connect("html-page-context", lead_back, priority=600)
    app.connect("build-finished", write_map)
    return {"version": "1", "parallel_read_safe": True}
