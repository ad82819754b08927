"""What amaranth-boards knows of a board: its platform, resources and clock."""

import json
from importlib import import_module

from amaranth import vendor
from amaranth.build import Pins

from bep.flow import stores
from bep.flow.links import UART


def platform_of(described):
    """The platform of amaranth-boards that a :class:`bep.flow.boards.Target` names.

    Raises ValueError if it does not exist or has another part.
    """
    module, _, name = described.platform.partition(":")
    try:
        platform = getattr(import_module(module), name)()
    except (ModuleNotFoundError, AttributeError, TypeError, ValueError) as error:
        if getattr(error, "name", None) == "amaranth_boards":
            raise  # it is not installed
        raise ValueError(f"platform must be MODULE:CLASS of amaranth-boards, not "
                         f"{described.platform!r}: {error}") from None
    family = described.family
    part = family.naming.format(platform) if isinstance(
        platform, getattr(vendor, family.platform)) else platform.device
    if part != described.part:
        raise ValueError(f"part must be {part}, which {described.platform} has, not "
                         f"{described.part}")
    if described.reset and platform.default_rst == described.reset[0]:
        platform.default_rst = None  # the design asks for it, and nobody may ask twice
    return platform


def check_resources(platform, described, store="none", link=UART):
    """Raise ValueError, with the key, for a port, plug, button or LED that the platform does not
    have, or a chip that a store needs."""
    needed = stores.resource(store)
    if needed is not None and needed not in platform.resources:
        there = [chip for chip in stores.CHIPS if stores.resource(chip) in platform.resources]
        raise ValueError(f"store must be {', '.join(['none', *there])} or block:KIB on "
                         f"{described.name}, not {store}")
    if store == "sdram":
        sizes = {ios.name: len(ios.ios[0].names) for ios in platform.resources[needed].ios
                 if hasattr(ios, "ios")}
        if (sizes["dq"], sizes["a"]) != (16, 13):
            raise ValueError(f"store cannot be sdram on {described.name}: its SDRAM has "
                             f"{sizes['dq']} data pins and {sizes['a']} of address, not 16 and 13")
    plugs = {name: resource for name, resource in platform.resources.items()
             if {"d_p", "d_n", "pullup"} <= {getattr(io, "name", None) for io in resource.ios}}
    if described.plug and tuple(described.plug) not in plugs:
        known = ", ".join(json.dumps(name) for name in plugs) or "left out"
        raise ValueError(f"plug must be {known} for {described.platform}, not "
                         f"{json.dumps(described.plug)}")
    if link == UART and ("uart", 0) not in platform.resources:
        raise ValueError(f"platform must have a serial port, and {described.platform} has none")
    taken = {}
    for key, direction in (("reset", "i"), ("busy", "o"), ("refused", "o")):
        wanted = getattr(described, key)
        if wanted is None:
            continue
        pins = {name: resource.ios[0].names[0] for name, resource in platform.resources.items()
                if isinstance(resource.ios[0], Pins) and len(resource.ios[0].names) == 1
                and resource.ios[0].dir in (direction, "io") and resource.clock is None}
        if tuple(wanted) not in pins:
            known = ", ".join(json.dumps(name) for name in pins)
            raise ValueError(f"{key} must be {f'one of {known} of' if pins else 'left out for'} "
                             f"{described.platform}, not {json.dumps(wanted)}")
        other = taken.setdefault(pins[tuple(wanted)], key)
        if other != key:
            raise ValueError(f"{key} must be another pin than {other}, not {json.dumps(wanted)}")


def oscillator(described):
    """The frequency of a board's own clock, in Hz."""
    return round(platform_of(described).default_clk_frequency)
