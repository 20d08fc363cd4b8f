"""Training loops and log-likelihoods written by hand, the measure of what the package costs."""
