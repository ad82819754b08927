"""The phases of BEP, one file each, and the order in which they work on samples."""
