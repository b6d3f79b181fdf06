"""Tests of the client and of the drop-in, on a real gateway with a fake opencode."""
