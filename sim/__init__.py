"""Simulation of the generated Verilog: cocotb benches under Verilator, and exact comparison."""
