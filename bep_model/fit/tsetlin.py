"""A Tsetlin machine on the same bits, by the package green-tsetlin: a peer of BEP's networks.

It also trains with bits and small integers only. Each clause is a conjunction of some of the inputs
and their complements; an automaton of 8 bits per input and complement decides which. All classes
share the clauses, with one integer weight per clause and class (O.-C. Granmo,
https://arxiv.org/abs/1804.01508; S. Glimsdal and O.-C. Granmo, https://arxiv.org/abs/2108.07594).
"""

import importlib

import numpy as np

from bep_model.fit.baselines import check_validation

AUTOMATON_BITS, WEIGHT_BITS = 8, 16
"""What the package stores of an automaton and of a weight."""
SPECIFICITIES = (3.0, 5.0, 10.0)
"""s, of which higher values make clauses with more literals."""
THRESHOLDS = (1, 2, 4)
"""T, the votes at which a class takes no more feedback, in units of the number of clauses."""


def clause_bits(inputs, classes):
    """Stored bits of a clause of a machine with so many inputs and classes."""
    return 2 * inputs * AUTOMATON_BITS + classes * WEIGHT_BITS


def fit(data, seed=0, *, clauses, specificities=SPECIFICITIES, thresholds=THRESHOLDS, trial=3,
        epochs=20):
    """Train a machine on one core; settings and epoch are those of the best validation accuracy.

    Every pair of settings is trained for ``trial`` epochs, the best one then anew.

    Parameters
    ----------
    data : Dataset
        With validation samples, and without sequences.
    seed : int
    clauses : int
        Of all classes together, 1 or more.
    specificities, thresholds : sequence of number
        s and T / ``clauses`` to choose from.
    trial, epochs : int
        1 or more.

    Returns
    -------
    dict
        ``test_accuracy`` and ``validation_accuracy`` (0..1), ``stored_bits``, ``settings``
        (clauses, s, T, trial, epochs trained, seed), and ``samples_per_second`` of the training.

    Raises
    ------
    ValueError
        For data without validation samples or values out of range.
    ModuleNotFoundError
        If the package is not installed.
    """
    check_validation(data)
    for name, value in {"clauses": clauses, "trial": trial, "epochs": epochs}.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    try:
        package = importlib.import_module("green_tsetlin")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "green-tsetlin is not installed: pip install 'bep-trainer[tsetlin]'") from None
    parts = [(np.ascontiguousarray(part.x, np.uint8), part.labels.astype(np.uint32))
             for part in (data.train, data.validation)]

    def trained(s, threshold, count):
        machine = package.TsetlinMachine(n_literals=data.inputs, n_clauses=clauses,
                                         n_classes=data.classes, s=s,
                                         threshold=round(threshold * clauses),
                                         boost_true_positives=True)  # better by a point and more
        trainer = package.Trainer(machine, seed=seed, n_jobs=1, n_epochs=count, progress_bar=False)
        trainer.set_train_data(*parts[0])
        trainer.set_eval_data(*parts[1])
        trainer.train()
        return machine, trainer.results

    tried = {(s, threshold): trained(s, threshold, trial)[1]["best_eval_score"]
             for s in specificities for threshold in thresholds}
    s, threshold = max(tried, key=tried.__getitem__)
    machine, told = trained(s, threshold, epochs)
    predictor = machine.get_predictor()
    right = [predictor.predict(x) == label for x, label
             in zip(np.ascontiguousarray(data.test.x, np.uint8), data.test.labels, strict=True)]
    return {
        "test_accuracy": float(np.mean(right)),
        "validation_accuracy": float(told["best_eval_score"]),
        "stored_bits": clauses * clause_bits(data.inputs, data.classes),
        "settings": {"clauses": clauses, "s": s, "T": round(threshold * clauses), "trial": trial,
                     "epochs": told["best_eval_epoch"] + 1, "seed": seed},
        "samples_per_second": len(data.train) * told["n_epochs"] / sum(
            told["train_time_of_epochs"]),
    }
