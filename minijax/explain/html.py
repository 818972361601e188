"""An explanation as a page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .explanation import Explanation


def page(made: Explanation) -> str:
    """The whole page."""
    return f"<!doctype html>\n<meta charset=utf-8>\n<title>{escape(made.name)}</title>\n{fallback(made)}\n"


def fallback(made: Explanation) -> str:
    """The text, for viewers that show no page."""
    return f"<pre>{escape(made.text())}</pre>"
