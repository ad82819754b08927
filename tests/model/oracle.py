"""BEP written a second time, only from the paper and docs/algorithm.md.

Plain loops over lists of Python integers, slow and obvious: elements are -1 or +1, nothing is
packed."""


def sign(value):
    return 1 if value >= 0 else -1


def mix(x):
    x ^= x >> 16
    x = x * 0x85EBCA6B % 2**32
    x ^= x >> 13
    x = x * 0xC2B2AE35 % 2**32
    return x ^ (x >> 16)


class Bank:
    """Random bits: ceil(Q / 32) generators, whose states give Q bits to a counter word."""

    def __init__(self, lanes):
        self.lanes = lanes
        self.states = [0] * ((lanes + 31) // 32)

    def seed(self, seed):
        for k in range(len(self.states)):
            self.states[k] = mix((seed + (k + 1) * 0x9E3779B9) % 2**32) or 0x9E3779B9

    def draw(self):
        """The present states as Q bits; then every generator advances."""
        bits = [self.states[i // 32] >> (i % 32) & 1 for i in range(self.lanes)]
        for k, x in enumerate(self.states):
            x ^= x << 13 & 0xFFFFFFFF
            x ^= x >> 17
            x ^= x << 5 & 0xFFFFFFFF
            self.states[k] = x
        return bits

    def bernoulli(self, p):
        """One counter word of bits that are 1 with probability p / 2**16."""
        if p in (0, 2**16):
            return [int(p > 0)] * self.lanes
        lowest = min(b for b in range(16) if p >> b & 1)
        m = [0] * self.lanes
        for b in range(lowest, 16):
            r = self.draw()
            m = [x | y if p >> b & 1 else x & y for x, y in zip(m, r, strict=True)]
        return m

    def row(self, fan_in, p):
        """The bits of one row of counters, word after word."""
        bits = []
        while len(bits) < fan_in:
            bits += self.bernoulli(p)
        return bits[:fan_in]


class Oracle:
    """A network whose ``counters[l][j][i]`` belongs to layer l + 1, neuron j, input i."""

    def __init__(self, config, prototypes, literal):
        self.shapes = config.shapes
        self.low = -(2 ** (config.counter_bits - 1))
        self.high = 2 ** (config.counter_bits - 1) - 1
        self.prototypes = [[2 * int(b) - 1 for b in row] for row in prototypes]
        self.literal = literal
        self.bank = Bank(config.counter_lanes)
        self.batch, self.since_sweep = [], 0

    def reset(self, seed):
        self.bank.seed(seed)
        self.batch, self.since_sweep = [], 0
        self.counters = []
        for width, fan_in in self.shapes:
            rows = [self.bank.row(fan_in, 2**15) for _ in range(width)]
            self.counters.append([[0 if b else -1 for b in row] for row in rows])

    def forward(self, bits):
        """Pre-activations and activations; activations[0] is the input."""
        zs, activations = [], [[2 * int(b) - 1 for b in bits]]
        for layer in self.counters:
            a = activations[-1]
            z = [sum(sign(h) * a[i] for i, h in enumerate(row)) for row in layer]
            zs.append(z)
            activations.append([sign(value) for value in z])
        return zs, activations

    def classify(self, last):
        y = [sum(p * a for p, a in zip(row, last, strict=True)) for row in self.prototypes]
        return y, y.index(max(y))

    def backward(self, zs, label, gates):
        """Per layer the targets: -1, +1, or 0 for none."""
        targets = [None] * len(zs)
        targets[-1] = self.prototypes[label]
        for l in range(len(zs) - 2, -1, -1):
            above = l + 1
            targets[l] = []
            for i in range(len(zs[l])):
                u = 0
                for j, t in enumerate(targets[above]):
                    if abs(zs[above][j]) <= gates[above]:
                        u += t * sign(self.counters[above][j][i])
                targets[l].append(sign(u) if u or self.literal else 0)
        return targets

    def select(self, z, a, target, group, stability):
        winners = []
        for begin in range(0, len(z), group):
            eligible = [j for j in range(begin, begin + group)
                        if target[j] and (target[j] != a[j] or abs(z[j]) < stability)]
            if eligible:
                winners.append(min(eligible, key=lambda j: (abs(z[j]), j)))
        return winners

    def step(self, l, j, i, amount):
        self.counters[l][j][i] = min(max(self.counters[l][j][i] + amount, self.low), self.high)

    def update(self, l, j, target, inputs, q):
        taken = self.bank.row(len(inputs), q)
        for i, a in enumerate(inputs):
            if taken[i]:
                self.step(l, j, i, 1 if target == a else -1)

    def reinforce(self, l, p):
        for j, row in enumerate(self.counters[l]):
            for i, taken in enumerate(self.bank.row(len(row), p)):
                if taken:
                    self.step(l, j, i, 1 if row[i] >= 0 else -1)

    def train(self, x, labels, parameters):
        """(prediction, error, triggered) of every sample."""
        results = []
        for bits, label in zip(x, labels, strict=True):
            zs, a = self.forward(bits)
            y, prediction = self.classify(a[-1])
            rival = max(y[k] for k in range(len(y)) if k != label)
            triggered = y[label] - rival < parameters.margin
            corrections = []
            if triggered:
                targets = self.backward(zs, label, parameters.gates)
                for l in range(len(zs) - 1, -1, -1):
                    group = parameters.groups[l]
                    stability = parameters.stabilities[l] if parameters.stabilities else 0
                    for j in self.select(zs[l], a[l + 1], targets[l], group, stability):
                        corrections.append((l, j, targets[l][j], a[l]))
            self.batch.append(corrections)
            results.append((prediction, prediction != label, triggered))
            if len(self.batch) == parameters.batch:
                self.flush(parameters)
        return results

    def flush(self, parameters):
        if not self.batch:
            return
        for corrections in self.batch:
            for l, j, target, inputs in corrections:
                self.update(l, j, target, inputs, parameters.thinning)
        self.since_sweep += len(self.batch)
        self.batch = []
        if self.since_sweep >= parameters.sweep:
            self.since_sweep = 0
            for l, p in enumerate(parameters.reinforce):
                self.reinforce(l, p)
