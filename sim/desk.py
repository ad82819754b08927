"""A simulated board on the desk: the design of a board behind a pseudo-terminal."""

import os
import threading
import tty

from bep_model import configuration
from bep_model.phases import frame
from bep_model.words import integers
from sim import chips, folders, processes
from sim.board_bench import Pins
from sim.verilator import build, run


def serve(config, announce, *, latency=0, content=None, root="build", **options):
    """Simulate a board until this is interrupted.

    Parameters
    ----------
    config : Config
    announce : callable
        Called with the name of the terminal, a serial port for pyserial, when the board answers
        there.
    latency : int
        Milliseconds for which short answers are held back.
    content : bytes, optional
        A set that the chip of the store holds from the start, see
        :func:`bep_model.stored.pack`.
    root : path
        Build folder.
    **options
        Of ``rtl.board.Board``.

    Raises
    ------
    SimulationError
        When the simulation does not build, or ends.
    """
    with folders.temporary(root) as own, processes.grouped(TMPDIR=str(own)):
        pins = Pins(config, integers(frame.prototypes(config)), **options)
        verilog = pins.verilog()
    simulator = build(verilog, root)
    ours, theirs = os.openpty()  # theirs stays open, so that a host may come and go
    waiting, ready = os.pipe()

    def tell():
        if os.read(waiting, 1):  # else the simulation ended before it was ready
            announce(os.ttyname(theirs))

    teller = threading.Thread(target=tell)
    teller.start()
    try:
        tty.setraw(theirs)
        with folders.temporary(simulator.parent) as folder:
            configuration.dump(folder / "config.toml", config)
            if content is not None:
                assert pins.chip is not None
                (folder / chips.CONTENT).write_bytes(pins.chip.content(content))
            run(simulator, "sim.desk_bench", folder, pass_fds=(ours, ready), variables={
                "DESK_TTY": str(ours), "DESK_READY": str(ready), "DESK_LATENCY": str(latency),
                "DESK_CONFIG": str(folder / "config.toml")})
    finally:
        os.close(ready)
        teller.join()
        os.close(waiting)
        os.close(ours)
        os.close(theirs)
