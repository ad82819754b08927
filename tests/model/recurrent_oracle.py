"""BEP through time a second time, in plain loops, from docs/algorithm.md ("Recurrent networks")
alone. Steps are counted from 0 here: step t has x[t] and z[t], and s[t] is its state."""

from types import SimpleNamespace

from tests.model.oracle import Oracle, sign


class RecurrentOracle(Oracle):
    """A network whose ``counters[0][j]`` is a row [h_x | h_s], ``counters[1][j]`` one of h_y."""

    def __init__(self, config, prototypes, literal, literal_steps):
        super().__init__(config, prototypes, literal)
        self.k_x, self.literal_steps = config.inputs, literal_steps

    def row_bits(self, l, p):
        """The random bits of a row of layer l + 1; the sections of layer 1 begin a new word."""
        width, fan_in = self.shapes[l]
        if l == 1:
            return self.bank.row(fan_in, p)
        return self.bank.row(self.k_x, p) + self.bank.row(width, p)

    def reset(self, seed):
        self.bank.seed(seed)
        self.batch, self.since_sweep = [], 0
        self.counters = [
            [[0 if b else -1 for b in self.row_bits(l, 2**15)] for _ in range(self.shapes[l][0])]
            for l in (0, 1)]

    def reinforce(self, l, p):
        for j, row in enumerate(self.counters[l]):
            for i, taken in enumerate(self.row_bits(l, p)):
                if taken:
                    self.step(l, j, i, 1 if row[i] >= 0 else -1)

    def forward(self, sequence):
        """The inputs [x[t] | s[t - 1]] of all steps, z, s, and of the output layer z_y and a_y."""
        width = self.shapes[0][0]
        inputs, z, s = [], [], []
        for bits in sequence:
            row = [2 * int(b) - 1 for b in bits] + (s[-1] if s else [])
            inputs.append(row)
            z.append([sum(sign(self.counters[0][j][i]) * a for i, a in enumerate(row))
                      for j in range(width)])
            s.append([sign(value) for value in z[-1]])
        z_y = [sum(sign(h) * a for h, a in zip(row, s[-1], strict=True))
               for row in self.counters[1]]
        return SimpleNamespace(inputs=inputs, z=z, s=s, z_y=z_y, a_y=[sign(v) for v in z_y])

    def ternary(self, total):
        return sign(total) if total or self.literal else 0

    def backward(self, run, label, parameters):
        """The targets of the output layer, and D of every step: -1, +1, or 0 for none."""
        steps, width = len(run.z), self.shapes[0][0]
        rho = self.prototypes[label]
        targets = [[0] * width for _ in range(steps)]
        for t in range(steps - 1, max(0, steps - parameters.horizon) - 1, -1):
            for i in range(width):
                total = 0
                if t == steps - 1:
                    for j, target in enumerate(rho):
                        if abs(run.z_y[j]) <= parameters.gates[1]:
                            total += target * sign(self.counters[1][j][i])
                else:
                    for j in range(width):
                        if abs(run.z[t + 1][j]) <= parameters.gates[0]:
                            total += targets[t + 1][j] * sign(self.counters[0][j][self.k_x + i])
                targets[t][i] = self.ternary(total)
        return rho, targets

    def sums(self, run, targets):
        return [sum(d[i] * z[i] for d, z in zip(targets, run.z, strict=True))
                for i in range(self.shapes[0][0])]

    def select_state(self, sums, group):
        winners = []
        for begin in range(0, len(sums), group):
            wrong = [i for i in range(begin, begin + group) if sums[i] < 0]
            if wrong:
                winners.append(min(wrong, key=lambda i: (-sums[i], i)))
        return winners

    def steps(self, run, targets, i):
        """The steps of winner i of the state layer, one per counter of its row."""
        steps = []
        for place in range(self.shapes[0][1]):
            total = 0
            for t, row in enumerate(run.inputs):
                if place < len(row):  # there is no state before the first step
                    total += targets[t][i] * row[place]
            steps.append(total if self.literal_steps else (total > 0) - (total < 0))
        return steps

    def train(self, x, labels, parameters, lengths):
        """(prediction, error, triggered) of every sequence."""
        results = []
        for sequence, label, length in zip(x, labels, lengths, strict=True):
            run = self.forward(sequence[:length])
            y, prediction = self.classify(run.a_y)
            rival = max(y[k] for k in range(len(y)) if k != label)
            triggered = y[label] - rival < parameters.margin
            corrections = []
            if triggered:
                rho, targets = self.backward(run, label, parameters)
                for j in self.select(run.z_y, run.a_y, rho, parameters.groups[1], 0):
                    corrections.append((1, j, [rho[j] * a for a in run.s[-1]], None))
                for i in self.select_state(self.sums(run, targets), parameters.groups[0]):
                    corrections.append((0, i, self.steps(run, targets, i), None))
            self.batch.append(corrections)
            results.append((prediction, prediction != label, triggered))
            if len(self.batch) == parameters.batch:
                self.flush(parameters)
        return results

    def update(self, l, j, steps, _, q):
        for i, taken in enumerate(self.row_bits(l, q)):
            if taken:
                self.step(l, j, i, steps[i])
