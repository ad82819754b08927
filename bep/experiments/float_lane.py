"""Floating-point operators of the package zkf, to be counted as lanes of a trainer with gradients.

They round to nearest, ties to even, as IEEE 754 does, but have neither NaN nor subnormal numbers,
so they are smaller than full ones. Square root and division are unrolled: one result per clock.
"""

FORMATS = {"fp32": (8, 24), "bf16": (8, 8)}
"""Bits of exponent and significand, the hidden bit included."""

OPERATORS = ("mul", "add", "sqrt", "div")

_SOURCES = ("zkf_mul", "zkf_add", "zkf_divsqrt", "zkf_pipe", "_zkf_pmul", "_zkf_add_core",
            "_zkf_pack", "_zkf_normshift", "_zkf_rshift_sticky", "_zkf_divsqrt_step")


def verilog(operator, form):
    """Verilog of a module ``top`` with the ports clk, a, b and y, for one of :data:`OPERATORS`.

    ``form`` is a name of :data:`FORMATS`. sqrt does not use b.
    """
    import zkf  # an extra, which only the counting needs

    number = zkf.ZkfFormat(*FORMATS[form])
    model = {"mul": lambda: zkf.MulModel(number), "add": lambda: zkf.AddModel(number),
             "sqrt": lambda: zkf.DivsqrtModel(number, mode=1),
             "div": lambda: zkf.DivsqrtModel(number, mode=0)}[operator]()
    which = f", .op_sqrt(1'b{int(operator == 'sqrt')})" if operator in ("sqrt", "div") else ""
    high = number.wfull - 1
    sources = "\n".join(text for name, text in zkf.get_rtl().items()
                        if name.removesuffix(".v") in _SOURCES)
    return f"""{sources}
`default_nettype wire
module top(input clk, input [{high}:0] a, input [{high}:0] b, output [{high}:0] y);
{model.module} #({model.verilog_params}) operator(
    .clk(clk), .rst(1'b0), .in_valid(1'b1), .a(a), .b(b), .y(y){which});
endmodule
"""
