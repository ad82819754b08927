"""The host link: turns bytes into packets, and packets into accesses of a trainer's ports."""
