"""Boards of amaranth-boards with what a trainer needs and the package does not define.

A class adds resources: a serial port at header pins, and the colours of an RGB LED as LEDs.
"""

from amaranth.build import Attrs, Pins, PinsN, Resource
from amaranth_boards.ecpix5 import ECPIX585Platform
from amaranth_boards.icesugar_pro import ICESugarProPlatform
from amaranth_boards.orangecrab_r0_2 import OrangeCrabR0_2_25FPlatform
from amaranth_boards.resources import UARTResource
from amaranth_boards.upduino_v3 import UpduinoV3Platform

ICE40_IO = Attrs(IO_STANDARD="SB_LVCMOS")
ECP5_IO = Attrs(IO_TYPE="LVCMOS33")


class Upduino(UpduinoV3Platform):
    """UPduino v3, with the crystal oscillator as clock: that of the FPGA is off by up to 10 %.

    The oscillator is at pin 20 if the jumper OSC is closed. The pins of the USB chip are those of
    the flash chip, so that the serial port is at the header instead.
    """

    default_clk = "clk12"
    resources = [
        *UpduinoV3Platform.resources,
        UARTResource(0, rx="23", tx="25", attrs=Attrs(IO_STANDARD="SB_LVCMOS", PULLUP=1)),
        Resource("led_r", 0, PinsN("41", dir="o"), ICE40_IO),
        Resource("led_g", 0, PinsN("39", dir="o"), ICE40_IO),
    ]


class OrangeCrab(OrangeCrabR0_2_25FPlatform):
    """OrangeCrab r0.2 with the serial port at header pins 0 and 1, as on any Feather.

    The suffix that the package's dfu-suffix would add to a bitstream is optional.
    """

    resources = [
        *OrangeCrabR0_2_25FPlatform.resources,
        UARTResource(0, rx="0", tx="1", conn=("io", 0),
                     attrs=Attrs(IO_TYPE="LVCMOS33", PULLMODE="UP")),
        Resource("led_r", 0, PinsN("K4", dir="o"), ECP5_IO),
        Resource("led_g", 0, PinsN("M3", dir="o"), ECP5_IO),
    ]

    @property
    def required_tools(self):
        return [tool for tool in super().required_tools if tool != "dfu-suffix"]

    @property
    def command_templates(self):
        return [line for line in super().command_templates if "dfu-suffix" not in line]


class Ecpix5(ECPIX585Platform):
    """ECPIX-5 85F, with colours of its first LED."""

    resources = [
        *ECPIX585Platform.resources,
        Resource("led_r", 0, PinsN("T23", dir="o"), ECP5_IO),
        Resource("led_g", 0, PinsN("R21", dir="o"), ECP5_IO),
    ]


class IceSugarPro(ICESugarProPlatform):
    """iCESugar-Pro, with colours of its LED."""

    resources = [
        *ICESugarProPlatform.resources,
        Resource("led_r", 0, Pins("A11", dir="o"), ECP5_IO),
        Resource("led_g", 0, Pins("A12", dir="o"), ECP5_IO),
    ]
