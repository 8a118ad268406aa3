"""What the benchmarks share: programs pinned to processors, repetitions taken in turns, medians, tables and JSON."""
