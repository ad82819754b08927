"""The table of registers: its texts, its numbers, and the registers of a configuration."""

import re

import pytest

from bep_model.config import Config
from bep_model.parameters import Parameters
from bep_model.registers import RUN_TIME, registers, settings

DEEPEST = Config(3, (2,) * 15, 2, 3, 2, 1, max_batch=1024, stable=True)
RECURRENT = Config(20, (9, 13), 5, 3, 6, 2, max_batch=2, max_steps=7)


@pytest.mark.parametrize("config", [DEEPEST, RECURRENT])
def test_addresses(config):
    table = registers(config)
    addresses = [register.address for register in table.values()]
    assert addresses == sorted(set(addresses)) and addresses[-1] < 256
    assert all(name == register.name and 1 <= register.width <= 32
               for name, register in table.items())


@pytest.mark.parametrize("row", RUN_TIME, ids=lambda row: row.name)
def test_the_range_in_words_is_the_range(row):
    for config in (DEEPEST, RECURRENT):
        for layer in range(1, config.depth + 1):
            k, f = config.shapes[layer - 1]
            values = {"K_L": config.layers[-1], "K_1": config.layers[0], "F_1": config.shapes[0][1],
                      "K_l": k, "F_l": f, "T_max": config.max_steps,
                      "max_batch": config.max_batch}
            text = re.sub(r"(\d) ([A-Z])", r"\1 * \2", row.range)
            assert row.limits(config, layer) == tuple(eval(end, values) for end in text.split(".."))


def test_registers_of_a_configuration():
    stable = registers(DEEPEST)
    assert stable["STABILITY_15"].address == 0x5E and "HORIZON" not in stable
    recurrent = registers(RECURRENT)
    assert "STABILITY_1" not in recurrent and recurrent["STEPS"].width == 3
    margin = recurrent["MARGIN"]
    assert (margin.address, margin.width, margin.access, margin.signed) == (8, 6, "w", True)
    assert recurrent["GATE_1"].width == 5 and recurrent["GATE_2"].width == 4


def test_settings():
    """A host's settings are all writable registers except those it uses from sample to sample."""
    parameters = Parameters(-3, (4, 5), (3, 13), (7, 8), 9, 2, 6, horizon=99).validate(RECURRENT)
    values = settings(RECURRENT, parameters)
    assert values == {
        "MARGIN": -3, "GATE_1": 4, "GATE_2": 5, "GROUP_1": 3, "GROUP_2": 13, "REINFORCE_1": 7,
        "REINFORCE_2": 8, "THINNING": 9, "BATCH": 2, "SWEEP": 6, "HORIZON": 7}
    assert {name for name, register in registers(RECURRENT).items() if register.access == "w"} \
        == {*values, "MODE", "STEPS", "COMMAND"}
    config = Config(5, (4, 4), 2, stable=True)
    kappas = Parameters(1, (9, 9), (2, 2), (0, 0), stabilities=(9, 2)).validate(config)
    values = settings(config, kappas)
    assert (values["STABILITY_1"], values["STABILITY_2"], values["GATE_1"]) == (6, 2, 5)
    assert "HORIZON" not in values and kappas.horizon == 65535
