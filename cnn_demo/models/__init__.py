"""The models of the demonstration and where their weights are."""
