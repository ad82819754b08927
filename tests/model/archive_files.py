"""Small files of sequences in the formats of the UCR and UEA archives."""

import numpy as np

HEADER = ("@problemName {name}\n@univariate false\n@equalLength false\n{extra}"
          "@classLabel true {labels}\n@data\n")


def write_ts(folder, name, train, test, labels="a b", extra=""):
    """Write two .ts files of (dimensions, label) cases."""
    for part, cases in (("TRAIN", train), ("TEST", test)):
        lines = [":".join([*(",".join(map(str, d)) for d in dims), label]) for dims, label in cases]
        (folder / f"{name}_{part}.ts").write_text(
            HEADER.format(name=name, labels=labels, extra=extra) + "\n".join(lines) + "\n")


def write_tsv(folder, name, rows, test=None):
    for part, lines in (("TRAIN", rows), ("TEST", rows if test is None else test)):
        (folder / f"{name}_{part}.tsv").write_text(
            "".join("\t".join(map(str, row)) + "\n" for row in lines))


def write_toy(folder):
    """Thirty sequences of two dimensions and of 1 to 5 samples; return the folder and them."""
    rng = np.random.default_rng(1)
    cases = []
    for i in range(30):
        x = rng.integers(0, 100, (2, 1 + i % 5)) + 100 * (i % 2)
        cases.append((x.tolist(), "ab"[i % 2]))
    place = folder / "ucr" / "Toy"
    place.mkdir(parents=True)
    write_ts(place, "Toy", cases[:10], cases[10:])
    return folder, cases


def lengths(x):
    """Time steps of each sequence: int64 (N,), T minus its leading steps without any number."""
    there = ~np.isnan(x).all(axis=2)
    return np.where(there.any(axis=1), x.shape[1] - np.argmax(there, axis=1), 0)
