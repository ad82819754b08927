"""Data sets, their files, and their encoding as bits."""
