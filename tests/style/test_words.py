"""Plain technical English: words that documentation and package do without."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What not to write, and what to write instead.
WORDS = {
    r"hang(s|ing)? on\b": "depends on",
    r"(gives?|given) density to": "support",
    r"\bpossible=": "require_support=",
    r"\bjointly\(": "encode_with_pseudo_inputs(",
    r"start(ing)? values?": "initial value, or data-dependent initialisation",
    r"values_kept": "restore_on_error",
    r"treats_weights_apart": "is_elementwise",
    r"\ba (level|stochastic level|pass|backend|step|batch|row|unit)[;,]? alike": "per level",
    r"(one|a single|term|array|matrix|block|layer|gate|file|number|figure|picture) an? level\b": (
        "per level"
    ),
    r"\b(examples|rows|steps|tokens) a (pass|second|batch|step|row)\b": "per pass",
    r"knows? nothing of": "does not depend on, or ignores",
    r"ask(s|ed)? back": "calls back",
    r"course of beta": "beta during training",
    r"of no (account|matter)": "irrelevant",
    r"comes? to life": "is used",
    r"takes? the place of": "replaces",
}

# American spellings; identifiers that Keras fixed are in code and not looked at.
SPELLINGS = {
    r"\b(optim|normal|initial|binar|serial|standard|regular|minim|maxim|general|summar)iz[ei]": (
        "-is-"
    ),
    r"\b[cC]olor(s|ed|ing)?\b": "colour",
    r"\b[bB]ehavior\b": "behaviour",
    r"\b[gG]ray(s)?\b": "grey",
}

PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def prose(text: str) -> str:
    """Markdown without code, lines kept."""
    text = re.sub(r"^```.*?^```", lambda m: "\n" * m.group().count("\n"), text, flags=re.M | re.S)
    text = re.sub(r"<\S+>|\((\S+/\S*|\S+\.\w+|#\S+)\)", "()", text)
    return re.sub(r"`[^`\n]*`", "``", text)


def faults(text: str, words: dict[str, str]) -> list[str]:
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        for pattern, instead in words.items():
            if match := re.search(pattern, line, re.IGNORECASE):
                found.append(f"line {number}: {match.group()!r}; write {instead!r}")
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_uses_plain_words(path):
    text = prose(path.read_text(encoding="utf-8"))
    assert faults(text, {**WORDS, **SPELLINGS}) == []


def test_the_package_uses_plain_words():
    found = [
        f"{path.relative_to(ROOT)}, {fault}"
        for path in sorted((ROOT / "hiervae").rglob("*.py"))
        for fault in faults(path.read_text(encoding="utf-8"), WORDS)
    ]
    assert found == []


def test_the_test_sees_what_it_looks_for():
    assert faults("It hangs on z.", WORDS) == ["line 1: 'hangs on'; write 'depends on'"]
    assert faults("Optimizers of colour", SPELLINGS) == [
        "line 1: 'Optimize'; write '-is-'",
    ]
    assert prose("a `color` b\n```python\ncolor\n```\nc") == "a `` b\n\n\n\nc"
