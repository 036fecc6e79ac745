"""Materials: their numbers, their tensors and what symmetry allows of them."""
