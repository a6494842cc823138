"""Where the built book is, and the browser that opens its pages."""

import shutil
from pathlib import Path

HTML = Path(__file__).parents[1] / "_build" / "html"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]
