"""`penchant-sim bench accuracy`: who ranks how well at which epsilon, by one honest protocol."""
