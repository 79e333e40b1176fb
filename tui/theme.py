"""The program's own theme: a dark engine room lit by one lamp."""

from __future__ import annotations

from textual.theme import Theme

ENGINE_ROOM = Theme(
    name="engine-room",
    primary="#e8a33d",
    secondary="#5fb3a8",
    accent="#f2c572",
    warning="#e2803f",
    error="#e0585b",
    success="#7fb069",
    foreground="#d9d5cb",
    background="#12151a",
    surface="#171b21",
    panel="#2b323c",
    dark=True,
    variables={
        "footer-key-foreground": "#e8a33d",
        "footer-background": "#12151a",
        "block-cursor-text-style": "none",
    },
)
