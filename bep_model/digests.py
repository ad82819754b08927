"""The part of a frozen dataclass that its digest covers."""

from dataclasses import fields, is_dataclass

LATE = {"late": True}
"""Metadata of a field that is younger than the first digests: its default is left out of them."""


def told(record):
    """The fields of a dataclass that its digest covers, nested ones too, as a dict."""
    values = {field.name: getattr(record, field.name) for field in fields(record)
              if not (field.metadata.get("late") and getattr(record, field.name) == field.default)}
    return {name: told(value) if is_dataclass(value) else value for name, value in values.items()}
