"""Convolutional BEP a second time, in plain loops, from docs/algorithm.md ("Convolution") alone.

Images are lists of elements -1 or +1, an element being (row * columns + column) * channels +
channel; so are activations and targets of convolutional layers, with filters for channels."""

from types import SimpleNamespace

from tests.model.oracle import Oracle, sign


class ConvolutionOracle(Oracle):
    """A network whose first layers are convolutional; ``thresholds[l][k]`` is of layer l + 1."""

    def __init__(self, config, prototypes, literal):
        super().__init__(config, prototypes, literal)
        self.windows, self.images = config.windows, [config.image]
        for window, filters in zip(config.windows, config.layers, strict=False):
            rows, columns, _ = self.images[-1]
            height, width, stride, pool = window
            self.images.append((-(-((rows - height) // stride + 1) // pool),
                                -(-((columns - width) // stride + 1) // pool), filters))
        self.thresholds = [[0] * config.layers[l] for l in range(len(config.windows))]

    def positions(self, l):
        """Per cell of layer l + 1 its positions, as numbers and as lists of image elements."""
        (rows, columns, channels), (height, width, stride, pool) = self.images[l], self.windows[l]
        _, across, _ = self.images[l + 1]
        cells = [[] for _ in range(self.images[l + 1][0] * across)]
        number = 0
        for top in range(0, rows - height + 1, stride):
            for left in range(0, columns - width + 1, stride):
                patch = [((top + i) * columns + left + j) * channels + c
                         for i in range(height) for j in range(width) for c in range(channels)]
                cell = top // stride // pool * across + left // stride // pool
                cells[cell].append((number, patch))
                number += 1
        return cells

    def forward(self, bits):
        """z, activations and, of convolutional layers, (number, patch) that gave each z."""
        run = SimpleNamespace(z=[], a=[[2 * int(b) - 1 for b in bits]], chosen=[])
        for l, layer in enumerate(self.counters):
            a, z, chosen = run.a[-1], [], []
            if l < len(self.windows):
                for cell in self.positions(l):
                    for k, row in enumerate(layer):
                        values = [sum(sign(h) * a[i] for h, i in zip(row, patch, strict=True))
                                  - self.thresholds[l][k] for _, patch in cell]
                        z.append(max(values))
                        chosen.append(cell[values.index(max(values))])
            else:
                z = [sum(sign(h) * v for h, v in zip(row, a, strict=True)) for row in layer]
            run.z.append(z)
            run.a.append([sign(value) for value in z])
            run.chosen.append(chosen)
        return run

    def updated(self, rates):
        """Which layers are updated; the last layer is decided first."""
        updated = []
        for rate in reversed(rates):
            if rate in (0, 2**16):
                updated.insert(0, rate > 0)
            else:
                low = self.bank.states[0] % 2**16
                self.bank.draw()
                updated.insert(0, low < rate)
        return updated

    def backward(self, run, label, gates, lowest):
        """Per layer its targets -1, +1 or 0 for none; none at all below layer ``lowest`` + 1."""
        targets = [[0] * len(z) for z in run.z]
        if run.triggered:
            targets[-1] = self.prototypes[label]
        for l in range(len(run.z) - 2, lowest - 1, -1):
            above, sums = l + 1, [0] * len(run.z[l])
            for n, t in enumerate(targets[above]):
                if abs(run.z[above][n]) > gates[above]:
                    continue
                filters = self.shapes[above][0]
                row, seen = self.counters[above][n % filters], range(len(sums))
                if above < len(self.windows):
                    _, seen = run.chosen[above][n]
                for h, i in zip(row, seen, strict=True):
                    sums[i] += t * sign(h)
            targets[l] = [sign(u) if u or self.literal else 0 for u in sums]
            if l < len(self.windows):
                targets[l] = [t if abs(z) <= gates[l] else 0
                              for t, z in zip(targets[l], run.z[l], strict=True)]
        return targets

    def sums(self, l, z, targets):
        filters = self.shapes[l][0]
        return [sum(t * v for t, v in zip(targets[k::filters], z[k::filters], strict=True))
                for k in range(filters)]

    def winners(self, l, run, targets, parameters):
        group = parameters.groups[l]
        if l >= len(self.windows):
            return self.select(run.z[l], run.a[l + 1], targets[l], group, 0)
        sums, winners = self.sums(l, run.z[l], targets[l]), []
        for begin in range(0, len(sums), group):
            wrong = [k for k in range(begin, begin + group) if sums[k] < 0]
            if wrong:
                winners.append(min(wrong, key=lambda k: (-sums[k], k)))
        return winners

    def steps(self, l, run, targets, j):
        """The steps of winner j, one per counter of its row."""
        filters, fan_in = self.shapes[l]
        if l >= len(self.windows):
            return [targets[l][j] * a for a in run.a[l]]
        totals = [0] * fan_in
        for target, (_, patch) in zip(targets[l][j::filters], run.chosen[l][j::filters],
                                      strict=True):
            for place, i in enumerate(patch):
                totals[place] += target * run.a[l][i]
        return [(total > 0) - (total < 0) for total in totals]

    def process(self, bits, label, parameters):
        """A sample up to its winners; draws from the bank, but changes nothing else."""
        run = self.forward(bits)
        run.y, run.prediction = self.classify(run.a[-1])
        rival = max(y for k, y in enumerate(run.y) if k != label)
        run.triggered = run.y[label] - rival < parameters.margin
        layers = range(len(run.z))
        updated = self.updated(parameters.rates) if run.triggered else [False for _ in layers]
        lowest = updated.index(True) if any(updated) else len(updated)
        run.targets = self.backward(run, label, parameters.gates, lowest)
        run.winners = [self.winners(l, run, run.targets, parameters) if updated[l] else []
                       for l in layers]
        return run

    def train(self, x, labels, parameters):
        """(prediction, error, triggered) of every sample."""
        results = []
        for bits, label in zip(x, labels, strict=True):
            run = self.process(bits, label, parameters)
            self.batch.append([(l, j, self.steps(l, run, run.targets, j), None)
                               for l in range(len(run.z) - 1, -1, -1) for j in run.winners[l]])
            results.append((run.prediction, run.prediction != label, run.triggered))
            if len(self.batch) == parameters.batch:
                self.flush(parameters)
        return results

    def update(self, l, j, steps, _, q):
        for i, taken in enumerate(self.bank.row(len(steps), q)):
            if taken:
                self.step(l, j, i, steps[i])
