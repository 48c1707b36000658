"""Fitting estimators in process and writing them as ONNX, one module a framework."""
