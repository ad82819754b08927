"""`bep cost`: what a trainer will take of a board's part, and how fast it will be, unbuilt."""

from pathlib import Path
from typing import Annotated

from typer import Option

from bep import results
from bep.commands import options, shape
from bep.flow import memories, stores
from bep.flow.boards import NAMES, board_file, boards, target
from bep.flow.platforms import check_resources, platform_of
from bep_model.files import check_outputs, telling


@shape.with_shape
def command(
    board: Annotated[str, Option(
        help=f"One of {', '.join(boards())}, or a file as docs/boards.md describes it.")],
    config: options.Source = None,
    *,
    given: dict,
    store: options.Store = "none",
    json: Annotated[Path | None, Option(
        rich_help_panel=options.FILES, help="Write the estimate here.")] = None,
):
    """Estimate size, clock, cycles, samples per second and energy of a trainer on a board.

    Nothing is synthesised: memories and cycles are exact, the others fitted to builds, with the
    interval that held 9 of 10 of them; of others fewer (docs/cost-model.md).
    """
    check_outputs({"--config": config, "--board": board_file(board)}, **{"--json": json})
    stores.check(store)
    found = shape.described(config, given)
    described = target(board)
    with telling(board):
        check_resources(platform_of(described), described, store)
    from bep.cost.estimate import estimate  # after everything that can be wrong: it is slow

    predicted = estimate(found.config, found.parameters, described, store)
    results.deliver((json, lambda path: results.write_json(path, {
        "board": board, "part": described.part, "store": store, "digest": found.config.digest,
        "predicted": predicted})))
    if json != Path("-"):
        show(found.config, described, predicted)


def show(config, described, found):
    """Print an estimate."""
    available = found["available"]
    rows = [(NAMES[key], interval(found[key])) for key in ("luts", "ffs")]
    rows += [("logic cells, packed", f"{interval(found['cells'])} of {available['luts']:,}")]
    rows += [(NAMES[key], f"{found[key]:,} of {available[key]}, exact")
             for key in ("brams", "spram") if available[key]]
    rows += [("fastest clock, MHz", interval(found["fmax_mhz"], "{:.1f}")),
             ("clock of the bitstream, MHz", interval(found["built_mhz"], "{:.1f}")),
             ("clocks per trained sample, most", f"{found['cycles_per_sample']:,.0f}, exact"),
             ("clocks per inferred sample", f"{found['inferred_cycles_per_sample']:,.0f}, exact"),
             ("trained samples/s, least", interval(found["board_samples_per_second"])),
             ("inferred samples/s", interval(found["board_inferred_samples_per_second"]))]
    if found["microjoules_per_sample"]:
        rows += [("µJ per trained sample, modelled",
                  results.band(found["microjoules_per_sample"]))]
    results.table(f"{described.name}, {described.part}", rows)
    results.table("components: look-up tables, flip-flops (shares of the fit)", [
        (name, *(f"{parts.get(key, 0):,.0f}" for key in ("luts", "ffs")))
        for name, parts in found["components"].items()])
    kinds = found["cycles"]
    results.table("clocks by phase: trained sample, inferred sample", [
        (phase, f"{count:,.0f}", f"{kinds['inferred'].get(phase, 0):,.0f}")
        for phase, count in kinds["trained"].items()])
    for remark in found["remarks"]:
        results.say(remark)
    results.say(f"bottleneck: {'; '.join(found['bottlenecks'])}")
    needs = {key: found[key] for key in ("brams", "spram")} | {
        "luts": found["cells"]["value"]}
    if over := list(memories.beyond(needs, available)):
        results.say("; ".join([f"it does not fit: {' and '.join(text for _, _, text in over)}",
                               *memories.advice(config, described, [key for key, *_ in over])]))


def interval(value, form="{:,.0f}"):
    """A fitted value with its interval, in words."""
    low, middle, high = (form.format(value[end]) for end in ("low", "value", "high"))
    return middle if low == high else f"{middle} ({low} to {high})"
