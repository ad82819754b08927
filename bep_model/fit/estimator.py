"""BEP as a scikit-learn classifier: the golden model behind fit, partial_fit and predict."""

import math
from contextlib import contextmanager
from dataclasses import asdict, replace

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from bep_model import state
from bep_model.checks import (
    MOST_EPOCHS,
    MOST_SEED,
    called,
    integer,
    integers,
    number,
    unchanged_if_refused,
)
from bep_model.config import CODES, MOST_INPUTS, Config
from bep_model.data.datasets import Dataset, Samples
from bep_model.data.division import split
from bep_model.data.encoders import Thermometer
from bep_model.data.encoding import bits
from bep_model.fit import arrays, calibration, portable, training
from bep_model.fit.filters import windows_of
from bep_model.fit.hyper import Hyper
from bep_model.network import Network
from bep_model.protocol import RATES

DEFAULTS = Hyper()

NAMES = {"layers": "hidden_layer_sizes", "max_batch": "batch", "seed": "prototype_seed"}
"""Names of the configuration's entries where the classifier has other ones."""


class BEPClassifier(ClassifierMixin, BaseEstimator):
    """Classifier whose binary weights are trained by BEP, bit for bit as the gateware does it.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        K_1..K_L, neurons of the trained layers; the last one is compared with the class prototypes.
        With ``filters`` these are the layers behind the convolutional ones.
    encoder : "thermometer", transformer or None
        Makes bits of the features, and is fitted to the training samples. "thermometer" is
        ``Thermometer(8)``, eight quantiles of each feature. With None the features must be bits 0
        and 1.
    counter_bits : int
        B_h, stored bits per counter, 2..15.
    epochs : int
        Passes over the training samples in :meth:`fit`, 0 or more.
    r, nu, kappa, group, p_r, thinning, batch, sweep, reinforce_bits, patience, anneal,
    thinning_bits
        See :class:`bep_model.fit.hyper.Hyper`, which has their ranges and defaults.
    validation_fraction : float
        Part of the samples, 0 or more and below 1, that :meth:`fit` holds out; it then ends with
        the counters of the epoch that classified these best. 0 ends with the last epoch.
    filters : int or sequence of int
        Filters of convolutional layers, which take the features as an image, row by row, and of the
        encoder the bits of each pixel; () for none.
    filter_size, stride, pool : int or sequence of int, optional
        Of their windows, see :func:`bep_model.fit.filters.windows_of`.
    image_shape : (int, int), optional
        Rows and columns of the image; by default it is square.
    filter_nu, filter_group, filter_rate, filter_rate_end, filter_quantile, shift
        Of convolutional layers, see :class:`bep_model.fit.hyper.Hyper`; :meth:`partial_fit` moves
        no images.
    code : "random" or "thermometer"
        Of the class prototypes, see :class:`bep_model.config.Config`; "thermometer" is for classes
        in an order, the ascending one.
    weight_lanes, counter_lanes, prototype_seed : int
        P, Q and the seed of :class:`bep_model.config.Config`, so that a state fits its gateware.
    random_state : int, RandomState instance or None
        Seed of initial counters, random bits, order of samples, and choice of held-out samples. The
        same integer (0..2**32-1) gives the same counters, as ``bep train --seed``.
    device : str or None
        The serial port of a board, real or simulated (docs/board.md), with the gateware of just
        this configuration: it does the training, and its state is read into ``network_`` at the end
        of every call. Counters are equal to those without it. Files do not keep it.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
        Class labels, ascending; class c has prototype c.
    network_ : Network
        The trained network.
    encoder_ : transformer or None
        The fitted encoder.
    parameters_ : Parameters
        Registers that the next :meth:`partial_fit` trains with.
    history_ : list of Epoch
        Of the last :meth:`fit`; empty if there was none.
    temperature_ : float
        The divisor of the logits in :meth:`predict_proba`. With ``validation_fraction``,
        :meth:`fit` chooses it by the log loss of the samples held out (temperature scaling, see
        :func:`bep_model.fit.calibration.temperature`): the probabilities are calibrated to these.
        Otherwise it is sqrt(K_L), a fixed scale with no claim to calibration: the standard
        deviation of a random logit. :meth:`partial_fit` does not change it.
    n_features_in_ : int
    feature_names_in_ : ndarray of str (n_features_in_,)
        Only if ``X`` had names of features.

    Notes
    -----
    :meth:`fit` takes no ``sample_weight``: BEP has no weighted step. Whole weights are repeated
    samples, ``X.repeat(weights, axis=0)``. Sparse features are refused, as scikit-learn does it;
    an encoder may give sparse bits.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from bep_model.fit.estimator import BEPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> classifier = BEPClassifier((128, 128), random_state=0).fit(X_train, y_train)
    >>> round(classifier.score(X_test, y_test), 3)
    0.964
    """

    def __init__(self, hidden_layer_sizes=(128, 128), *, encoder="thermometer", counter_bits=7,
                 epochs=30, r=DEFAULTS.r, nu=DEFAULTS.nu, group=DEFAULTS.group, p_r=DEFAULTS.p_r,
                 thinning=DEFAULTS.thinning, batch=DEFAULTS.batch, sweep=DEFAULTS.sweep,
                 reinforce_bits=DEFAULTS.reinforce_bits, patience=DEFAULTS.patience,
                 anneal=DEFAULTS.anneal, thinning_bits=DEFAULTS.thinning_bits,
                 kappa=DEFAULTS.kappa, filters=(), filter_size=None, stride=None, pool=None,
                 image_shape=None, filter_nu=DEFAULTS.filter_nu,
                 filter_group=DEFAULTS.filter_group, filter_rate=DEFAULTS.filter_rate,
                 filter_rate_end=DEFAULTS.filter_rate_end,
                 filter_quantile=DEFAULTS.filter_quantile, shift=DEFAULTS.shift,
                 validation_fraction=0.0, code=CODES[0], weight_lanes=64, counter_lanes=8,
                 prototype_seed=1, random_state=None, device=None):
        options = dict(locals())  # each becomes an attribute of that name
        del options["self"]
        self.__dict__.update(options)

    @unchanged_if_refused
    def fit(self, X, y):
        """Train a new network on samples ``X`` (N, features) of classes ``y`` (N,).

        A call that is refused leaves the classifier as it was.

        Raises
        ------
        TypeError, ValueError
            For samples or parameters that are not allowed, with the value in the text.
        OSError
            From a device: no such port, no trainer or another one, a cut link.
        """
        hyper, config = self._checked()
        if hyper.patience and not self.validation_fraction:
            raise ValueError("patience needs validation samples; set validation_fraction, or "
                             "patience to 0")
        X, y = validate_data(self, X, y, dtype="numeric")
        classes, labels = arrays.classes(y)
        kept, held, seed = np.arange(len(X)), np.arange(0), self._seed()
        if self.validation_fraction:
            count = math.ceil(self.validation_fraction * len(X))
            kept, held = split("y", labels, count, seed, classes)
        self._begin(X[kept], y[kept], classes, hyper, config, seed)
        train, checked = (Samples(self._bits(X[part]), labels[part]) for part in (kept, held))
        data = Dataset("the data", train, checked, Samples(train.x[:0], labels[:0]), len(classes),
                       image=self.network_.config.image)
        with self._trainer() as trainer:
            self.history_ = training.fit(trainer, data, epochs=self.epochs, hyper=hyper, seed=seed,
                                         keep_best=len(checked) > 0)
        if self.history_:
            last = self.history_[-1]
            self.parameters_ = replace(last.parameters, reinforce=hyper.reinforcement(
                self.network_.config, 100 * last.error))
        if len(checked):
            self.temperature_ = calibration.temperature(
                self.network_.config, self.network_.logits(checked.x), checked.labels)
        return self

    @unchanged_if_refused
    def partial_fit(self, X, y, classes=None):
        """Go on training, once through the samples in their order, as a trainer in the field does.

        The first call makes a new network and fits the encoder to its samples; to control the bits,
        pass bits and ``encoder=None``. A batch that is not full at the end of the call is applied.
        Reinforcement follows the error and is renewed at the end of a call after ``sweep`` samples
        or more; nothing else changes. Changes of ``p_r`` and ``reinforce_bits`` count from the next
        renewal, changes of other hyper-parameters from the next :meth:`fit`; every call checks all
        of them. A call that is refused leaves the classifier as it was.

        Parameters
        ----------
        X : array (N, features)
        y : array (N,)
        classes : array (n_classes,), optional
            All classes there will ever be; needed in the first call.

        Raises
        ------
        TypeError, ValueError, OSError
            As :meth:`fit`.
        """
        hyper, config = self._checked()
        first = not hasattr(self, "network_")
        if first and classes is None:
            raise ValueError("the first call of partial_fit needs classes, all there will be")
        X, y = validate_data(self, X, y, dtype="numeric", reset=first)
        check_classification_targets(y)
        classes = self.classes_ if classes is None else arrays.classes(classes)[0]
        if not first and not np.array_equal(classes, self.classes_):
            raise ValueError(f"classes must be {self.classes_} as before, not {classes}")
        unknown = np.setdiff1d(y, classes)
        if unknown.size:
            raise ValueError(f"y has the class {unknown[0]}, which is not one of {classes}")
        if first:
            self._begin(X, y, classes, hyper, config, self._seed())
        samples = self._bits(X), np.searchsorted(classes, y)
        with self._trainer() as trainer:
            results = trainer.train(*samples, self.parameters_)
            trainer.flush(self.parameters_)
        self._errors: int = self._errors + int(results.error.sum())
        self._met: int = self._met + len(y)
        if self._met >= self.parameters_.sweep:
            reinforce = hyper.reinforcement(self.network_.config, 100 * self._errors / self._met)
            self.parameters_ = replace(self.parameters_, reinforce=reinforce)
            self._errors = self._met = 0
        return self

    def decision_function(self, X):
        """Logits, integers as float64 (N, n_classes); for two classes the second's lead, (N,)."""
        logits = self._logits(X).astype(np.float64)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X):
        """Probabilities, float64 (N, n_classes): softmax of the logits over ``temperature_``.

        They rank the classes of a sample as the logits do. How well they are calibrated depends on
        ``validation_fraction``, see ``temperature_``.
        """
        return calibration.probabilities(self._logits(X), self.temperature_)

    def predict(self, X):
        """Predicted classes (N,): that of the largest logit, the first one on a tie."""
        X = self._samples(X)
        return self.classes_[self.network_.predict(X)]

    def save(self, path):
        """Write the fitted classifier as a state file (docs/state.md).

        ``history_`` and a ``random_state`` that is not an integer are not kept.

        Raises ValueError for an encoder that is not one of this package
        (:data:`bep_model.fit.portable.ENCODERS`) or classes that such a file cannot hold,
        TypeError or ValueError for hyper-parameters that :meth:`fit` would refuse, and OSError.
        """
        check_is_fitted(self, "network_")
        self._checked()  # because load would refuse them
        state.save(path, self.network_, estimator=portable.to_table(self))

    @classmethod
    def load(cls, path):
        """Read what :meth:`save` wrote; :meth:`partial_fit` goes on with exactly that state.

        Raises ValueError, starting with the path, for any other or a damaged file, and OSError.
        """
        _, table = state.describe(path)
        if table is None:
            raise ValueError(f"{path} is the state of a network without encoder and classes; "
                             "read it with bep_model.state.load")
        network = state.load(path)
        try:
            return portable.from_table(cls, network, table)
        except KeyError as error:
            raise ValueError(f"{path} is damaged: it lacks {error.args[0]}") from None
        except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"{path} is damaged: {error}") from None

    def _checked(self):
        """Check all hyper-parameters; return the Hyper, and the Config but inputs and classes.

        Raises TypeError or ValueError with the name and the value in the text.
        """
        hyper = Hyper(**{name: getattr(self, name) for name in asdict(DEFAULTS)
                         if hasattr(self, name)}).checked()
        integer("epochs", self.epochs, 0, MOST_EPOCHS)
        if not 0 <= number("validation_fraction", self.validation_fraction) < 1:
            raise ValueError("validation_fraction must be 0 or more and below 1, "
                             f"not {self.validation_fraction}")
        known = self.encoder in (None, "thermometer") if isinstance(self.encoder, str | None) else \
            hasattr(self.encoder, "transform") and not isinstance(self.encoder, type)
        if not known:
            raise ValueError("encoder must be 'thermometer', a transformer or None, "
                             f"not {self.encoder!r}")
        if not isinstance(self.device, str | None):
            raise TypeError("device must be the name of a serial port or None, "
                            f"not {self.device!r}")
        if not isinstance(self.random_state, np.random.RandomState | None):
            integer("random_state", self.random_state, 0, MOST_SEED)
        sizes = self.hidden_layer_sizes
        with called(NAMES):
            config = Config(1, sizes if hasattr(sizes, "__len__") else (sizes,), 2,
                            self.counter_bits, self.weight_lanes, self.counter_lanes, hyper.batch,
                            self.prototype_seed, stable=hyper.stable, code=self.code)
        self._filters()
        if self.image_shape is not None and len(integers(
                "image_shape", self.image_shape, None, 1, MOST_INPUTS)) != 2:
            raise ValueError(f"image_shape must be rows and columns, not {self.image_shape}")
        if self._filters() and hyper.stable:
            raise ValueError(f"kappa must be 0 with filters, not {self.kappa}")
        hyper.parameters(config)
        return hyper, config

    def _filters(self):
        """Filters of the convolutional layers, a tuple of int."""
        filters = self.filters if hasattr(self.filters, "__len__") else (self.filters,)
        return integers("filters", filters, None, 1, 65535)

    def _convolution(self, config, features):
        """The configuration with convolutional layers on images of so many features.

        Raises TypeError or ValueError for options that do not suit them.
        """
        side = math.isqrt(features)
        rows, columns = (side, side) if self.image_shape is None else self.image_shape
        if rows * columns != features:
            raise ValueError(f"image_shape must have {features} pixels (n_features = {features}), "
                             f"not {rows} x {columns}")
        if config.inputs % features:
            raise ValueError("encoder must make as many bits of every pixel for filters, not "
                             f"{config.inputs} of {features}")
        image = (rows, columns, config.inputs // features)
        windows = windows_of(self._filters(), image, self.filter_size, self.stride, self.pool)
        with called(NAMES):
            return replace(config, layers=self._filters() + config.layers, image=image,
                           windows=windows)

    @contextmanager
    def _trainer(self):
        """What is to be trained: the network, or the device, whose state it then takes over."""
        if self.device is None:
            yield self.network_
            return
        from bep_model.device import Board  # needs pyserial

        with Board(self.device, self.network_.config, baud=RATES) as board:
            board.connect().write(self.network_)
            yield board
            ended = board.read()
        self.network_.restore(ended.counters, ended.bank, ended.sweep_count)

    def _begin(self, X, y, classes, hyper, config, seed):
        """A new network for samples like ``X``."""
        encoder, inputs = None, X.shape[1]
        if self.encoder is not None:
            encoder = Thermometer(8) if isinstance(self.encoder, str) else clone(self.encoder)
            inputs = encoder.fit(X, y).transform(X[:1]).shape[1]
        config = replace(config, inputs=inputs, classes=len(classes))
        if self._filters():
            config = self._convolution(config, X.shape[1])
        network = Network(config)
        training.begin(network, bits(encoder, X[:training.CALIBRATED], inputs), hyper, seed)
        self.classes_, self.encoder_, self.network_ = classes, encoder, network
        self.parameters_, self.history_ = hyper.parameters(config), []
        self.temperature_ = calibration.fixed(config)
        self._errors = self._met = 0

    def _seed(self):
        if isinstance(self.random_state, np.random.RandomState | None):
            return int(check_random_state(self.random_state).randint(2**32, dtype=np.uint32))
        return int(self.random_state)

    def _logits(self, X):
        X = self._samples(X)
        return self.network_.logits(X)

    def _samples(self, X):
        check_is_fitted(self, "network_")
        return self._bits(validate_data(self, X, dtype="numeric", reset=False))

    def _bits(self, X):
        return bits(self.encoder_, X, self.network_.config.inputs)
