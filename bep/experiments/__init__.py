"""Trainings as data: what is run, and the experiments made of runs."""
