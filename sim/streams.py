"""Coroutines for streams in cocotb benches.

Convention of all benches: a coroutine returns just after a rising clock edge. Values read at that
moment are those from before the edge; values written take effect after it.
"""

from cocotb.triggers import ClockCycles, RisingEdge


async def pause(clock, rng, probability):
    """Wait for a random number of clock cycles: each further one with the given probability."""
    while probability and rng.random() < probability:
        await RisingEdge(clock)


async def send(dut, name, payloads, rng=None, idle=0.0):
    """Send words over the input stream ``name`` of ``dut``, back to back unless ``idle``.

    Parameters
    ----------
    dut : cocotb handle
    name : str
        Ports ``name__valid``, ``name__ready`` and ``name__payload`` are used.
    payloads : iterable of int
    rng : random.Random
    idle : float
        Probability of a clock cycle without a word, each time it could be sent.
    """
    valid, ready = getattr(dut, f"{name}__valid"), getattr(dut, f"{name}__ready")
    payload = getattr(dut, f"{name}__payload")
    for value in payloads:
        if idle:
            valid.value = 0
            await pause(dut.clk, rng, idle)
        valid.value = 1
        payload.value = value
        await RisingEdge(dut.clk)
        while not int(ready.value):
            await RisingEdge(ready)  # not for every clock edge, so that the simulation runs on
            # without Python
            await RisingEdge(dut.clk)
    valid.value = 0


async def receive(dut, name, count, rng=None, backpressure=0.0):
    """Receive ``count`` words from the output stream ``name`` of ``dut``.

    Parameters
    ----------
    backpressure : float
        Probability that a clock cycle is not ready.
    dut, name, rng
        As in :func:`send`.

    Returns
    -------
    list of int
    """
    valid, ready = getattr(dut, f"{name}__valid"), getattr(dut, f"{name}__ready")
    payload = getattr(dut, f"{name}__payload")
    words = []
    while len(words) < count:
        is_ready = not (backpressure and rng.random() < backpressure)
        ready.value = int(is_ready)
        await RisingEdge(dut.clk)
        if int(valid.value):
            if is_ready:
                words.append(int(payload.value))
        elif not backpressure:
            await RisingEdge(valid)
    ready.value = 0
    return words


async def reset(dut):
    """Hold reset for two clock cycles."""
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    await RisingEdge(dut.clk)
