"""docs/registers.md, made from the table of registers: ``python -m bep.reports.register_page``."""

from bep.reports import documents
from bep_model.registers import MOST, OF_LINK, OTHERS, RUN_TIME


def page():
    """The text of docs/registers.md."""
    return documents.render("registers.md.j2", run_time=RUN_TIME, others=OTHERS, of_link=OF_LINK,
                            most=MOST)


if __name__ == "__main__":
    documents.write("docs/registers.md", page())
