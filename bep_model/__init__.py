"""Bit-exact golden model of Binary Error Propagation (BEP), configuration and data; no gateware."""
