"""Training with the golden model: epochs, schedules, presets, the estimator."""
