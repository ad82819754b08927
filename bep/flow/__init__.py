"""Boards, the synthesis tools, and what a design costs."""
