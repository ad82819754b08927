"""Bit-exact golden model of Binary Error Propagation (BEP), configuration and data; no gateware.

The names below are loaded when they are first used, which keeps the import of the package cheap:
from :mod:`bep_model.config` ``Config``, from :mod:`bep_model.parameters` ``Parameters``, from
:mod:`bep_model.network` ``Network``, from :mod:`bep_model.state` ``load`` and ``save`` of trained
networks, from :mod:`bep_model.fit.estimator` ``BEPClassifier``, from
:mod:`bep_model.fit.regressor` ``BEPRegressor``, from :mod:`bep_model.fit.hyper` ``Hyper``, and the
encoders ``Threshold``, ``Median``, ``Thermometer``, ``Local``, ``Differences`` and
``Informative``.
"""

from importlib import import_module

_HOMES = {
    "Config": "config", "Parameters": "parameters", "Network": "network", "load": "state",
    "save": "state", "BEPClassifier": "fit.estimator", "BEPRegressor": "fit.regressor",
    "Hyper": "fit.hyper",
    "Threshold": "data.encoders", "Median": "data.encoders", "Thermometer": "data.encoders",
    "Local": "data.encoders",
    "Differences": "data.encoders", "Informative": "data.selection",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__():
    return sorted({*globals(), *_HOMES})
