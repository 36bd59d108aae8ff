"""The conformance suite of the device: language-neutral JSON, its cases, and the script that writes it."""
