"""Amaranth gateware of the BEP trainer; takes only configuration and protocol from bep_model."""
