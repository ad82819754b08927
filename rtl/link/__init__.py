"""The host link: bytes to packets to the ports of a trainer."""
