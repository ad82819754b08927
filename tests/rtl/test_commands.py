"""The exchange with a store against a list of bytes."""

import pytest

from rtl.store.commands import Commands
from tests.rtl.bench import Bench, collect, drive, generator, pause, wait

READ, WRITE, STATUS = 0x13, 0x12, 0x05


def exchange(packets, contents, bits, seed=0, hurry=False, **options):
    """The replies to each packet; ``contents`` is the store, which is changed in place.

    Waiting everywhere is random unless ``hurry``. Returns also the recorded clocks.
    """
    dut = Commands(bits, **options)
    rng = generator(bits, seed)
    chance = 0 if hurry else 0.4
    replies = []
    bench = Bench(dut, 40 * sum(map(len, packets)) + 1000)
    trace = bench.record(reply=dut.reply.valid & dut.reply.ready)

    async def user(ctx):
        for number, packet in enumerate(packets, 1):
            await pause(ctx, rng, chance)
            ctx.set(dut.select, 1)
            await drive(ctx, dut.command, packet, rng, chance)
            while len(replies) < number:
                await wait(ctx, 1)
            ctx.set(dut.select, 0)
            await wait(ctx, 1)

    async def listener(ctx):
        for packet in packets:
            replies.append(await collect(ctx, dut.reply, len(packet), rng, chance))

    async def reader(ctx):
        start = at = None
        while True:
            offer = at is not None and (ctx.get(dut.data.valid) or rng.random() >= chance)
            ctx.set(dut.data.valid, offer)
            ctx.set(dut.data.payload, contents[at % len(contents)] if offer else 0)
            _, _, opened, address, taken = await ctx.tick().sample(
                dut.open, dut.address, dut.data.ready & dut.data.valid)
            if taken:
                ctx.set(dut.data.valid, 0)
            if not opened:
                start = at = None
            elif at is None:
                start = at = address
            else:
                at += taken
                assert address == start
    async def writer(ctx):
        while True:
            ctx.set(dut.write.ready, rng.random() >= chance)
            _, _, written, address, value = await ctx.tick().sample(
                dut.write.valid & dut.write.ready, dut.address, dut.write.payload)
            if written:
                contents[address] = value

    for process in (reader, writer):
        bench.simulator.add_testbench(process, background=True)
    bench.run(user, listener)
    return replies, trace


def head(command, address, count=4):
    return [command, *address.to_bytes(count, "big")]


@pytest.mark.parametrize("bits", [3, 8, 12, 25, 32])
def test_random_packets(bits):
    size = min(1 << bits, 4096)
    rng = generator(bits)
    contents = rng.integers(256, size=size).tolist()
    expected, packets, replies = [*contents], [], []
    for _ in range(40):
        count = int(rng.integers(1, min(size, 20)))
        at = int(rng.integers(size - count + 1))
        if rng.random() < 0.5:
            packets.append([*head(READ, at), *[int(rng.integers(256))] * count])
            replies.append([*[0] * 5, *expected[at:at + count]])
        else:
            values = rng.integers(256, size=count).tolist()
            packets.append([*head(WRITE, at), *values])
            replies.append([0] * len(packets[-1]))
            expected[at:at + count] = values
    assert exchange(packets, contents, bits)[0] == replies
    assert contents == expected


def test_status_and_unknown_commands():
    contents = [7] * 16
    packets = [[STATUS, 0], [0x06], [0x9F, READ, 0, 0, 0, 0, 0, 0, WRITE, 0, 0, 0, 0, 1],
               [READ], [READ, 0, 0, 0, 0], [WRITE], [WRITE, 0, 0, 0, 0], [READ, 0, 0, 0, 1, 0]]
    replies = [[0] * len(packet) for packet in packets]
    replies[-1][-1] = 7
    assert exchange(packets, contents, 4)[0] == replies
    assert contents == [7] * 16


def test_other_commands_and_fewer_address_bytes():
    contents = list(range(64))
    packets = [[0x02, 0, 0, 5, 99, 98], [0x13, 0, 0, 0, 0, 0], [0x03, 0, 0, 4, 0, 0, 0]]
    replies, _ = exchange(packets, contents, 6, address_bytes=3, read_opcode=0x03,
                          write_opcode=0x02)
    assert replies == [[0] * 6, [0] * 6, [0, 0, 0, 0, 4, 99, 98]]


def test_higher_bits_of_an_address_are_ignored():
    replies, _ = exchange([[READ, 0xFF, 0xFF, 0xFF, 0xF3, 0]], list(range(16)), 4)
    assert replies == [[0, 0, 0, 0, 0, 3]]


def test_a_byte_every_third_clock():
    packet = [*head(WRITE, 0), *range(50)]
    _, trace = exchange([packet], [0] * 64, 6, hurry=True)
    assert "001" * 55 in "".join(str(clock.reply) for clock in trace)


def test_refuses_more_bits_than_bytes():
    with pytest.raises(ValueError, match="address_bits must be at most 24, not 25"):
        Commands(25, address_bytes=3)
