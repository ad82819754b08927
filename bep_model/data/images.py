"""The IDX files of the image data sets."""

import numpy as np
import pooch

from bep_model.data import catalogue, idx

KINDS = {"images": "idx3", "labels": "idx1"}
"""Kinds of files, as they appear in file names."""

# Mirrors and the published MD5 sums of the original files: training images and labels, test
# images and labels.
FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
         "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
MIRRORS = {
    "mnist": ("https://ossci-datasets.s3.amazonaws.com/mnist/",
              "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    "fashion-mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"),
}
MD5 = {
    "mnist": ("f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
              "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c"),
    "fashion-mnist": ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
                      "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310"),
}


def read(name, data=None):
    """Images and labels of the training and of the test part.

    Parameters
    ----------
    name : str
        A key of ``catalogue.IMAGES``.
    data : path-like, optional
        See :func:`bep_model.data.datasets.load`.

    Returns
    -------
    ((uint8 array (N, rows, columns), int64 array (N,)), the same of the test part, int array (C,))
        Upright images, labels 0..C-1, and the labels in the files, ascending.

    Raises
    ------
    ValueError
        For damaged files, parts that do not fit each other, or a label that the set does not have.
    OSError
        For a missing file or a failed download.
    """
    paths = _locate(name, catalogue.folder(data))
    (x, labels), (test_x, test_labels) = (idx.read_pair(*paths[i:i + 2]) for i in (0, 2))
    if x.shape[1:] != test_x.shape[1:]:
        raise ValueError(f"the images of {paths[2]} have {_size(test_x.shape[1:])} pixels, those "
                         f"of {paths[0]} {_size(x.shape[1:])}")
    known, classes = np.unique(labels), catalogue.IMAGES[name].classes
    if classes is not None:
        first = int(name == "emnist-letters")  # its labels are 1..26
        known = np.arange(first, first + classes)
        for path, values in ((paths[1], labels), (paths[3], test_labels)):
            _check(path, values, known, f"of {name} it must be {known[0]} to {known[-1]}")
    _check(paths[3], test_labels, np.unique(labels), f"no image of {paths[0]} has it")
    if len(np.unique(labels)) < 2:
        raise ValueError(f"{paths[1]} has the label {labels[0]} only; there must be two classes")
    if name.startswith("emnist-"):  # its files hold columns where others hold rows
        x, test_x = x.swapaxes(1, 2), test_x.swapaxes(1, 2)
    return ((x, np.searchsorted(known, labels)), (test_x, np.searchsorted(known, test_labels)),
            known)


def upright(path):
    """The images of one IDX file, uint8 (N, rows, columns); errors as of :func:`idx.read`."""
    found = idx.read(path, 3)
    if not found.size:
        raise ValueError(f"{path} holds no pixels: {found.shape}")
    return found.swapaxes(1, 2) if path.name.startswith("emnist-") else found


def _check(path, labels, known, rule):
    wrong = ~np.isin(labels, known)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(f"{path} has the label {labels[at]} at {at}; {rule}")


def _size(shape):
    return " x ".join(map(str, shape))


def _locate(name, folder):
    """Paths of the four IDX files, in the order of ``FILES``."""
    if folder is None:
        if name in MIRRORS:
            return [_download(name, *file) for file in zip(FILES, MD5[name], strict=True)]
        raise FileNotFoundError(f"{name} is not downloaded; give the folder of its files by --data "
                                "or the environment variable BEP_DATA")
    if name.startswith("emnist-"):  # its name is part of its files' names
        places = [folder / name, folder / "emnist", folder / "emnist" / "gzip", folder / "gzip",
                  folder]
        names = [_names(f"{name}-{part}", kind) for part in ("train", "test") for kind in KINDS]
    else:
        places = [folder / name if (folder / name).is_dir() else folder]
        names = [_names("train", kind) for kind in KINDS]
        names += [_names("t10k", kind) + _names("test", kind) for kind in KINDS]
    # All four from the folder that has the training images.
    place = next((place for place in places if any((place / file).is_file() for file in names[0])),
                 folder / name if len(places) > 1 else places[0])
    paths = []
    for files in names:
        here = [place / file for file in files if (place / file).is_file()]
        if not here:
            raise FileNotFoundError(f"{name} needs {place / files[0]}, which does not exist (nor "
                                    f"{', '.join(files[1:])})")
        paths.append(here[0])
    return paths


def _names(part, kind):
    """The usual names of a file, compressed and not."""
    return [f"{part}-{kind}{mark}{KINDS[kind]}-ubyte{suffix}"
            for mark in "-." for suffix in (".gz", "")]


def _download(name, file, md5):
    """Path of a file in the user's cache, downloaded from the first mirror that has it."""
    for mirror in MIRRORS[name]:
        try:
            return pooch.retrieve(mirror + file, known_hash=f"md5:{md5}", fname=file,
                                  path=pooch.os_cache("bep-trainer") / name)
        except (OSError, ValueError) as error:
            reason = error
    raise OSError(f"could not download {file} of {name} ({type(reason).__name__}); give the "
                  "folder of its files by --data or the environment variable BEP_DATA")
