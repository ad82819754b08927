"""Clock cycles of whole batches by cause, computed from the formulas of the engines.

The results equal the performance counters of the gateware, except for cycles spent waiting.
"""

import warnings
from collections import Counter

from amaranth.hdl import UnusedElaboratable

from bep_model.protocol import Cause
from rtl.engines.classify import Classify
from rtl.engines.random import Bernoulli
from rtl.engines.select import Select
from rtl.engines.winners import Winners
from rtl.trainer import Trainer

BETWEEN = 1
"""Clocks between two samples (docs/architecture.md), counted as waiting."""


def formulas_of(config, options):
    """The :class:`Cycles` of a trainer with these options of ``rtl.trainer.Trainer``."""
    # The trainer is made for them only, and never elaborated.
    warnings.filterwarnings("ignore", category=UnusedElaboratable)
    return Cycles(Trainer(config, [0] * config.classes, **options))


def inference(config, forward, steps):
    """Return the cycles of one sample that is only inferred, as a Counter by Cause.

    Parameters
    ----------
    config : Config
    forward : rtl.engines.forward.Forward
    steps : sequence of int
        Steps of the sample in each layer: 1, or T in the state layer; any of a convolutional one.
    """
    network = config.network
    classify = config.classes * network[-1].words + forward.latency + Classify.latency
    return Counter({
        Cause.FORWARD: sum(
            forward.cells_cycles if layer.window else
            forward.cycles(layer.neurons, layer.section_words[0])
            + (count - 1) * forward.cycles(layer.neurons, layer.row_words)
            for layer, count in zip(network, steps, strict=True)),
        Cause.CLASSIFY: classify,
    })


class Cycles:
    """Cycles that a trainer takes for samples whose results in each phase are known.

    A sample is described by an object with the members of
    ``bep_model.phases.sequencer.Phases``: ``triggered``, and for each layer ``z``, ``valid``,
    ``passing`` and ``winners``.

    Parameters
    ----------
    trainer : rtl.trainer.Trainer
    """

    def __init__(self, trainer):
        self.config, self.network = trainer.config, trainer.config.network
        self.forward, self.backward, self.update = \
            trainer.forward, trainer.backward, trainer.update

    def infer(self, sample):
        """Return the cycles of one sample that is only inferred, as a Counter by Cause."""
        return inference(self.config, self.forward, [len(z) for z in sample.z])

    def batch(self, samples, parameters, flushed=False):
        """Return the cycles of a batch with its updates, without sweeps, as a Counter by Cause.

        Parameters
        ----------
        samples : sequence of Phases
            At least one.
        parameters : Parameters
        flushed : bool
            The batch is not full; a flush applies its updates.
        """
        config, total, rows, scanned = self.config, Counter(), [], 1
        for slot, sample in enumerate(samples):
            applied = slot == len(samples) - 1 and not flushed
            total += self.infer(sample)
            offered, scanned = [{}] * config.depth, 1
            if sample.triggered:
                cycles, offered, scanned = self._backward(sample, parameters)
                total += cycles
            if not applied and config.voters:  # the next sample waits for the last scan
                total[Cause.SELECT] += scanned
            for l, layer in reversed(list(enumerate(self.network))):
                if sample.triggered:
                    steps = len(sample.z[l]) * bool(layer.state or layer.window)
                    if layer.state:
                        steps = min(parameters.horizon, steps)
                    rows += [(offered[l].get(row, 1) if applied else 1, (l, row),
                              layer.counter_words, parameters.thinning, steps)
                             for row in sample.winners[l]]
        end = 1 if flushed else scanned
        return total + self._update(rows, end)

    def sweep(self, probabilities):
        """Return the cycles of one sweep, as a Counter by Cause.

        ``probabilities`` has one per layer, in units of 2**-16; 0 skips the layer.
        """
        offered, clock = 1, 0
        for layer, p in zip(self.network, probabilities, strict=True):
            if not p:
                offered += 1
                continue
            # Only the first row can be late, so the whole layer counts as one long row. The layer
            # waits one clock for its probability.
            row = (offered + 1, None, layer.neurons * layer.counter_words, p)
            clock = self.update.cycles([row])[-1][1]
            offered = clock + 1
        length = max(clock + self.update.latency, offered) if clock else offered
        return Counter({Cause.REINFORCE: length})

    def _backward(self, sample, parameters):
        """Return the cycles from the trigger to the end of the last backward phase.

        Also return, counted from that end: for each layer the clocks in which winners are offered,
        if later than the first clock, and the clock in which select has finished.
        """
        config, total = self.config, Counter()
        offered, scanned = [{} for _ in config.layers], 1
        lowest = sample.updated.index(True) if any(sample.updated) else config.depth
        if config.convolutional:
            total[Cause.SELECT] = config.depth + 1  # in which it is decided what is updated
        if lowest >= config.depth - 1:
            offered[-1] = dict.fromkeys(sample.winners[-1], Winners.latency)
            return total, offered, scanned
        lanes, waits = config.weight_lanes, []
        for l, rows, z, valid, winners in self._scans(sample, parameters):
            layer, group = self.network[l], parameters.groups[l]
            words, final, filters = layer.words, layer.outputs - 1, layer.neurons - 1
            total[Cause.BACKWARD] += self.backward.cycles(rows, words)
            passes = not layer.window and valid[final] and abs(z[final]) <= parameters.gates[l]
            wins = len(winners) and winners[-1] // group == filters // group
            scanned = final % lanes + 1 + Select.hidden_latency + bool(passes or wins)
            waits.append(scanned)
        total[Cause.SELECT] += sum(waits[:-1])  # the next phase waits for every scan but the last
        gap = max(rows + 2, self.backward.gap)
        for row in map(int, winners):
            word, lane = divmod(final - filters + row - row % group + group - 1, lanes)
            pushed = lane + 1 + Select.hidden_latency - (words - 1 - word) * gap
            offered[lowest][row] = max(1, pushed + Winners.latency)
        return total, offered, scanned

    def _scans(self, sample, parameters):
        """Yield for each backward phase in order: the layer (from 0) that gets targets, the number
        of rows read, and, for that layer and step, z, which neurons have a target, and the winners,
        which are empty unless the step is the layer's last one to be scanned.
        """
        rows = sample.passing[-1][0]
        for l in reversed(range(sample.updated.index(True), self.config.depth - 1)):
            if self.network[l].window:
                yield l, len(rows), sample.z[l], sample.valid[l], sample.winners[l]
                return
            steps = len(sample.z[l])
            oldest = max(0, steps - parameters.horizon)
            for t in reversed(range(oldest, steps)):
                winners = sample.winners[l] if t == oldest else ()
                yield l, len(rows), sample.z[l][t], sample.valid[l][t], winners
                rows = sample.passing[l][t]

    def _times(self, rows, end):
        """Like ``Update.cycles``, for rows that also hold the number of steps that vote on them.

        In a recurrent or convolutional trainer every row passes through a register, and a row that
        is voted on waits for the votes on each of its sign words.
        """
        if not self.config.voters:
            return self.update.cycles([row[:4] for row in rows])
        update, low = self.update, (1 << self.config.subword_bits) - 1
        times, ends, before = [], {}, 1
        # Clocks in which a row enters and leaves the register, votes are taken, a block is fetched.
        moved = left = taken = 0
        fetched = -3
        for offered, row, _, p, steps in rows:
            available = max(offered, moved + 1)
            moved = max(available, left)
            if steps:
                after_output = 0 if before else left + 1
                start = max(available, end, fetched + 1, after_output)
                moved = max(moved, start)
            done = moved + Bernoulli.clocks(p)
            for word, (offset, _, _) in enumerate(self.network[row[0]].spans):
                voted = steps and offset & low == 0  # a sign word begins
                if word:
                    done += update.dwell(p)
                elif row in ends:
                    done = max(done, ends[row] + update.latency + 1)
                if voted:
                    fetched = max(max(fetched + 3, start + 1) + steps - 1, taken)
                    done = max(done, fetched + self.backward.latency + 1)
                if update.single_port:
                    done += (done - 1) % 2
                if voted:
                    taken = done
            ends[row] = left = done
            before = steps
            times.append((moved + 1, left))
        return times

    def _update(self, rows, end):
        """Cycles of the update phase for rows as in ``_times``; select ends in clock ``end``."""
        times = self._times(rows, end)
        working, free = 0, 1
        for begin, last in times:
            working += last + self.update.latency + 1 - max(begin, free)
            free = last + self.update.latency + 1
        length = max(end, times[-1][1] + self.update.latency) if times else end
        return Counter({Cause.UPDATE: working, Cause.SELECT: length - working})

