"""Published federated recommenders, written from their papers, to be measured in our harness."""
