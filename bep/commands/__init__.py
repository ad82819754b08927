"""The commands of `bep`, one file each."""
