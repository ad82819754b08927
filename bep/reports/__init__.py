"""Documents, tables and figures made from results."""
