"""Timing diagrams of a trainer's ports, recorded in a simulation of the smallest example.

As a program (``make diagrams``) this module writes the WaveDrom source and the picture of each
diagram beside itself.
"""

import io
import json
from itertools import pairwise
from pathlib import Path

import wavedrom
from amaranth.hdl import Value
from amaranth.sim import Simulator

from bep_model import configuration
from bep_model.host import bring_up_writes
from bep_model.phases import frame, random
from bep_model.registers import registers
from bep_model.words import integers
from rtl.trainer import Trainer

FOLDER = Path(__file__).parent
CONFIGURATION = FOLDER.parent / "examples" / "learner.toml"


class Recording:
    """Records the ports of a trainer, clock by clock, while it plays scenes.

    Parameters
    ----------
    trainer : Trainer
    parameters : Parameters
    """

    def __init__(self, trainer, parameters):
        self.trainer, self.config, self.parameters = trainer, trainer.config, parameters
        self.registers = registers(trainer.config)
        self.signals = {
            ".".join(map(str, path)): Value.cast(value)
            for path, member, value in trainer.signature.flatten(trainer)}
        for name in ("samples", "results", "state.request"):
            for field, value in fields(self.part(name).payload):
                self.signals[f"{name}.{field}"] = value
        self.rows, self.scenes = [], {}

    def part(self, name):
        """A member of the trainer by its path."""
        found = self.trainer
        for step in name.split("."):
            found = getattr(found, step)
        return found

    async def clock(self, ctx, n=1):
        """Let clocks pass; return the last one's values."""
        for _ in range(n):
            _, _, *values = await ctx.tick().sample(*self.signals.values())
            self.rows.append(dict(zip(self.signals, values, strict=True)))
        return self.rows[-1]

    def play(self):
        """Play all scenes; return their rows by name."""
        async def testbench(ctx):
            for scene in (bus, bring_up, state_write, state_read, samples, results):
                first = len(self.rows)
                skipped = await scene(self, ctx) or 0
                self.scenes[scene.__name__.replace("_", "-")] = self.rows[first + skipped:]

        simulator = Simulator(self.trainer)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()
        return self.scenes


def fields(payload):
    """Names and values of the fields of a payload."""
    return ((name, Value.cast(payload[name])) for name, _ in payload.shape())


async def bus(recording, ctx):
    """Two writes, then two reads."""
    port, table = recording.trainer.bus, recording.registers
    for name, write, value in (("BATCH", 1, 1), ("SWEEP", 1, 32), ("VERSION", 0, 0),
                               ("STATUS", 0, 0), ("SAMPLES", 0, 0)):
        ctx.set(port.address, table[name].address)
        ctx.set(port.write, write)
        ctx.set(port.write_data, value)
        await recording.clock(ctx)


async def bring_up(recording, ctx):
    """Registers as for a training, and counters that are drawn."""
    port, table = recording.trainer.bus, recording.registers
    bank = random.seeds(1, recording.config.generators)
    for name, value in bring_up_writes(recording.config, recording.parameters, bank):
        ctx.set(port.address, table[name].address)
        ctx.set(port.write_data, value)
        ctx.set(port.write, 1)
        await recording.clock(ctx)
    ctx.set(port.write, 0)
    ctx.set(port.address, table["STATUS"].address)
    await recording.clock(ctx)
    while (await recording.clock(ctx))["bus.read_data"] & 1:
        pass


async def state_write(recording, ctx):
    """A counter word is written; its second byte comes late."""
    stream = recording.trainer.state.data
    await access(recording, ctx, "state.data", stream, stream.valid, write=1)


async def state_read(recording, ctx):
    """The same word is read; its second byte is taken late."""
    stream = recording.trainer.state.reply
    await access(recording, ctx, "state.reply", stream, stream.ready, write=0)


async def access(recording, ctx, name, stream, mine, write):
    """One access of the state port; ``mine`` is the bench's side of the handshake."""
    request = recording.trainer.state.request
    address = recording.config.network[0].counter_address(2, 1)
    ctx.set(request.payload, {"address": address, "write": write})
    ctx.set(request.valid, 1)
    for byte, late in ((0x41, 0), (0x0c, 2), (0x0e, 0)):
        ctx.set(mine, 0)
        await recording.clock(ctx, late)
        ctx.set(mine, 1)
        if write:
            ctx.set(stream.payload, byte)
        moved = False
        while not moved:
            row = await recording.clock(ctx)
            moved = row[f"{name}.valid"] and row[f"{name}.ready"]
    ctx.set(request.valid, 0)
    ctx.set(mine, 0)
    await recording.clock(ctx)


async def samples(recording, ctx):
    """Three samples of three words; the trainer takes the third only when it has room."""
    stream = recording.trainer.samples
    for word, label in ((0x3c, 2), (0x81, 2), (0x5e, 2), (0xa7, 0), (0x18, 0), (0xf0, 0)):
        ctx.set(stream.payload, {"data": word, "label": label})
        ctx.set(stream.valid, 1)
        while not (await recording.clock(ctx))["samples.ready"]:
            pass
        if word == 0x81:
            ctx.set(stream.valid, 0)
            await recording.clock(ctx)
    ctx.set(stream.payload, {"data": 0x99, "label": 1})
    await recording.clock(ctx, 3)


async def results(recording, ctx):
    """A result waits for two clocks before it is taken."""
    waited = 0
    while not (await recording.clock(ctx))["results.valid"]:
        waited += 1
    await recording.clock(ctx)
    ctx.set(recording.trainer.results.ready, 1)
    await recording.clock(ctx, 2)
    return waited - 1


def stream_lanes(rows, name, names):
    """Lanes of a stream: valid, ready, and the fields ``names`` where they are valid."""
    def moved(row):
        return row[f"{name}.valid"] and row[f"{name}.ready"]

    fresh = [True, *map(moved, rows[:-1])]
    yield level(rows, f"{name}.valid")
    yield level(rows, f"{name}.ready")
    for field, text in names.items():
        yield lane(f"{name}.{field}", [text(row[f"{name}.{field}"]) if row[f"{name}.valid"]
                                       else None for row in rows], fresh)


def level(rows, name):
    """The lane of a signal of one bit."""
    values = [row[name] for row in rows]
    return {"name": name, "wave": "".join(
        "." if n and value == values[n - 1] else str(value) for n, value in enumerate(values))}


def lane(name, texts, fresh):
    """The lane of a number: its text in each clock (None: does not matter), new where ``fresh``."""
    wave, data = "", []
    for n, text in enumerate(texts):
        same = n > 0 and text == texts[n - 1] and not (fresh[n] and text is not None)
        wave += "." if same else "x" if text is None else "="
        data += [text] * (wave[-1] == "=")
    return {"name": name, "wave": wave, "data": data}


def bus_lanes(rows, table):
    """Lanes of the bus: addresses by name, read_data where the clock before did not write."""
    names = {register.address: name for name, register in table.items()}
    always = [True] * len(rows)
    yield lane("bus.address", [names[row["bus.address"]] for row in rows], always)
    yield level(rows, "bus.write")
    yield lane("bus.write_data", [str(row["bus.write_data"]) if row["bus.write"] else None
                                  for row in rows], always)
    yield lane("bus.read_data", [None, *(
        None if before["bus.write"] else f"{row['bus.read_data']:#x}"
        for before, row in pairwise(rows))], always)


def sources():
    """The source of each diagram by name, as WaveDrom takes it."""
    config, parameters, _ = configuration.load(CONFIGURATION)
    recording = Recording(Trainer(config, integers(frame.prototypes(config))), parameters)
    scenes = recording.play()
    byte = "{:#04x}".format
    request = {"address": str, "write": str}
    lanes = {
        "bus": [bus_lanes(scenes["bus"], recording.registers)],
        "samples": [stream_lanes(scenes["samples"], "samples", {"data": byte, "label": str})],
        "results": [stream_lanes(scenes["results"], "results", {
            "prediction": str, "error": str, "triggered": str})],
        "state-write": [stream_lanes(scenes["state-write"], "state.request", request),
                        stream_lanes(scenes["state-write"], "state.data", {"payload": byte})],
        "state-read": [stream_lanes(scenes["state-read"], "state.request", request),
                       stream_lanes(scenes["state-read"], "state.reply", {"payload": byte})],
    }
    return {name: {
        "signal": [{"name": "clk", "wave": "p" + "." * (len(scenes[name]) - 1)},
                   *(line for group in groups for line in group)],
        "config": {"hscale": 2},
    } for name, groups in lanes.items()}


def files():
    """Contents of the files beside this one, by name."""
    found = {}
    for name, source in sources().items():
        lines = ",\n  ".join(json.dumps(line) for line in source["signal"])
        text = f'{{"signal": [\n  {lines}\n],\n"config": {json.dumps(source["config"])}}}\n'
        picture = io.StringIO()
        wavedrom.render(text).write(picture)
        found |= {f"{name}.json": text, f"{name}.svg": picture.getvalue() + "\n"}
    return found


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
