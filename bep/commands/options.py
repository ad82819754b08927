"""Options that several commands have: data sets and their encodings."""

from pathlib import Path
from typing import Annotated

from typer import Option

from bep_model.data import catalogue
from bep_model.data.catalogue import Encoding

DATASET = (f"One of {', '.join(catalogue.PLAIN)}; of images, {', '.join(catalogue.IMAGES)}; of "
           "sequences, which a recurrent network takes, any of the images row by row, as s-mnist, "
           f"{', '.join(catalogue.ARCHIVE)}, or another UCR or UEA set.")

Data = Annotated[Path | None, Option(
    help="Folder of the IDX files (else BEP_DATA, else they are downloaded), or of the UCR and "
         "UEA files.")]
Images = Annotated[str, Option(
    help=f"Of images as bits: {', '.join(catalogue.ENCODINGS)}.")]
Window = Annotated[int | None, Option(
    help="Only the last samples of a sequence; by default all.")]
Chunk = Annotated[int, Option(help="Samples of a sequence per time step.")]
Bits = Annotated[int, Option(
    help="Thermometer levels per sample and dimension of a sequence.")]
Expand = Annotated[int | None, Option(
    help="K_x, random features of a time step's bits; by default the bits.")]


def encoding(dataset, images, window, chunk, bits, expand):
    """The encoding of a data set, of the values of these options.

    Raises ValueError if another option than those of its kind is not at its default.
    """
    sequences = Encoding(window, chunk, bits, expand)
    if not catalogue.sequential(dataset):
        return catalogue.encoding_of(dataset, images if sequences == Encoding() else sequences)
    return catalogue.encoding_of(dataset, sequences if images == "default" else images)
