"""The little that every picture is made of: elements as text, escaped, without style attributes.

Positions are whole or tenths of a pixel; colours are classes of `kit.css`, so that pictures print and
the policy of the server has nothing to forbid.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from markupsafe import Markup, escape

Attribute: TypeAlias = str | int | float | None
CJK_PX, LATIN_PX = 12.0, 6.6
"""About how wide a character is at the pictures' 12 px."""


def element(name: str, *children: str, **attributes: Attribute) -> Markup:
    """`element("text", "名", x=1, class_="quiet", text_anchor="end")`. What is not Markup is
    escaped; an attribute of None is left out; `_` in a name reads as `-`."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(escape(child) for child in children)
    return Markup(f"<{name}{said}>{inner}</{name}>")  # noqa: S704 - made of escaped parts above


def picture(
    title: str,
    desc: str,
    width: float,
    height: float,
    parts: Iterable[Markup],
    *,
    holds_links: bool = False,
) -> Markup:
    """The whole picture, named and described for who does not see it. One that holds links is a
    group, for what is inside an image is read to nobody."""
    return element(
        "svg",
        element("title", title),
        element("desc", desc),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_number(width)} {_number(height)}",
        width=width,
        height=height,
        role="group" if holds_links else "img",
        aria_label=f"{title}. {desc}" if desc else title,
    )


def width_of(text: str) -> float:
    """About how wide a text is."""
    return sum(CJK_PX if ord(character) > 0x2E7F else LATIN_PX for character in text)


def fitted(text: str, width: float) -> str:
    """The text, cut with an ellipsis where it is wider; empty where not even that fits."""
    if width_of(text) <= width:
        return text
    while text and width_of(text) + CJK_PX > width:
        text = text[:-1]
    return f"{text}…" if text else ""


def _number(value: str | int | float) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
