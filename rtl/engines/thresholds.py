"""Thresholds: one number per filter of a convolutional layer."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


def bounds_signature(config):
    """The thresholds, seen from :class:`Thresholds`: z = 2 n - ``bound`` of the present filter.

    After ``start`` this is the first one, and after each ``step`` the next one, the last one being
    followed by the first. ``busy`` is high while the forward phase uses them.
    """
    return wiring.Signature({"start": In(1), "step": In(1), "busy": In(1),
                             "bound": Out(range(2 * config.network[0].fan_in + 1))})


class Thresholds(wiring.Component):
    """Keeps theta_k of every filter k, as the bound F_1 + theta_k.

    Timing
    ------
    ``bounds.bound`` follows ``start`` by two clocks, and ``step`` by one. While ``busy`` is low
    ``value`` is theta of ``filter``, one clock later.

    Parameters
    ----------
    config : Config
    values : sequence of int, or None
        theta of every filter, which then cannot be written: a ROM. Otherwise they begin at 0.

    Members
    -------
    bounds : Out(bounds_signature(config))
    filter : In(range(K_1))
        A ROM does not have this member and those below.
    set : In(1)
        theta of ``filter`` is to be ``theta``.
    theta : In(signed)
    value : Out(signed)
    """

    def __init__(self, config, values=None):
        layer = config.network[0]
        self.config = config
        self.values = None if values is None else tuple(map(int, values))
        theta = signed(layer.fan_in.bit_length() + 1)
        host = {"filter": In(range(layer.neurons)), "set": In(1), "theta": In(theta),
                "value": Out(theta)}
        super().__init__({"bounds": Out(bounds_signature(config)),
                          **(host if values is None else {})})

    def elaborate(self, platform):
        m = Module()
        count, fan_in, bounds = *self.config.shapes[0], self.bounds
        thetas = (0,) * count if self.values is None else self.values
        m.submodules.memory = memory = Memory(
            shape=bounds.bound.shape(), depth=max(2, count),
            init=[fan_in + theta for theta in thetas])
        read = memory.read_port()
        place = Signal(range(count))
        following = Signal.like(place)
        m.d.comb += [
            following.eq(Mux(bounds.step, Mux(place == count - 1, 0, place + 1), place)),
            read.addr.eq(following), bounds.bound.eq(read.data),
        ]
        m.d.sync += place.eq(following)
        with m.If(bounds.start):
            m.d.sync += place.eq(0)
        if self.values is None:
            write = memory.write_port()
            with m.If(~bounds.busy):
                m.d.comb += read.addr.eq(self.filter)
            m.d.comb += [write.addr.eq(self.filter), write.en.eq(self.set),
                         write.data.eq(self.theta + fan_in),
                         self.value.eq(read.data - fan_in)]
        return m
