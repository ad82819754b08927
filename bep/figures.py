"""Pictures of results."""

import matplotlib

matplotlib.use("Agg")  # files only: there may be no screen
from matplotlib import pyplot


def training_curves(path, test, training, final):
    """Draw accuracies over the epochs.

    Parameters
    ----------
    path : path
        Of the picture; its ending names the format.
    test : dict of str to sequence of float
        Test accuracies (0..1) after each epoch, by name of the curve.
    training : sequence of float
        Accuracies of the gateware on the training samples as it met them.
    final : float
        Test accuracy of the gateware after the last epoch.
    """
    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    epochs = range(1, len(training) + 1)
    for name, accuracies in test.items():
        axes.plot(epochs, [100 * a for a in accuracies], label=f"test: {name}", linewidth=1)
    axes.plot(epochs, [100 * a for a in training], "k.", markersize=4,
              label="training samples as met: gateware")
    axes.plot(epochs[-1], 100 * final, "r*", markersize=12, label="test: gateware, last epoch")
    axes.set(xlabel="epoch", ylabel="accuracy (%)", ylim=(40, 100),
             title="digits, 192-128-128, 7-bit counters, online")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
