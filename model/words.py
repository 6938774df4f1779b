"""Small helpers for wording: quoting a value, listing choices, finding the nearest right word."""

import re
from collections.abc import Iterable

LONGEST_QUOTE = 60


def quoted(value: object) -> str:
    """Return the value between back quotes, on one line and not too long."""
    text = str(value).lower() if isinstance(value, bool) else printable(str(value))
    return f"`{text[:LONGEST_QUOTE]}…`" if len(text) > LONGEST_QUOTE else f"`{text}`"


def printable(text: str) -> str:
    """Return the text with a mark in the place of each character that a terminal would act on."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "�" for c in text)


def without_login(text: str) -> str:
    """Return a text without the login of an address in it: a password is shown to nobody, and written in no log."""
    return re.sub(r"(?<=://)[^/\s]*@", "…@", text)


def lines(text: str) -> str:
    """Return a text of several lines with such marks, its lines kept apart."""
    return "\n".join(printable(line.replace("\t", " ")) for line in text.replace("\r\n", "\n").split("\n"))


def listed(words: Iterable[str], conjunction: str = "or") -> str:
    """Return `a`, `b` or `c`."""
    all_words = [quoted(word) for word in words]
    if len(all_words) < 2:
        return "".join(all_words)
    return f"{', '.join(all_words[:-1])} {conjunction} {all_words[-1]}"


def did_you_mean(word: str, choices: Iterable[str], otherwise: str = "remove it") -> str:
    """Return a question that names the nearest choice, or the list of choices when none is near.

    `otherwise` is the remedy where there is no choice at all.
    """
    import difflib  # only a mistake pays for it

    known = list(choices)
    near = difflib.get_close_matches(word[:LONGEST_QUOTE], known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {quoted(near[0])}?"
    return f"known: {listed(sorted(known), 'and')}" if known else otherwise
