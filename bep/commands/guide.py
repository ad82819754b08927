"""`bep guide`: how large a network fits, how many lanes, what a percent of accuracy costs."""

from pathlib import Path
from typing import Annotated

from typer import Option

from bep import results
from bep.reports import documents
from sim import folders


def command(
    docs: Annotated[Path, Option(
        help="Folder with the results, where choosing.md and its pictures go, as docs of this "
             "project.")],
):
    """Write the page that helps to choose a design, with its pictures (docs/choosing.md).

    Sizes and speeds are estimated as `bep cost` does, accuracies are those of the results. Takes
    about a minute.
    """
    folders.check_writable(docs=docs)
    from bep.reports import guides  # plots, which are slow to import

    for name in guides.SOURCES:
        if documents.stored(docs, name) is None:
            raise ValueError(f"{docs} lacks results/{name}.json, which bep reproduce writes")
    guides.write(docs)
    results.say(f"written: {docs / guides.NAME}.md")
