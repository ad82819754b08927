"""Clock cycles of whole batches, by where they go: the engines' formulas put together.

Equal to what the performance counters of the gateware show, but for the cycles spent waiting.
"""

from collections import Counter

from bep_model.protocol import Cause
from rtl.engines.classify import Classify
from rtl.engines.random import Bernoulli
from rtl.engines.select import Select
from rtl.engines.winners import Winners


class Cycles:
    """Cycles of a trainer for samples whose course is known.

    A sample is described by an object with the members of ``bep_model.network.Phases``:
    ``triggered``, and per layer ``z``, ``valid``, ``passing`` and ``winners``.

    Parameters
    ----------
    trainer : rtl.trainer.Trainer
    """

    settles = False
    """Whether the next sample of a batch waits for the last scan of select."""

    def __init__(self, trainer):
        self.config = trainer.config
        self.forward, self.backward, self.update = \
            trainer.forward, trainer.backward, trainer.update

    def infer(self, sample):
        """Counter of cycles by Cause of one sample that is only inferred."""
        config, forward = self.config, self.forward
        classify = config.classes * config.words[-1] + forward.latency + Classify.latency
        return Counter({
            Cause.FORWARD: sum(forward.cycles(k, words) for k, words in self._layers(sample)),
            Cause.CLASSIFY: classify,
        })

    def _layers(self, sample):
        """Rows, and words of each, that the forward phase takes one after another."""
        return zip(self.config.layers, self.config.words, strict=False)

    def batch(self, samples, parameters, flushed=False):
        """Counter of cycles by Cause of a batch, its updates included, sweeps not.

        Parameters
        ----------
        samples : sequence of Phases
            At least one.
        parameters : Parameters
        flushed : bool
            The batch is not full; its updates are applied by a flush.
        """
        total, rows, scanned = Counter(), [], 1
        for slot, sample in enumerate(samples):
            applied = slot == len(samples) - 1 and not flushed
            total += self.infer(sample)
            offered, scanned = [{}] * self.config.depth, 1
            if sample.triggered:
                cycles, offered, scanned = self._backward(sample, parameters)
                total += cycles
            if not applied and self.settles:
                total[Cause.SELECT] += scanned
            for l in reversed(range(self.config.depth)):
                if sample.triggered:
                    rows += [(offered[l].get(row, 1) if applied else 1, (l, row),
                              self.config.counter_words[l], parameters.thinning,
                              self._steps(sample, parameters, l)) for row in sample.winners[l]]
        end = 1 if flushed else scanned
        return total + self._update(rows, end)

    def sweep(self, probabilities):
        """Counter of cycles of one sweep; ``probabilities`` of the layers in 2**-16, 0 to skip."""
        offered, clock = 1, 0
        for (k, _), words, p in zip(self.config.shapes, self.config.counter_words, probabilities,
                                    strict=True):
            if not p:
                offered += 1
                continue
            # Only the first row can be late, so the whole layer is one long row. It waits a clock
            # for its probability.
            row = (offered + 1, None, k * words, p)
            clock = self.update.cycles([row])[-1][1]
            offered = clock + 1
        length = max(clock + self.update.latency, offered) if clock else offered
        return Counter({Cause.REINFORCE: length})

    def _backward(self, sample, parameters):
        """Cycles from the trigger to the end of the last backward phase.

        Also, counted from then: by layer the clocks in which winners are offered, if later than
        the first, and the clock in which select has finished.
        """
        config, total = self.config, Counter()
        offered, scanned = [{} for _ in config.layers], 1
        if config.depth == 1:
            return total, [dict.fromkeys(sample.winners[0], Winners.latency)], scanned
        lanes, waits = config.weight_lanes, []
        for l, rows, z, valid, winners in self._scans(sample, parameters):
            words, group, final = config.words[l + 1], parameters.groups[l], config.layers[l] - 1
            total[Cause.BACKWARD] += self.backward.cycles(rows, words)
            passes = valid[final] and abs(z[final]) <= parameters.gates[l]
            wins = len(winners) and winners[-1] // group == final // group
            scanned = final % lanes + 1 + Select.hidden_latency + bool(passes or wins)
            waits.append(scanned)
        total[Cause.SELECT] = sum(waits[:-1])  # the next phase waits for every scan but the last
        gap = max(rows + 2, self.backward.gap)
        for row in map(int, winners):
            word, lane = divmod(row - row % group + group - 1, lanes)
            pushed = lane + 1 + Select.hidden_latency - (words - 1 - word) * gap
            offered[0][row] = max(1, pushed + Winners.latency)
        return total, offered, scanned

    def _scans(self, sample, parameters):
        """The backward phases in order: layer (from 0) that gets targets, rows read, then of that
        layer z, which neurons have a target, and the winners.
        """
        for l in reversed(range(self.config.depth - 1)):
            yield l, len(sample.passing[l + 1]), sample.z[l], sample.valid[l], sample.winners[l]

    def _steps(self, sample, parameters, l):
        """Steps of a sequence that vote on the rows of layer l + 1; none here."""
        return 0

    def _times(self, rows, end):
        """As ``Update.cycles``, for rows that also tell how many steps vote on them."""
        return self.update.cycles([row[:4] for row in rows])

    def _update(self, rows, end):
        """Cycles of the update phase: rows as in ``_times``, select finished in clock ``end``."""
        times = self._times(rows, end)
        working, free = 0, 1
        for begin, last in times:
            working += last + self.update.latency + 1 - max(begin, free)
            free = last + self.update.latency + 1
        length = max(end, times[-1][1] + self.update.latency) if times else end
        return Counter({Cause.UPDATE: working, Cause.SELECT: length - working})


class CyclesThroughTime(Cycles):
    """The same of a recurrent network; samples are ``RecurrentPhases``."""

    settles = True

    def _layers(self, sample):
        config = self.config
        state, output = config.layers
        yield state, config.words[0]
        for _ in range(sample.steps - 1):
            yield state, config.row_words[0]
        yield output, config.row_words[1]

    def _steps(self, sample, parameters, l):
        return 0 if l else min(parameters.horizon, sample.steps)

    def _scans(self, sample, parameters):
        oldest, rows = max(0, sample.steps - parameters.horizon), sample.passing_y
        for t in reversed(range(oldest, sample.steps)):
            winners = sample.winners[0] if t == oldest else ()
            yield 0, len(rows), sample.z[t], sample.valid[t], winners
            rows = sample.passing[t]

    def _times(self, rows, end):
        """A row of the state layer waits for its votes, sign word by sign word."""
        update, config = self.update, self.config
        low = (1 << config.subword_bits) - 1
        begins = [offset & low == 0 for offset, _, _ in config.spans[0]]  # a sign word
        times, ends, before = [], {}, 1
        moved = left = taken = 0  # clocks: into the register, out of it, of the last votes
        fetched = -3  # the last block
        for offered, row, words, p, steps in rows:
            available = max(offered, moved + 1)
            moved = max(available, left)
            if steps:
                after_output = 0 if before else left + 1
                start = max(available, end, fetched + 1, after_output)
                moved = max(moved, start)
            done = moved + Bernoulli.clocks(p)
            for word in range(words):
                if word:
                    done += update.dwell(p)
                elif row in ends:
                    done = max(done, ends[row] + update.latency + 1)
                if steps and begins[word]:
                    fetched = max(max(fetched + 3, start + 1) + steps - 1, taken)
                    done = max(done, fetched + self.backward.latency + 1)
                if update.single_port:
                    done += (done - 1) % 2
                if steps and begins[word]:
                    taken = done
            ends[row] = left = done
            before = steps
            times.append((moved + 1, left))
        return times
