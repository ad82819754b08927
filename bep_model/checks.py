"""Checks of single values: any type that holds the value is accepted, and Python's is returned."""

import functools
import math
import operator
import re
from contextlib import contextmanager
from numbers import Integral, Real

MOST_SEED = 2**32 - 1
"""Seeds are 0..2**32-1."""
MOST_EPOCHS = 1_000_000
"""Of one training."""


def integer(name, value, low, high=None):
    """Return an integer of any type as int; it must be within low..high (None: no limit).

    Raises
    ------
    TypeError
        For any other type, floats and bools included.
    ValueError
        For a value out of range.
    """
    try:
        if _is_bool(value):
            raise TypeError
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None
    if value < low or (high is not None and value > high):
        raise ValueError(f"{name} must be {span(low, high)}, not {value}")
    return value


def one_of(name, value, allowed):
    """Raise ValueError, with the value in the text, unless it is one of some texts."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def integers(name, values, count, low, high):
    """Return a list, tuple or array of ``count`` integers (any number for None) as a tuple of int.

    Raises TypeError and ValueError as :func:`integer`.
    """
    return tuple(integer(f"{name}[{i}]", value, low, high)
                 for i, value in enumerate(entries(name, values, count)))


def entries(name, values, count=None):
    """Return the entries of a list, tuple or array of integers; ``count`` is their number, or None.

    Raises TypeError for any other type and ValueError for another number; does not check entries.
    """
    if hasattr(values, "tolist"):  # of NumPy
        values = values.tolist()
    if not isinstance(values, tuple | list):
        raise TypeError(f"{name} must be a list of integers, not {values!r}")
    if count is not None and len(values) != count:
        raise ValueError(f"{name} must have {count} entries (one per layer), not {len(values)}")
    return values


def number(name, value, low=-math.inf, high=math.inf, *, above=False):
    """Return a finite number of any type as int or float; it must be within low..high.

    With ``above``, ``low`` itself is not allowed. Raises TypeError for any other type, bools
    included, and ValueError for a value out of range.
    """
    if _is_bool(value) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, not {value!r}")
    value = int(value) if isinstance(value, Integral) else float(value)
    if not low <= value <= high or math.isinf(value) or (above and value == low):
        wanted = "finite" if math.isinf(low) else span(low, high, above)
        raise ValueError(f"{name} must be {wanted}, not {value}")
    return value


def span(low, high=None, above=False):
    """A range in words."""
    if above:
        return f"above {low} and at most {high}"
    if high is not None:
        return f"between {low} and {high}"
    return f"at least {low}" if low else "0 or more"


@contextmanager
def called(names):
    """Texts of errors that come out of this block begin with another name, if it is in ``names``.

    That is for values that have one name where they are given and one where they are checked.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        text = str(error)
        name = re.match(r"\w*", text)[0]  # type: ignore[index]
        raise type(error)(names.get(name, name) + text[len(name):]) from None


def unchanged_if_refused(method):
    """Make a method restore its object's attributes when it raises an exception."""
    @functools.wraps(method)
    def guarded(self, *args, **kwargs):
        before = dict(vars(self))
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return guarded


def _is_bool(value):
    return isinstance(value, bool) or str(getattr(value, "dtype", "")) == "bool"
