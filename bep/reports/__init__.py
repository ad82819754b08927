"""Documents, tables and figures made of results."""
