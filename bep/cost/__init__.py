"""What a trainer costs on a part, without synthesis: exact where it is derived, else fitted."""
