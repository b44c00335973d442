"""What is done with what was measured: medians, tables, plots, goals."""
