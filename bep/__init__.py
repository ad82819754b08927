"""What the user runs: the `bep` command, synthesis flow, experiments and reports."""
