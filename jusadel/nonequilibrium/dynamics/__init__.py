"""Linear response at a frequency: the action of matrices at two frequencies, and what is summed over."""
