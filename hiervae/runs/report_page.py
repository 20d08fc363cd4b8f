"""HTML pages in one file: text that is escaped unless it is markup, tables, and the page itself."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

VOID = ("img", "meta")

MAX_ENTRIES = 16
"""Entries of a list that are written out."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --muted: #5d6670; --line: #dde1e6;
  --page: #ffffff; --panel: #f5f7f9; --train: #1f6fb2; --valid: #c96508; --shade: #8a94a022; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e3e6ea; --muted: #9aa4af;
  --line: #363d45; --page: #14181c; --panel: #1d2329; --train: #6fb3ea; --valid: #f0a050; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem 1rem 4rem; background: var(--page);
  color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; padding-bottom: .25rem;
  border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { margin: .5rem 0; max-width: 46rem; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: 1rem 0; }
a { color: var(--train); }
.muted, caption, figcaption, .unit { color: var(--muted); }
.missing { border-left: 3px solid var(--valid); padding-left: .7rem; }
.key { display: flex; flex-wrap: wrap; gap: .7rem; margin: 1.2rem 0; }
.key div { background: var(--panel); border-radius: .5rem; padding: .6rem .9rem; }
.key dt { color: var(--muted); font-size: .85rem; }
.key dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; line-height: 1.3; }
.key small { display: block; font-size: .78rem; color: var(--muted); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0 1rem; font-size: .92rem; }
caption { text-align: left; padding-bottom: .3rem; max-width: 46rem; }
th, td { text-align: left; vertical-align: top; padding: .28rem 1.1rem .28rem 0;
  border-bottom: 1px solid var(--line); }
thead th { border-bottom: 2px solid var(--line); white-space: nowrap; }
tbody th { font-weight: 500; }
td { overflow-wrap: anywhere; }
.unit { overflow-wrap: normal; }
td > code { white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code, pre { font: .88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { background: var(--panel); border-radius: .5rem; padding: .8rem; overflow-x: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; }
ul.options { list-style: none; margin: 0; padding: 0; }
.grid { display: grid; gap: 1.2rem; grid-template-columns: repeat(auto-fit,
  minmax(min(100%, 20rem), 1fr)); align-items: start; }
figure { margin: 0; break-inside: avoid; min-width: 0; }
figure.wide { grid-column: 1 / -1; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; background: #ffffff;
  border: 1px solid var(--line); border-radius: .4rem; }
figcaption { font-size: .88rem; padding-top: .35rem; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--muted); font-size: 11px; }
svg .title { fill: var(--ink); font-size: 12.5px; font-weight: 600; }
svg .grid-line { stroke: var(--line); stroke-width: 1; }
svg .shade { fill: var(--shade); }
svg .mark { stroke: var(--muted); stroke-dasharray: 4 3; }
svg .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } nav { display: none; }
  h2, h3 { break-after: avoid; } tr { break-inside: avoid; } .scroll { overflow: visible; } }
"""


class Markup(str):
    """Text that is HTML already; whatever else goes into a page is escaped."""

    __slots__ = ()


def escape(value: object) -> str:
    """`value` as text of a page; what HTML cannot hold or nobody can see becomes U+FFFD."""
    text = str(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
    return html.escape(text)


def join(*content: object) -> Markup:
    """Pieces one after the other."""
    return Markup("".join(c if isinstance(c, Markup) else escape(c) for c in content))


def element(name: str, /, *content: object, **attributes: object) -> Markup:
    """An element.

    Args:
        name: of the element.
        content: what it holds.
        attributes: by name, with `_` for `-` and after reserved words; None leaves one out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>" + ("" if name in VOID else f"{join(*content)}</{name}>"))


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` if it is a record, otherwise an empty one."""
    return value if isinstance(value, Mapping) else {}


def shown(value: Any) -> str:
    """A value of a JSON file as people write it; numbers with six digits."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        entries = [f"({shown(v)})" if isinstance(v, list) else shown(v) for v in value]
        more = f", … ({len(value)} in all)" if len(value) > MAX_ENTRIES else ""
        return ", ".join(entries[:MAX_ENTRIES]) + more
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {shown(entry)}" for key, entry in value.items())
    return str(value)


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> Markup:
    """A table that scrolls where it is too wide; its first column names the rows.

    Args:
        headers: of the columns; none for a table of two columns that needs none.
        rows: cells; a column that begins with a number is set flush right.
        caption: above the table.
    """
    cells = [list(row) for row in rows]
    sides = [_side(value) for value in (cells[0] if cells else headers)]
    columns = [
        element("th", header, scope="col", class_=side)
        for header, side in zip(headers, sides, strict=bool(headers))
    ]
    lines = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(
                element("td", value if isinstance(value, Markup) else shown(value), class_=side)
                for value, side in zip(row[1:], sides[1:], strict=True)
            ),
        )
        for row in cells
    ]
    return element(
        "div",
        element(
            "table",
            element("caption", caption) if caption else "",
            element("thead", element("tr", *columns)) if headers else "",
            element("tbody", *(join("\n", line) for line in lines)),
        ),
        class_="scroll",
    )


def _side(value: Any) -> str | None:
    """The class that sets a column flush right, for one that begins with a number."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "number" if number else None


def page(title: str, generator: str, *content: object) -> str:
    """A whole page that refers to nothing outside itself."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content=generator),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    body = element("body", *(join("\n", piece) for piece in content), "\n")
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"
