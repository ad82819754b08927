"""Epochs from the sample store of a board, for :func:`bep_model.fit.training.fit`."""

from bep_model.phases.order import epoch_stride


class StoredTeacher:
    """Lets a board train on the samples in its store, as a :class:`Teacher` of the order "chip".

    Parameters
    ----------
    board : bep_model.device.Board
    described : bep_model.stored.StoredSet
        What the store holds.
    """

    order = "chip"

    def __init__(self, board, described):
        self.board, self.described = board, described

    def epoch(self, seed, epoch, parameters, augment=None):
        """As :meth:`Teacher.epoch`, of samples as they lie in the store: ``augment`` is None."""
        assert augment is None
        count = self.described.train
        errors, triggered = self.board.play(
            self.described, "train", epoch_stride(seed, epoch, count), parameters)
        self.board.flush(parameters)
        return errors / count, triggered / count

    def validate(self):
        """As :meth:`Teacher.validate`."""
        return self.accuracy("validation")

    def accuracy(self, name):
        """Part (0..1) of "train", "validation" or "test" that is predicted correctly; None of
        nothing."""
        count = getattr(self.described, name)
        if not count:
            return None
        errors, _ = self.board.play(self.described, name)
        return (count - errors) / count
