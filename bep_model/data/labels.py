"""Class labels in files: which texts mean the same class, and which number a class gets."""

import re
from decimal import Decimal

# The exponent's digits are limited, or it could make a name of a million zeros.
_NUMBER = re.compile(r"[+-]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})([eE][+-]?\d{1,2})?", re.ASCII)


def name(text):
    """The name of the class that a label stands for.

    A number has one name however it is written (1, 01, 1.0 and 1e0 are "1"), and all its digits
    count. Any other text is its own name, without blanks around it. Small and capital letters
    differ.

    Raises ValueError for a label without meaning: empty, ``nan`` or ``?``.
    """
    text = text.strip()
    if text.lower() in ("", "nan", "+nan", "-nan", "?"):
        raise ValueError(f"{text!r} is no class label" if text else "the class label is empty")
    if not _NUMBER.fullmatch(text):
        return text
    plain = format(Decimal(text), "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain == "-0" else plain


def order(names):
    """Names of the classes 0, 1, ...: alphabetical, capital letters beside small ones."""
    return sorted(set(names), key=lambda name: (name.lower(), name))
