"""Benchmarks: ours, and what users would pick instead, side by side."""
