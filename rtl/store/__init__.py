"""The sample store: training sets beside the trainer, and epochs without a host."""
