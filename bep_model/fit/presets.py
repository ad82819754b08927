"""Presets: what to train on which data set with which hyper-parameters.

Those of the package are configuration files (:mod:`bep_model.configuration`). A preset is named
``<data set>[-<encoding>]-<widths>[-b<B_h>][-online][-stable]``, stable being one with kappa above
0; every file says how it was found. Those of sequences are all online, and their names say neither
that nor the encoding. The width of a convolutional layer is ``64f8s2p3``: 64 filters of 8 x 8 bits
and their channels, stride 2, cells of 3 x 3; without ``p`` there is no pooling.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from bep_model.checks import MOST_EPOCHS, integer
from bep_model.config import Config, windows
from bep_model.data import catalogue
from bep_model.data.catalogue import Encoding
from bep_model.fit.hyper import Hyper

FOLDER = Path(__file__).with_name("presets")


@dataclass(frozen=True)
class Preset:
    """All that a training run needs but its seeds.

    Parameters
    ----------
    dataset : str
        As for :func:`bep_model.data.datasets.load`.
    hidden : sequence of int
        Neurons per layer, filters first, as in :class:`Config`; K_s and K_y, if the data are
        sequences.
    counter_bits : int
        B_h, 2..15.
    epochs : int
        1 or more.
    hyper : Hyper
    encoding : str or Encoding
        Of images as bits, or of sequences (a table in the file), see
        :func:`bep_model.data.datasets.load`.
    validation, keep_best : bool
        Whether validation samples are held out, and the run ends with the epoch that was best on
        these, as in :func:`bep_model.fit.training.fit`.
    windows : sequence of Window
        Of the convolutional layers, as in :class:`Config`.

    Raises
    ------
    TypeError, ValueError
        For a value that is not allowed, with the value in the text.
    """

    dataset: str
    hidden: tuple
    counter_bits: int
    epochs: int
    hyper: Hyper
    encoding: str | Encoding = "default"
    validation: bool = True
    keep_best: bool = True
    windows: tuple = ()

    def __post_init__(self):
        if not isinstance(self.dataset, str):
            raise TypeError(f"dataset must be a name, not {self.dataset!r}")
        object.__setattr__(self, "encoding", catalogue.encoding_of(self.dataset, self.encoding))
        object.__setattr__(self, "epochs", integer("epochs", self.epochs, 1, MOST_EPOCHS))
        object.__setattr__(self, "hyper", self.hyper.checked())
        for name in ("validation", "keep_best"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be true or false, not {getattr(self, name)!r}")
        if not self.validation and (self.keep_best or self.hyper.patience):
            raise ValueError("keep_best and patience need validation samples: validation must be "
                             "true")
        object.__setattr__(self, "windows", windows("windows", self.windows))
        # Inputs, classes, steps and images come with the data; no check of the others depends on
        # them.
        config = Config(1, self.hidden, 2, self.counter_bits, max_batch=self.hyper.batch,
                        max_steps=int(self.sequential), stable=self.hyper.stable)
        object.__setattr__(self, "hidden", config.layers)
        self.hyper.parameters(config)

    @property
    def sequential(self):
        """Whether the data are sequences, and the network is a recurrent one."""
        return catalogue.sequential(self.dataset)

    @property
    def name(self):
        """The name by the rule of this module."""
        narrow = "" if self.counter_bits == 15 else f"-b{self.counter_bits}"
        online = "-online" if self.hyper.batch == 1 and not self.sequential else ""
        encoding = "" if self.sequential or self.encoding == "default" else f"-{self.encoding}"
        stable = "-stable" if self.hyper.stable else ""
        net = net_name(self.hidden, self.windows)
        return f"{self.dataset}{encoding}-{net}{narrow}{online}{stable}"

    def table(self):
        """The table ``[training]`` of a file; what its ``[trainer]`` says is left out."""
        table = {name: value for name, value in asdict(self).items()
                 if name not in ("hidden", "counter_bits", "windows")}
        if not self.windows:
            table["hyper"] = {name: value for name, value in table["hyper"].items()
                              if not name.startswith("filter_")}
        if self.sequential:  # TOML has no None, which is the default where it is allowed
            table["encoding"] = {name: value for name, value in table["encoding"].items()
                                 if value is not None}
        return table

    def config(self, data, **others):
        """The :class:`Config` of a trainer for these data, a ``Dataset``; ``others`` are lanes."""
        return Config(data.inputs, self.hidden, data.classes, self.counter_bits,
                      max_batch=self.hyper.batch, max_steps=data.steps, stable=self.hyper.stable,
                      windows=self.windows, image=data.image if self.windows else (), **others)


def net_name(hidden, windows=()):
    """The layers of a network in its name: ``75-75``, or ``64f8s2p3-120`` with filters."""
    names = []
    for l, width in enumerate(hidden):
        name = str(width)
        if l < len(windows):
            rows, columns, stride, pool = windows[l]
            size = rows if rows == columns else f"{rows}x{columns}"
            name += f"f{size}s{stride}" + (f"p{pool}" if pool > 1 else "")
        names.append(name)
    return "-".join(names)


def names():
    """Names of the presets that come with the package, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))
