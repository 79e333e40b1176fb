from unicodedata import bidirectional, category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eetui.core.text import CLOSE, LIMIT, OPEN, told, visible, visible_lines

ANY = st.text(st.characters(exclude_categories=()), max_size=80)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("names.txt", "names.txt"),
        ("a\x1b[31mb\x07", "a␛[31mb␇"),
        ("\x9b2J\x7f", "\\x9b2J␡"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("two\nlines\tand a tab", "two␊lines␉and a tab"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\udc80", "\\udc80"),
        ("\u2028", "\\u2028"),
        ("שלום", f"{OPEN}שלום{CLOSE}"),
        (f"a{CLOSE}b", "a\\u2069b"),
        (f"{OPEN}{OPEN}{OPEN}a{CLOSE}{CLOSE}{CLOSE}", "\\u2068" * 3 + "a" + "\\u2069" * 3),
        ("åäö 漢字 👩\u200d🚀\u3000", "åäö 漢字 👩\u200d🚀\u3000"),
        ("[red]", "[red]"),
        ("", ""),
    ],
)
def test_what_moves_or_reorders_is_shown(raw: str, shown: str) -> None:
    assert visible(raw) == shown


@given(ANY, st.sampled_from([None, 20, LIMIT]))
def test_any_text_becomes_one_harmless_line(raw: str, limit: int | None) -> None:
    shown = visible(raw, limit)
    assert not any(category(c) in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    assert not any(
        bidirectional(c) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI"} for c in shown
    )
    assert shown.count(OPEN) == shown.count(CLOSE)
    assert limit is None or len(shown) <= limit + 2  # the isolates around it
    assert visible(shown, None) == shown
    shown.encode()


def test_a_long_text_is_cut() -> None:
    assert visible("x" * 10**6) == "x" * (LIMIT - 1) + "…"
    assert LIMIT == 200
    assert len(visible("\u202e" * 10**6)) == LIMIT


def test_a_number_is_quoted_up_to_eighteen_digits() -> None:
    assert told(10**18 - 1) == "9" * 18
    assert told(1 - 10**18) == "-" + "9" * 18
    assert told(10**18) == told(-(10**18)) == "a number with more than 18 digits"


def test_lines_stay_lines() -> None:
    assert visible_lines("a\x1b\nb") == "a␛\nb"
