"""What orchestrates: the Flower ServerApp, the round, the one aggregator, the consent service."""
