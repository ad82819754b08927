"""What the user runs: the `bep` command, synthesis flow, host driver and reports."""
