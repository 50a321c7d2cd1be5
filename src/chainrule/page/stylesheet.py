"""The style sheet of a page, for light, dark and narrow screens and for print.

There are no scripts: the language is a radio button, formulas in words are a check box, and related elements
are highlighted by ``:has``. A browser without ``:has`` shows both languages one below the other.
"""

from __future__ import annotations

from collections.abc import Iterable

STYLE = """
.chainrule {
  --ink: #1b1f24; --pale: #57606a; --paper: #fff; --rule: #d8dee4; --lit: #fff3bf; --mark: #ffe066;
  --up: #2563a8; --down: #d1660f; --shape: #f3f6fa; --accent: #0b57a4; --strong: #c2255c;
  font: 16px/1.65 system-ui, "Noto Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif;
  max-width: 62rem; margin: 0 auto; padding: 1rem; color: var(--ink); background: var(--paper);
  overflow-wrap: break-word;
  h1 { font-size: 1.5rem; line-height: 1.3; margin: .6rem 0 1rem; }
  h2 { font-size: 1.15rem; line-height: 1.35; margin: 2rem 0 .5rem; padding-bottom: .2rem;
    border-bottom: 1px solid var(--rule); }
  p { margin: .5rem 0; } ul { list-style: none; padding: 0; margin: .5rem 0; }
  a { color: inherit; text-decoration: none; }
  a:hover, a:focus-visible { background: var(--lit); outline: none; }
  :target { background: var(--mark); --line: var(--strong); scroll-margin-top: 4rem; }
  summary { cursor: pointer; } summary h2 { display: inline-block; border: 0; }
  .switches { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .2rem .5rem;
    align-items: center; padding: .5rem 0; background: var(--paper); font-size: .9rem; }
  .switches label { margin-right: .6rem; cursor: pointer; }
  &:has(#lang-en:checked) .in-zh, &:has(#lang-zh:checked) .in-en { display: none; }
  .contents { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin-bottom: 1rem; font-size: .9rem;
    color: var(--accent); }
  .lines { display: grid; grid-template-columns: 3.4rem minmax(0, 1fr); margin: .3rem 0;
    content-visibility: auto; contain-intrinsic-size: auto 3rem; }
  .label { color: var(--pale); padding-top: .15rem; }
  .equation { overflow: auto hidden; padding: .2rem .3rem; border-radius: .3rem; }
  .step { display: inline-block; white-space: nowrap; }
  .result { font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
  .words, .note, .more, .leads { color: var(--pale); font-size: .9rem; } .note { margin-left: .8rem; }
  .words { display: none; padding: 0 .3rem .3rem; } .aloud, &:has(#words:checked) .words { display: block; }
  math { font-size: 1.08em; math-style: normal; font-family: "Cambria Math", "STIX Two Math",
    "Latin Modern Math", "DejaVu Math TeX Gyre", "Noto Sans Math", math, serif; }
  math math { font-size: 1em; } mtext[class] { border-radius: .2em; }
  .table { overflow-x: auto; } table { border-collapse: collapse; margin: .5rem 0; }
  th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--rule); text-align: left;
    white-space: nowrap; }
  th { color: var(--pale); font-weight: 600; font-size: .9rem; }
  .right { text-align: right; font-variant-numeric: tabular-nums; }
  .diagram { overflow-x: auto; margin: .5rem 0 1.2rem;
    svg { display: block; max-width: none; font-size: 13px; }
    text { fill: var(--ink); text-anchor: middle; } .title { font-weight: 600; }
    .small { font-size: 10.5px; } .value { fill: var(--pale); font-size: 11px; }
    circle, rect { fill: var(--shape); stroke: var(--line, var(--pale)); stroke-width: 1.5; }
    .positive { stroke: var(--line, var(--up)); } .negative { stroke: var(--line, var(--down)); }
    .flow { stroke: var(--rule); stroke-width: 2; } .band { fill: var(--shape); }
    .reach { stroke: transparent; stroke-width: 12; } a:hover { --line: var(--strong); }
    a:hover .positive, a:hover .negative, :target .positive, :target .negative { stroke-width: 6; }
  }
}
@media (max-width: 34rem) { .chainrule { padding: .6rem;
  .lines { grid-template-columns: minmax(0, 1fr); } .label { padding: 0; font-size: .85rem; }
  .diagram svg { width: 100%; height: auto; font-size: 15px; } .diagram .value { font-size: 14px; } } }
@media (prefers-color-scheme: dark) { .chainrule { --ink: #e6edf3; --pale: #9198a1; --paper: #0d1117;
  --rule: #3d444d; --lit: #3b3410; --mark: #5c4d00; --up: #6cb6ff; --down: #f0a25e; --shape: #161b22;
  --accent: #79c0ff; --strong: #ff7eb6; } body:has(> .chainrule) { background: #0d1117; } }
@media print { .chainrule { max-width: none;
  .diagram svg { max-width: 100%; height: auto; min-width: 0 !important; }
  .switches, .contents, .leads { display: none; }
  .lines, tr { break-inside: avoid; } .lines { content-visibility: visible; }
  details::details-content { content-visibility: visible; } } }
"""

MAX_HIGHLIGHTED = 60  # maximum number of classes with a highlighting rule


def lighting(classes: Iterable[str]) -> str:
    """Return the CSS rules that highlight each of ``MAX_HIGHLIGHTED`` numbers, one class each, together."""
    rules = [
        f".chainrule:has(.{name}:hover) .{name}{{background:var(--lit);--line:var(--strong)}}"
        for name, _ in zip(classes, range(MAX_HIGHLIGHTED), strict=False)
    ]
    return "\n".join(rules)
