"""The HTTP paths, by who calls them."""
