"""The parts of the benchmark; bench.py runs them."""
