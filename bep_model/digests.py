"""What digests of frozen dataclasses are taken over."""

from dataclasses import fields, is_dataclass

LATE = {"late": True}
"""Metadata of a field that came after the first digests: its default does not enter one."""


def told(record):
    """The fields of a dataclass that enter its digest, nested ones too, as a dict."""
    values = {field.name: getattr(record, field.name) for field in fields(record)
              if not (field.metadata.get("late") and getattr(record, field.name) == field.default)}
    return {name: told(value) if is_dataclass(value) else value for name, value in values.items()}
