"""cocotb bench of a board whose stored set is damaged, one word after another.

BENCH_JOB is a job whose samples the store's chip holds from the start.
"""

import os
import random

import cocotb

from bep_model import stored
from bep_model.host import Host
from bep_model.packets import PacketPort
from bep_model.protocol import sample_bytes, slot_bits
from bep_model.store import Store
from sim.board_bench import Line
from sim.job import Job

SEEDS = range(20)


async def message(store):
    """What the host says of the set; None if it is whole."""
    try:
        await store.check(await store.described())
    except stored.WrongSet as error:
        return str(error)
    return None


@cocotb.test()
async def damage(dut):
    job = Job.load(os.environ["BENCH_JOB"])
    config = job.config
    line = Line(dut, config)
    await line.start()
    store = await Store(Host(config, PacketPort(config, line))).open()
    described, image = job.packed()
    base, size = stored.first(config), sample_bytes(config)
    assert await message(store) is None
    for seed in SEEDS:
        rng, word = random.Random(seed), b"\0"
        while not any(word):  # a chip of flash takes zeros only, until it is erased
            if seed % 4:
                address = (base + rng.randrange(described.count) << slot_bits(config)) \
                    + rng.randrange(0, size, 2)
                expected = "the stored set is damaged"
            else:
                address = rng.randrange(len(stored.MAGIC), stored.HEADER_BYTES, 2)
                expected = "the header of the stored set is damaged: load it anew"
            word = image[address:address + 2]
        await store.memory.write(address, bytes(byte & byte - 1 if byte else 0 for byte in word))
        told = await message(store)
        assert told and told.startswith(expected) and told.endswith("load it anew"), (seed, told)
        await store.load(image)
        assert await message(store) is None, seed
    assert await store.host.port.read("SAMPLES") == 0
