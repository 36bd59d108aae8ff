"""Preference models: parameters, public item features, the history fold-in, the ONNX release graph."""
