"""Citations, and the figures taken from them; none of this was run here."""

from dataclasses import dataclass

PAPER = "Colombo et al. (ICLR 2026, arXiv:2512.04189)"
"""Binary Error Propagation."""

ADAM = "Kingma and Ba, Adam: A Method for Stochastic Optimization (ICLR 2015, arXiv:1412.6980)"
"""Algorithm 1, and the more efficient order of its operations in section 2."""

ZKF = "https://github.com/Zubax/zkf"
"""Zubax Robotics, zkf 0.9.0: floating-point operators in Verilog."""

INTEGER = "Wang et al., NITI (arXiv:2009.13108)"
"""Training with 8-bit integers only; it rounds pseudo-stochastically, without random numbers."""

ICE40_POWER = "https://github.com/tinyvision-ai-inc/ice40_power"
"""tinyVision.ai, "iCE40 Power Testing": currents of an iCE40UP5K-SG48 on Lattice's breakout board,
measured with a Joulescope JS110. Its text adds up the static power."""

SYNTZULU = "https://github.com/gianlucaleone/SYNtzulu"
"""Leone et al., "SYNtzulu: A Tiny RISC-V-Controlled SNN Processor for Real-Time Sensor Data
Analysis on Low-Power FPGAs" (IEEE Transactions on Circuits and Systems I, 2024,
doi:10.1109/TCSI.2024.3450966). Its README has 3,473 logic cells of an iCE40UP5K, 17 block RAMs, 4
SPRAMs, and at most 14.2 mW at 24 MHz, measured on an iCEBreaker at a resistor of 3.3 ohms in place
of the jumper of the core's supply."""
SYNTZULU_MHZ, SYNTZULU_CELLS, SYNTZULU_MW = 24, 3473, 14.2

SRAM_ENERGY = ("Horowitz, Computing's energy problem (and what we can do about it) (ISSCC 2014, "
               "doi:10.1109/ISSCC.2014.6757323)")
"""Figure 1.1.9: 64 bits from a cache of 8 KiB take 10 pJ, from 32 KiB 20 pJ, at 45 nm and 0.9 V."""

ECP5_CURRENT = "https://github.com/butterstick-fpga/butterstick-hardware/issues/2"
"""ButterStick, issue 2, about VCC at 1.1 V: "varies with device densities, but ranges from 77mA on
the 12F to 212mA on the 85F". Not yet checked against the supply currents in standby in Lattice's
data sheet (FPGA-DS-02012)."""


@dataclass(frozen=True)
class Trainer:
    """A published trainer on an FPGA, for comparison.

    What its abstract does not say is None; ``derived`` explains what only follows from it.

    Rates are samples per second at a clock of ``mhz``, ``inference_energy`` is microjoules per
    classification, ``accuracies`` are percent by task. No abstract names the energy of training.
    """

    title: str
    venue: str
    url: str
    part: str
    task: str
    mhz: float
    training: float | None
    inference: float
    inference_energy: float | None
    accuracies: dict
    derived: str

    @property
    def accuracy(self):
        """Accuracy in ``task``."""
        return self.accuracies[self.task]

    @property
    def cycles(self):
        """Clock cycles per trained sample."""
        return None if self.training is None else self.mhz * 1e6 / self.training


TRAINERS = (
    Trainer(
        "Tsetlin Machine-Based Image Classification FPGA Accelerator With On-Device Training",
        "S. A. Tunheim et al., IEEE Transactions on Circuits and Systems I, 2024",
        "https://doi.org/10.1109/TCSI.2024.3519191",
        "Zynq UltraScale+ XCZU7", "Fashion-MNIST", 50, 60_000 / 1.5, 134_000, 13.3,
        {"MNIST": 97.6, "Fashion-MNIST": 84.1},
        "training rate: an epoch of 60,000 samples takes 1.5 s"),
    Trainer(
        "A Convolutional Tsetlin Machine-based Field Programmable Gate Array Accelerator for "
        "Image Classification",
        "S. A. Tunheim et al., International Symposium on the Tsetlin Machine, 2022",
        "https://app.cristin.no/results/show.jsf?id=2068852",
        "Zynq XC7Z020", "4 x 4 images, 2 classes", 30, 100 * 8192 / 1.5, 3.3e6, None,
        {"4 x 4 images, 2 classes": 96.7},
        "training rate: 100 epochs of 8,192 samples take 1.5 s"),
    Trainer(
        "Convolutional Tsetlin Machine-based Training and Inference Accelerator for 2-D Pattern "
        "Classification",
        "S. A. Tunheim et al., Microprocessors and Microsystems 103, 2023",
        "https://hdl.handle.net/11250/3103846",
        "Zynq XC7Z020", "4 x 4 images, 2 classes", 40, None, 4.4e6, 0.6,
        {"4 x 4 images, 2 classes": 99.9}, ""),
)

OTHERS = (
    ("Dynamic Tsetlin Machine Accelerators for On-Chip Training using FPGAs",
     "G. Mao et al., arXiv, 2025", "https://arxiv.org/abs/2504.19797"),
    ("Embedded FPGA Acceleration of Brain-Like Neural Networks: Online Learning to Scalable "
     "Inference", "M. I. Al Hafiz et al., arXiv, 2025", "https://arxiv.org/abs/2506.18530"),
    ("FPGA-based Acceleration of Binary Neural Network Training with Minimized Off-Chip Memory "
     "Access", "ISLPED, 2019", "https://doi.org/10.1109/ISLPED.2019.8824805"),
    ("A Highly Parallel FPGA Implementation of Sparse Neural Network Training",
     "S. Dey et al., ReConFig, 2018", "https://arxiv.org/abs/1806.01087"),
)
"""(title, venue, URL) of trainers whose abstracts name no rate."""
