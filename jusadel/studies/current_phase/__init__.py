"""Current-phase relations: solved phase by phase, and what is read off them."""
