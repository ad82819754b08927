"""Switching activity of a trainer: its netlist, replayed with what a simulation recorded."""
