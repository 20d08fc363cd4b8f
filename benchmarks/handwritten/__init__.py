"""Training loops written by hand, the measure of what the package costs."""
