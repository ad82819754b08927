"""Runs (one training each, as data), and the experiments that consist of them."""
